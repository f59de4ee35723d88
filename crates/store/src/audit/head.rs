//! Signed heads. What the signature means is not known here.

use domain::time::Timestamp;

use super::MAX_PAGE;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};

/// The end of the chain at an instant, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the last row.
    pub seq: i64,
    /// Its hash.
    pub this: Vec<u8>,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// With which key.
    pub key_id: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A head as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHead {
    /// Its own number.
    pub id: i64,
    /// What it says; `None` when a column holds what no head of ours ever did.
    pub head: Option<Head>,
}

pub(super) async fn keep(db: &Db, head: &Head) -> Result<(), WriteFailed> {
    let mut tx = db.begin().await?;
    // The number is spelled out, for a trigger that runs before the row is there sees none that SQLite would choose.
    // One that was ever given away is not given again.
    let statement = Statement::new(
        "INSERT INTO audit_heads (id, seq, this, signed_at, key_id, signature) \
         VALUES (1 + MAX(COALESCE((SELECT MAX(id) FROM audit_heads), 0), \
         COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'audit_heads'), 0)), $1, $2, $3, $4, $5)",
    )
    .bind(head.seq)
    .bind(head.this.as_slice())
    .bind(head.signed_at)
    .bind(head.key_id.as_str())
    .bind(head.signature.as_slice());
    tx.execute(statement).await?;
    tx.commit().await
}

pub(super) async fn page(db: &Db, id: i64) -> Result<Vec<KeptHead>, ReadFailed> {
    let statement =
        Statement::new("SELECT id, seq, this, signed_at, key_id, signature FROM audit_heads WHERE id > ")
            .push_bind(id)
            .push(" ORDER BY id LIMIT ")
            .push_bind(MAX_PAGE);
    let kept = |row: &Row| Ok(KeptHead { id: row.get("id")?, head: head(row).ok() });
    db.fetch_all(statement).await?.iter().map(kept).collect()
}

pub(super) async fn covered(db: &Db) -> Result<i64, ReadFailed> {
    let statement = Statement::new("SELECT seq FROM audit_heads ORDER BY id DESC LIMIT 1");
    db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.get("seq"))
}

fn head(row: &Row) -> Result<Head, ReadFailed> {
    Ok(Head {
        seq: row.get("seq")?,
        this: row.get("this")?,
        signed_at: row.time("signed_at")?,
        key_id: row.text("key_id")?,
        signature: row.get("signature")?,
    })
}
