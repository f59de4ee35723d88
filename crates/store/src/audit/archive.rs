//! Segments of the trail that were moved to files: which rows may go, which have gone, and the removal of those that
//! are in a file. The triggers of the tables allow exactly this.

use domain::audit::Entry;
use domain::id::JobId;
use domain::time::Timestamp;

use super::{Audit, append};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{ReadFailed, WriteFailed};
use crate::retention;

/// A segment in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// The number of its first row.
    pub from_seq: i64,
    /// The number of its last row, which a signed head covers.
    pub through_seq: i64,
    /// The hash of that row.
    pub this: Vec<u8>,
    /// The name of the file.
    pub file: String,
    /// The SHA-256 of all of the file.
    pub sha256: Vec<u8>,
    /// When it was written.
    pub archived_at: Timestamp,
    /// With which key this is signed.
    pub key_id: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A segment as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptArchive {
    /// Its number.
    pub id: i64,
    /// What it says; `None` when a column holds what no archive of ours ever did.
    pub archived: Option<Archived>,
}

impl Audit<'_> {
    /// The segments that are in files, in their order, each as it is found.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn archives(&self) -> Result<Vec<KeptArchive>, ReadFailed> {
        let statement = Statement::new(
            "SELECT id, from_seq, through_seq, this, file, sha256, archived_at, key_id, signature \
             FROM audit_archived ORDER BY id",
        );
        let kept = |row: &Row| Ok(KeptArchive { id: row.get("id")?, archived: archived(row).ok() });
        self.db.fetch_all(statement).await?.iter().map(kept).collect()
    }

    /// The highest number that any archive ever had; zero when there never was one.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn highest_archive(&self) -> Result<i64, ReadFailed> {
        let statement = Statement::new("SELECT seq FROM sqlite_sequence WHERE name = 'audit_archived'");
        self.db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.get("seq"))
    }

    /// Where a segment of rows that were all written before `before` can end: the number and the hash of a row that a
    /// signed head covers, at most `most` rows away if there is such a one; none when no segment can end.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn archivable(
        &self,
        before: Timestamp,
        most: u32,
    ) -> Result<Option<(i64, Vec<u8>)>, ReadFailed> {
        let from = self.archived_through().await?.saturating_add(1);
        let statement = Statement::new("SELECT seq FROM audit WHERE seq >= ")
            .push_bind(from)
            .and("at >=", Some(before))
            .push(" ORDER BY seq LIMIT 1");
        let young = self.db.fetch_optional(statement).await?;
        let bound = young.map(|row| row.get("seq")).transpose()?.unwrap_or(i64::MAX);
        let near = from.saturating_add(most.into());
        for (end, order) in
            [(bound.min(near), " ORDER BY seq DESC LIMIT 1"), (bound, " ORDER BY seq LIMIT 1")]
        {
            let statement = Statement::new("SELECT seq, this FROM audit_heads WHERE seq >= ")
                .push_bind(from)
                .and("seq <", Some(end))
                .push(order);
            if let Some(row) = self.db.fetch_optional(statement).await? {
                return Ok(Some((row.get("seq")?, row.get("this")?)));
            }
        }
        Ok(None)
    }

    /// The number of the last row that is in a file; zero when none is.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn archived_through(&self) -> Result<i64, ReadFailed> {
        let statement = Statement::new("SELECT COALESCE(MAX(through_seq), 0) AS seq FROM audit_archived");
        self.db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.get("seq"))
    }

    /// Keeps that a segment is in a file, and records it with `entry`, in one transaction. From then on its rows may
    /// be removed.
    ///
    /// # Errors
    /// [`WriteFailed`] when it does not follow the one before it, does not end at a signed head, or the database
    /// cannot be written.
    pub async fn keep_archive(&self, archive: &Archived, entry: &Entry) -> Result<(), WriteFailed> {
        let mut tx = self.db.begin().await?;
        // The number is spelled out: the trigger that runs before the row is there could not see it otherwise.
        let statement = Statement::new(
            "INSERT INTO audit_archived (id, from_seq, through_seq, this, file, sha256, archived_at, key_id, signature) \
             VALUES (1 + MAX(COALESCE((SELECT MAX(id) FROM audit_archived), 0), \
             COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'audit_archived'), 0)), \
             $1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(archive.from_seq)
        .bind(archive.through_seq)
        .bind(archive.this.as_slice())
        .bind(archive.file.as_str())
        .bind(archive.sha256.as_slice())
        .bind(archive.archived_at)
        .bind(archive.key_id.as_str())
        .bind(archive.signature.as_slice());
        tx.execute(statement).await?;
        append(&mut tx, entry).await?;
        tx.commit().await
    }

    /// Removes at most `most` rows that are in a file, the oldest first, and counts them for the run that removes them;
    /// how many.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; then nothing is gone.
    pub async fn remove_archived(&self, most: u32, run: JobId, now: Timestamp) -> Result<u64, WriteFailed> {
        let through = self.archived_through().await?;
        let statement = Statement::new("DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq <= ")
            .push_bind(through)
            .push(" ORDER BY seq LIMIT ")
            .push_bind(most)
            .push(")");
        let mut tx = self.db.begin().await?;
        let removed = tx.execute(statement).await?;
        if removed > 0 {
            retention::count(&mut tx, run, removed, now).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }
}

fn archived(row: &Row) -> Result<Archived, ReadFailed> {
    Ok(Archived {
        from_seq: row.get("from_seq")?,
        through_seq: row.get("through_seq")?,
        this: row.get("this")?,
        file: row.text("file")?,
        sha256: row.get("sha256")?,
        archived_at: row.time("archived_at")?,
        key_id: row.text("key_id")?,
        signature: row.get("signature")?,
    })
}
