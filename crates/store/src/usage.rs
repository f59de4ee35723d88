//! Records of calls: one row per call, posted from the outbox, listed and summed for people. Nothing here is ever
//! changed or removed; what is kept of a call for a while only is in `traces`.

mod kinds;
mod places;
mod post;
mod recent;
pub(crate) mod record;
mod summary;

use domain::audit::Entry;
use domain::batch::Batch;
use domain::file::{File, Removed};
use domain::id::{CallId, KeyId, OrgId, ProjectId};
use domain::pinned::Pinned;
use domain::time::Timestamp;
use domain::usage::CallSettled;

use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::page::Order;

pub(crate) use kinds::Kinds;
pub use recent::Spent;
pub use summary::{Group, GroupBy};

/// Most records that one page holds.
pub const MAX_PAGE: u32 = 1_000;

/// A place in the outbox: lane, segment, and the byte offset behind the last posted record.
pub type Position = (u16, u64, u64);

/// What is posted at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Posting<'a> {
    /// Calls; one that is posted already changes nothing.
    pub calls: &'a [CallSettled],
    /// Rows for the audit trail.
    pub rows: &'a [Entry],
    /// Answers that providers keep.
    pub pinned: &'a [Pinned],
    /// Files that providers keep.
    pub filed: &'a [File],
    /// Files that are gone.
    pub removed: &'a [Removed],
    /// Batches, with their names or without.
    pub batched: &'a [Batch],
    /// The places of the outbox that all of it came from.
    pub positions: &'a [Position],
}

/// Which records to read; absent means any.
#[derive(Debug, Clone, Default)]
pub struct UsageFilter {
    /// Of this organization.
    pub org: Option<OrgId>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of this key.
    pub key: Option<KeyId>,
    /// Of this model, as the provider knows it or, where the trace is still kept, as the caller wrote it.
    pub model: Option<String>,
    /// Of this request id, as it was answered to the caller; found while the trace is kept.
    pub request_id: Option<String>,
    /// Begun at this time or later.
    pub since: Option<Timestamp>,
    /// Begun before this time.
    pub until: Option<Timestamp>,
}

/// Where a page begins: after this record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the record's call began.
    pub started_at: Timestamp,
    /// The record's call.
    pub call: CallId,
}

impl Cursor {
    /// The place behind `record`.
    #[must_use]
    pub fn after(record: &CallSettled) -> Self {
        Self { started_at: record.opened.started_at, call: record.opened.call }
    }
}

/// The records of calls.
pub struct Usage<'a> {
    db: &'a Db,
    kinds: &'a Kinds,
}

impl<'a> Usage<'a> {
    pub(crate) fn new(db: &'a Db, kinds: &'a Kinds) -> Self {
        Self { db, kinds }
    }

    /// Posts calls and the places of the outbox that they came from, all or nothing. A call that is already posted
    /// changes nothing, so the same batch may be posted again. Says how many calls were new.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; nothing was posted.
    pub async fn post(&self, calls: &[CallSettled], positions: &[Position]) -> Result<u64, WriteFailed> {
        self.post_batch(&Posting { calls, positions, ..Posting::default() }).await
    }

    /// The same with the rows for the audit trail that came out of the outbox with the calls.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; nothing was posted.
    pub async fn post_with_audit(
        &self,
        calls: &[CallSettled],
        rows: &[Entry],
        positions: &[Position],
    ) -> Result<u64, WriteFailed> {
        self.post_batch(&Posting { calls, rows, positions, ..Posting::default() }).await
    }

    /// The same with everything that comes out of the outbox.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; nothing was posted.
    pub async fn post_batch(&self, posting: &Posting<'_>) -> Result<u64, WriteFailed> {
        post::post(self.db, self.kinds, posting).await
    }

    /// How far each lane of the outbox has been posted.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn positions(&self) -> Result<Vec<Position>, ReadFailed> {
        let statement =
            Statement::new("SELECT lane, segment, byte_offset FROM outbox_positions ORDER BY lane");
        let rows = self.db.fetch_all(statement).await?;
        rows.iter()
            .map(|row| Ok((row.number("lane")?, row.number("segment")?, row.number("byte_offset")?)))
            .collect()
    }

    /// The records as people read them, of all organizations.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records::new(self.db, None)
    }

    /// A page of records, newest first: at most `limit`, and never more than [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(
        &self,
        filter: &UsageFilter,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Vec<CallSettled>, ReadFailed> {
        self.records().list(filter, limit, after).await
    }

    /// The records that fit, counted and summed by `by`: days in their order, anything else by cost, highest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn summary(&self, by: GroupBy, filter: &UsageFilter) -> Result<Vec<Group>, ReadFailed> {
        self.records().summary(by, filter).await
    }
}

/// Records of calls: of one organization, or of all.
pub struct Records<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// A page of records, newest first: at most `limit`, and never more than [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(
        &self,
        filter: &UsageFilter,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Vec<CallSettled>, ReadFailed> {
        self.page(filter, limit, after, Order::NewestFirst).await
    }

    /// The same, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list_oldest(
        &self,
        filter: &UsageFilter,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Vec<CallSettled>, ReadFailed> {
        self.page(filter, limit, after, Order::OldestFirst).await
    }

    async fn page(
        &self,
        filter: &UsageFilter,
        limit: u32,
        after: Option<Cursor>,
        order: Order,
    ) -> Result<Vec<CallSettled>, ReadFailed> {
        let statement = places::page(self.org, filter, limit, after, order);
        self.db.fetch_all(statement).await?.iter().map(record::read).collect()
    }

    /// The records that fit, counted and summed by `by`: days in their order, anything else by cost, highest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn summary(&self, by: GroupBy, filter: &UsageFilter) -> Result<Vec<Group>, ReadFailed> {
        summary::summary(self.db, self.org, by, filter).await
    }
}

/// The books alone, and the books with the traces that are still kept.
macro_rules! books {
    () => {
        " FROM usage_calls c JOIN usage_kinds k ON k.kind = c.kind"
    };
}
const BOOKS: &str = concat!(books!(), " WHERE 1 = 1");
const WITH_TRACES: &str =
    concat!(books!(), " LEFT JOIN traces t ON t.call = c.call_id AND t.at = c.started_at WHERE 1 = 1");

/// Where to look for what `filter` asks for.
fn tables(filter: &UsageFilter) -> &'static str {
    if filter.model.is_some() || filter.request_id.is_some() { WITH_TRACES } else { BOOKS }
}

/// Appends what `filter` asks for to a statement that ends in its `WHERE`.
fn filtered(statement: Statement, filter: &UsageFilter) -> Statement {
    let statement = statement
        .and("org_id =", filter.org.map(|org| org.to_string()))
        .and("project_id =", filter.project.map(|project| project.to_string()))
        .and("key_id =", filter.key.map(|key| key.to_string()))
        .and("request_id =", filter.request_id.clone())
        .and("started_at >=", filter.since)
        .and("started_at <", filter.until);
    match &filter.model {
        Some(model) => statement
            .push(" AND (model = ")
            .push_bind(model.as_str())
            .push(" OR model_asked = ")
            .push_bind(model.as_str())
            .push(" OR provider || '/' || model = ")
            .push_bind(model.as_str())
            .push(")"),
        None => statement,
    }
}
