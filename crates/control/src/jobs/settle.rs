//! From the outbox to the books: settled calls and entries of the audit trail are posted in batches, each with its
//! position in one transaction, so that nothing is lost and nothing counts twice.

use std::time::Duration;

use live::outbox::{Batch, Reader};
use store::Store;
use store::usage::Posting;
use tokio::sync::watch;
use tokio::time::timeout;

/// Most records posted in one transaction.
const BATCH: usize = 4_000;
/// Pause after a post of fewer, in which more arrive: a transaction costs about as much for one record as for many.
const PACE: Duration = Duration::from_millis(100);
/// Pause after a post that failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Posts until `stop` turns true and nothing is left to read.
pub async fn run(mut reader: Reader, store: Store, mut stop: watch::Receiver<bool>) {
    loop {
        let read = tokio::select! {
            read = reader.next(BATCH) => read,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match read {
            Ok(mut batch) => {
                in_order(&mut batch);
                if !post(&mut reader, &store, &batch, &stop).await {
                    return;
                }
                if batch.len() < BATCH {
                    // Whether time or the stop ends it: what is left is read next.
                    let _ = timeout(PACE, stop.wait_for(|stop| *stop)).await;
                }
            }
            Err(failed) => {
                tracing::error!(%failed, "the outbox cannot be read");
                tokio::time::sleep(LONGEST_PAUSE).await;
            }
        }
    }
    // Nothing is appended any more: what is left is posted before the store closes.
    loop {
        match reader.try_next(BATCH) {
            Ok(Some(mut batch)) => {
                in_order(&mut batch);
                if !post(&mut reader, &store, &batch, &stop).await {
                    return;
                }
            }
            Ok(None) => return,
            Err(failed) => {
                tracing::error!(%failed, "the outbox cannot be read; the rest is posted at the next start");
                return;
            }
        }
    }
}

/// Puts what the audit trail is told into the order in which it happened: records of different threads come lane by lane.
fn in_order(batch: &mut Batch) {
    batch.noted.sort_by_key(|entry| entry.at);
}

/// Posts one batch; false when it was given up because the process stops. It is then posted at the next start.
async fn post(reader: &mut Reader, store: &Store, batch: &Batch, stop: &watch::Receiver<bool>) -> bool {
    let positions: Vec<store::usage::Position> =
        batch.positions.iter().map(|p| (p.lane, p.segment, p.offset)).collect();
    let posting = Posting {
        calls: &batch.settled,
        rows: &batch.noted,
        pinned: &batch.pinned,
        filed: &batch.filed,
        removed: &batch.removed,
        batched: &batch.batched,
        positions: &positions,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match store.usage().post_batch(&posting).await {
            Ok(posted) => {
                tracing::debug!(
                    calls = batch.settled.len(),
                    posted,
                    noted = batch.noted.len(),
                    "records posted"
                );
                break;
            }
            Err(failed) => {
                tracing::error!(%failed, records = batch.len(), "records could not be posted; trying again");
                if *stop.borrow() && pause >= LONGEST_PAUSE {
                    return false;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    if let Err(failed) = reader.confirm(&batch.positions) {
        tracing::error!(%failed, "posted records could not be taken out of the outbox");
    }
    true
}
