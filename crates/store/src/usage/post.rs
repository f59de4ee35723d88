//! Posting: a batch of calls and the places of the outbox they came from, in one transaction.

use std::collections::BTreeMap;

use domain::id::KeyId;
use domain::time::Timestamp;
use domain::usage::{CallOpened, CallSettled};

use super::kinds::{Kinds, Numbers};
use super::{Position, Posting, record};
use crate::audit;
use crate::batches;
use crate::db::statement::{Bind, Statement, in_lots};
use crate::db::{Db, Tx, WriteFailed};
use crate::files;
use crate::keys;
use crate::traces;

pub(super) async fn post(db: &Db, kinds: &Kinds, posting: &Posting<'_>) -> Result<u64, WriteFailed> {
    let Posting { calls, rows, pinned, filed, removed, batched, positions } = *posting;
    let kept = filed.is_empty() && removed.is_empty() && batched.is_empty();
    if calls.is_empty() && rows.is_empty() && pinned.is_empty() && kept && positions.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let found = kinds.find(&mut tx, calls).await?;
    let posted = insert(&mut tx, calls, &found.numbers).await?;
    for call in calls {
        batches::settle(&mut tx, call).await?;
    }
    keys::touch(&mut tx, &last_used(calls)).await?;
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
    keep(&mut tx, positions).await?;
    tx.commit().await?;
    kinds.remember(found);
    Ok(posted)
}

/// Puts calls into the books in the order of time, in which their rows lie there, and their traces beside them. Says how
/// many were new.
async fn insert(tx: &mut Tx, calls: &[CallSettled], numbers: &[Numbers]) -> Result<u64, WriteFailed> {
    let place = |(call, _): &(&CallSettled, Numbers)| (call.opened.started_at, call.opened.call);
    let mut calls: Vec<(&CallSettled, Numbers)> = calls.iter().zip(numbers.iter().copied()).collect();
    calls.sort_by_key(place);
    // Of a call that comes twice, the first record stands.
    calls.dedup_by_key(|call| place(call));
    let traced: Vec<&CallOpened> =
        calls.iter().map(|(call, _)| &call.opened).filter(|opened| opened.trace.is_some()).collect();
    traces::keep_of_new(tx, &traced).await?;
    let (whole, plain): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(call, _)| record::has_rare(call));
    let mut posted = 0;
    for calls in in_lots(&plain) {
        let rows = calls.iter().map(|(call, numbers)| record::write(call, *numbers));
        posted += tx.execute(Statement::insert_rows(record::INSERT, rows).push(UNLESS_THERE)).await?;
    }
    for calls in in_lots(&whole) {
        let rows = calls.iter().map(|(call, numbers)| record::write_whole(call, *numbers));
        posted += tx.execute(Statement::insert_rows(record::INSERT_WHOLE, rows).push(UNLESS_THERE)).await?;
    }
    Ok(posted)
}

const UNLESS_THERE: &str = " ON CONFLICT (started_at, call_id) DO NOTHING";

fn last_used(calls: &[CallSettled]) -> Vec<(KeyId, Timestamp)> {
    let mut used = BTreeMap::new();
    for call in calls {
        let at = used.entry(call.opened.key).or_insert(call.opened.started_at);
        *at = call.opened.started_at.max(*at);
    }
    used.into_iter().collect()
}

/// Remembers places. One may lie before the one that is known: an outbox that was emptied begins anew.
async fn keep(tx: &mut Tx, positions: &[Position]) -> Result<(), WriteFailed> {
    let whole = |place: u64| i64::try_from(place).map_err(|error| sqlx::Error::Encode(Box::new(error)));
    for positions in in_lots(positions) {
        let rows = positions
            .iter()
            .map(|(lane, segment, offset)| {
                Ok([(*lane).into(), whole(*segment)?.into(), whole(*offset)?.into()])
            })
            .collect::<Result<Vec<[Bind; 3]>, sqlx::Error>>()?;
        let insert = "INSERT INTO outbox_positions (lane, segment, byte_offset) VALUES ";
        let statement = Statement::insert_rows(insert, rows).push(
            " ON CONFLICT (lane) DO UPDATE SET segment = excluded.segment, byte_offset = excluded.byte_offset",
        );
        tx.execute(statement).await?;
    }
    Ok(())
}
