//! Traces: what a call leaves beside the books, for as long as it may be kept. Kept with the call's record, read with
//! it, and gone before it.

use domain::id::{CallId, KeyId, OrgId, UserId};
use domain::time::Timestamp;
use domain::usage::{CallOpened, Pace, Trace};

use crate::db::row::Row;
use crate::db::statement::{Bind, Statement, in_lots};
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

/// The columns to write, in the order of [`row`].
macro_rules! columns {
    () => {
        "(call, org, api_key, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms, at)"
    };
}

/// Keeps the trace of a call, if it left one.
pub(crate) async fn keep(tx: &mut Tx, opened: &CallOpened) -> Result<(), WriteFailed> {
    let insert = concat!("INSERT INTO traces ", columns!(), " VALUES ");
    let Some(row) = row(opened) else { return Ok(()) };
    let statement = Statement::insert_rows(insert, [row]).push(" ON CONFLICT (call) DO NOTHING");
    tx.execute(statement).await.map(drop)
}

/// Keeps the traces of calls that left one and are not in the books yet: a call that is posted again may have one whose time
/// is over.
pub(crate) async fn keep_of_new(tx: &mut Tx, calls: &[&CallOpened]) -> Result<(), WriteFailed> {
    for opened in in_lots(calls) {
        let rows = opened.iter().filter_map(|opened| row(opened));
        let statement = Statement::insert_rows(concat!("WITH left_now ", columns!(), " AS (VALUES "), rows)
            .push(concat!(") INSERT INTO traces ", columns!()))
            .push(
                " SELECT call, org, api_key, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms, at \
                 FROM left_now WHERE NOT EXISTS (SELECT 1 FROM usage_calls u WHERE u.started_at = left_now.at \
                 AND u.call_id = left_now.call) ON CONFLICT (call) DO NOTHING",
            );
        tx.execute(statement).await?;
    }
    Ok(())
}

fn row(opened: &CallOpened) -> Option<[Bind; 10]> {
    let Trace { request_id, model_asked, streamed, pace } = opened.trace.as_ref()?;
    Some([
        opened.call.to_string().into(),
        opened.org.to_string().into(),
        opened.key.to_string().into(),
        request_id.as_str().into(),
        model_asked.as_str().into(),
        (*streamed).into(),
        u32::from(pace.attempts).into(),
        pace.first_byte_ms.into(),
        pace.total_ms.into(),
        opened.started_at.into(),
    ])
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
