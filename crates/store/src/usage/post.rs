//! Posting: a batch of calls and the places of the outbox they came from, in one transaction.

use std::collections::BTreeMap;

use domain::id::KeyId;
use domain::time::Timestamp;
use domain::usage::CallSettled;

use super::{Position, Posting, record};
use crate::audit;
use crate::db::statement::Statement;
use crate::db::{Db, Tx, WriteFailed};
use crate::keys;
use crate::traces;

pub(super) async fn post(db: &Db, posting: &Posting<'_>) -> Result<u64, WriteFailed> {
    let Posting { calls, rows, pinned, positions } = *posting;
    if calls.is_empty() && rows.is_empty() && pinned.is_empty() && positions.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let mut posted = 0;
    // One row each: several in a statement are slower in SQLite, which looks bound values up one by one.
    for call in calls {
        let new = tx.execute(insert(call)).await?;
        // A call that is posted again may have a trace whose time is over.
        if new > 0 {
            traces::keep(&mut tx, &call.opened).await?;
        }
        posted += new;
    }
    for (key, at) in last_used(calls) {
        keys::touch(&mut tx, key, at).await?;
    }
    for row in rows {
        audit::append(&mut tx, row).await?;
    }
    for answer in pinned {
        crate::pinned::keep(&mut tx, answer).await?;
    }
    for position in positions {
        keep(&mut tx, position).await?;
    }
    tx.commit().await?;
    Ok(posted)
}

fn insert(call: &CallSettled) -> Statement {
    record::write(Statement::new(record::INSERT), call).push(" ON CONFLICT (call_id) DO NOTHING")
}

fn last_used(calls: &[CallSettled]) -> BTreeMap<KeyId, Timestamp> {
    let mut used = BTreeMap::new();
    for call in calls {
        let at = used.entry(call.opened.key).or_insert(call.opened.started_at);
        *at = call.opened.started_at.max(*at);
    }
    used
}

/// Remembers a place. It may lie before the one that is known: an outbox that was emptied begins anew.
async fn keep(tx: &mut Tx, (lane, segment, offset): &Position) -> Result<(), WriteFailed> {
    let whole = |place: u64| i64::try_from(place).map_err(|error| sqlx::Error::Encode(Box::new(error)));
    let statement = Statement::new(
        "INSERT INTO outbox_positions (lane, segment, byte_offset) VALUES ($1, $2, $3) \
         ON CONFLICT (lane) DO UPDATE SET segment = excluded.segment, byte_offset = excluded.byte_offset",
    )
    .bind(*lane)
    .bind(whole(*segment)?)
    .bind(whole(*offset)?);
    tx.execute(statement).await.map(drop)
}
