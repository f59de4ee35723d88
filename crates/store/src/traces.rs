//! Traces: what a call leaves beside the books, for as long as it may be kept. Kept with the call's record, read with
//! it, and gone before it.

use domain::id::{CallId, KeyId, OrgId, UserId};
use domain::time::Timestamp;
use domain::usage::{CallOpened, Pace, Trace};

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// A trace with the call that left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTrace {
    /// The call.
    pub call: CallId,
    /// Whose call it was.
    pub org: OrgId,
    /// With which key.
    pub key: KeyId,
    /// When it began.
    pub at: Timestamp,
    /// What it left.
    pub trace: Trace,
}

/// The oldest traces of the calls with keys that a person made, oldest first, at most `most`.
pub(crate) async fn of_person(db: &Db, user: UserId, most: u32) -> Result<Vec<CallTrace>, ReadFailed> {
    let statement = Statement::new(
        "SELECT call, org, api_key, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms, at \
         FROM traces WHERE api_key IN (SELECT id FROM api_keys WHERE user_id = $1) ORDER BY at, call LIMIT ",
    )
    .bind(user.to_string())
    .push_bind(most);
    let rows = db.fetch_all(statement).await?;
    rows.iter().filter_map(|row| call_trace(row).transpose()).collect()
}

fn call_trace(row: &Row) -> Result<Option<CallTrace>, ReadFailed> {
    let Some(trace) = read(row)? else { return Ok(None) };
    let (call, org, key) = (row.parse("call")?, row.parse("org")?, row.parse("api_key")?);
    Ok(Some(CallTrace { call, org, key, at: row.time("at")?, trace }))
}

/// Keeps the trace of a call that is being posted, if it left one.
pub(crate) async fn keep(tx: &mut Tx, opened: &CallOpened) -> Result<(), WriteFailed> {
    let Some(Trace { request_id, model_asked, streamed, pace }) = &opened.trace else { return Ok(()) };
    let statement = Statement::new(
        "INSERT INTO traces (call, org, api_key, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms, \
         at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (call) DO NOTHING",
    )
    .bind(opened.call.to_string())
    .bind(opened.org.to_string())
    .bind(opened.key.to_string())
    .bind(request_id.as_str())
    .bind(model_asked.as_str())
    .bind(*streamed)
    .bind(u32::from(pace.attempts))
    .bind(pace.first_byte_ms)
    .bind(pace.total_ms)
    .bind(opened.started_at);
    tx.execute(statement).await.map(drop)
}

/// Reads the trace of a record, if it is still kept.
pub(crate) fn read(row: &Row) -> Result<Option<Trace>, ReadFailed> {
    let request_id: Option<String> = row.get("request_id")?;
    let Some(request_id) = request_id else { return Ok(None) };
    Ok(Some(Trace {
        request_id,
        model_asked: row.text("model_asked")?,
        streamed: row.get("streamed")?,
        pace: Pace {
            attempts: row.number("attempts")?,
            first_byte_ms: row.number("first_byte_ms")?,
            total_ms: row.number("total_ms")?,
        },
    }))
}

/// Removes every trace of the calls with keys that a person made; how many.
pub(crate) async fn erase(tx: &mut Tx, user: UserId) -> Result<u64, WriteFailed> {
    let statement =
        Statement::new("DELETE FROM traces WHERE api_key IN (SELECT id FROM api_keys WHERE user_id = $1)");
    tx.execute(statement.bind(user.to_string())).await
}
