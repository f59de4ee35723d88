//! The audit trail: rows are appended in the transaction of the change they tell of, so that neither is there without
//! the other. Nothing here changes a row, and none is removed that is not in an archive: the tables' triggers would refuse
//! it.

mod archive;
mod head;
mod row;
mod rows;
mod verifications;

use domain::address::Block;
use domain::audit::Entry;
use domain::audit::chain::{GENESIS, Hash, Link, seal};
use domain::audit::detail::Detail;

use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::idempotency;

pub use archive::{Archived, KeptArchive};
pub use head::{Head, KeptHead};
pub use row::Kept;
pub use rows::{AuditFilter, Rows};
pub use verifications::{ProofRefused, ProofState, Verification};

/// Most rows or heads that one page holds.
pub const MAX_PAGE: u32 = 1_000;

/// The audit trail.
pub struct Audit<'a> {
    db: &'a Db,
}

impl<'a> Audit<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The hash that chains the rows.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.db.hash()
    }

    /// The rows as people read them, of all organizations and of the installation.
    #[must_use]
    pub fn rows(&self) -> Rows<'a> {
        Rows::new(self.db, None)
    }

    /// Records an act that changes nothing else in the database.
    ///
    /// # Errors
    /// [`WriteFailed`] when it cannot be recorded; what it tells of must then not happen.
    pub async fn record(&self, entry: &Entry) -> Result<(), WriteFailed> {
        self.rows().record(entry).await
    }

    /// The rows after number `seq` in their order, at most [`MAX_PAGE`], each as it is found: also one that can no
    /// longer be read.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, seq: i64) -> Result<Vec<Kept>, ReadFailed> {
        let statement = Statement::new(row::COLUMNS)
            .and("seq >", Some(seq))
            .push(" ORDER BY seq LIMIT ")
            .push_bind(MAX_PAGE);
        self.db.fetch_all(statement).await?.iter().map(row::kept).collect()
    }

    /// The rows after number `seq` that fit, in their order, at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer, or holds a row that cannot be read.
    pub async fn fitting(&self, filter: &AuditFilter, seq: i64) -> Result<Vec<Link>, ReadFailed> {
        self.rows().fitting(filter, seq, MAX_PAGE).await
    }

    /// The newest rows that fit, newest first, at most `most`.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer, or holds a row that cannot be read.
    pub async fn newest(&self, filter: &AuditFilter, most: u32) -> Result<Vec<Link>, ReadFailed> {
        self.rows().newest(filter, None, most).await
    }

    /// The last row's number and hash; `None` when there is no row.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn end(&self) -> Result<Option<(i64, Vec<u8>)>, ReadFailed> {
        let row = self.db.fetch_optional(Statement::new(END)).await?;
        row.map(|row| Ok((row.get("seq")?, row.get("this")?))).transpose()
    }

    /// The highest number that any row ever had; zero when there never was one.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn highest(&self) -> Result<i64, ReadFailed> {
        self.db.fetch_optional(Statement::new(HIGHEST)).await?.map_or(Ok(0), |row| row.get("seq"))
    }

    /// The highest number that any signed head ever had; zero when there never was one.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn highest_head(&self) -> Result<i64, ReadFailed> {
        let statement = Statement::new("SELECT seq FROM sqlite_sequence WHERE name = 'audit_heads'");
        self.db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.get("seq"))
    }

    /// Keeps a signed head.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn keep_head(&self, head: &Head) -> Result<(), WriteFailed> {
        head::keep(self.db, head).await
    }

    /// The signed heads after number `id` in the order of their signing, at most [`MAX_PAGE`], each as it is found.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn heads(&self, id: i64) -> Result<Vec<KeptHead>, ReadFailed> {
        head::page(self.db, id).await
    }

    /// The row number that the last head covers; zero when there is no head.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn covered(&self) -> Result<i64, ReadFailed> {
        head::covered(self.db).await
    }
}

/// What a row says of the addresses that something may be used from. The list is cut like any text; its length is not.
pub(crate) fn with_addresses(detail: Detail, allowed_ips: Option<&[Block]>) -> Detail {
    match allowed_ips {
        None => detail.text("allowed_ips", "anywhere"),
        Some([]) => detail.text("allowed_ips", "nowhere"),
        Some(blocks) => {
            let list = blocks.iter().map(Block::to_string).collect::<Vec<_>>().join(",");
            detail.text("allowed_ips", list).number("blocks", u64::try_from(blocks.len()).unwrap_or(u64::MAX))
        }
    }
}

const END: &str = "SELECT seq, this FROM audit ORDER BY seq DESC LIMIT 1";
const HIGHEST: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'";

/// Appends a row in the transaction of the change it tells of, and with it that the write's attempt has done something;
/// of an attempt in whose place there is another, nothing is kept. A row of the outbox that is there already stays as it
/// is.
pub(crate) async fn append(tx: &mut Tx, entry: &Entry) -> Result<(), WriteFailed> {
    if !entry.event.is_empty() {
        let known = Statement::new("SELECT seq FROM audit WHERE event = $1").bind(entry.event.as_str());
        if tx.fetch_optional(known).await?.is_some() {
            return Ok(());
        }
    }
    if let Some(claim) = entry.claim {
        idempotency::acted(tx, claim).await?;
    }
    let (last, prev) = match tx.fetch_optional(Statement::new(END)).await? {
        Some(row) => (row.get("seq")?, row.get("this")?),
        None => (0, GENESIS.to_vec()),
    };
    let highest = match tx.fetch_optional(Statement::new(HIGHEST)).await? {
        Some(row) => row.get("seq")?,
        None => 0,
    };
    let seq = i64::max(last, highest).saturating_add(1);
    let this = seal(tx.hash(), &prev, entry).to_vec();
    tx.execute(row::insert(&Link { seq, entry: entry.clone(), prev, this })).await.map(drop)
}
