//! Posting: a batch of calls and the places of the outbox they came from, in one transaction.

use std::collections::BTreeMap;

use domain::id::KeyId;
use domain::time::Timestamp;
use domain::usage::CallSettled;

use super::{Position, Posting, record};
use crate::audit;
use crate::batches;
use crate::db::statement::Statement;
use crate::db::{Db, Tx, WriteFailed};
use crate::files;
use crate::keys;
use crate::traces;

/// Calls that one statement inserts: as many cost little more than one. Each number of rows is a statement of its own
/// that the connection keeps prepared.
const ROWS: usize = 32;

pub(super) async fn post(db: &Db, posting: &Posting<'_>) -> Result<u64, WriteFailed> {
    let Posting { calls, rows, pinned, filed, removed, batched, positions } = *posting;
    let kept = filed.is_empty() && removed.is_empty() && batched.is_empty();
    if calls.is_empty() && rows.is_empty() && pinned.is_empty() && kept && positions.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let mut posted = 0;
    let (traced, bare): (Vec<_>, Vec<_>) = calls.iter().partition(|call| call.opened.trace.is_some());
    for calls in bare.chunks(ROWS) {
        posted += tx.execute(insert(calls)).await?;
    }
    for call in traced {
        let new = tx.execute(insert(&[call])).await?;
        // A call that is posted again may have a trace whose time is over.
        if new > 0 {
            traces::keep(&mut tx, &call.opened).await?;
        }
        posted += new;
    }
    for call in calls {
        batches::settle(&mut tx, call).await?;
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
    for batch in batched {
        batches::keep(&mut tx, batch).await?;
    }
    for file in filed {
        files::keep(&mut tx, file).await?;
    }
    for file in removed {
        files::remove(&mut tx, file).await?;
    }
    for position in positions {
        keep(&mut tx, position).await?;
    }
    tx.commit().await?;
    Ok(posted)
}

fn insert(calls: &[&CallSettled]) -> Statement {
    let rows = calls.iter().map(|call| record::write(call));
    Statement::insert_rows(record::INSERT, rows).push(" ON CONFLICT (call_id) DO NOTHING")
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
