//! Callers who have not proved who they are: counted by address, answered no sooner than the floor, and never so
//! many at once that their waiting costs the others.

use std::time::Duration;

use domain::address::Source;
use domain::code::Code;
use domain::limit::Exceeded;
use live::counters::Unit;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::arrival::Arrival;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};

/// Time between reading a request and refusing its credential: long enough to hide what was looked up.
const FLOOR: Duration = Duration::from_millis(80);

/// Which requests of an address count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counts {
    /// Refused credentials, and paths that do not exist.
    #[default]
    Failures,
    /// All but questions for health.
    All,
}

/// How callers without a proven key are held off.
#[derive(Debug, Clone, Copy)]
pub struct Strangers {
    /// Counted requests of one address in any 60 seconds.
    pub requests_per_minute: u32,
    /// Which requests count.
    pub counts: Counts,
    /// Most refusals that wait for the floor at once; beyond it a connection is closed without an answer.
    pub parked: usize,
}

/// Ends a request that failed to prove its caller: with the refusal, or with another one when its address fails too
/// often.
pub(crate) async fn refuse(gate: &Gateway, arrival: &Arrival, refusal: Refusal) -> Stop {
    let refusal = fail(gate, arrival).err().unwrap_or(refusal);
    park(&gate.parking, refusal, arrival).await
}

/// Counts a failure in the open: of a request that asks for nothing a key is needed for. Its refusal has nothing to
/// hide and waits for nothing.
pub(crate) async fn stray(gate: &Gateway, arrival: &Arrival, refusal: Refusal) -> Stop {
    match fail(gate, arrival) {
        Ok(()) => refusal.into(),
        Err(limited) => park(&gate.parking, limited, arrival).await,
    }
}

/// Whether the address may ask at all; counts the request where all requests count.
pub(crate) async fn greet(gate: &Gateway, arrival: &Arrival) -> Result<(), Stop> {
    let Strangers { requests_per_minute: limit, counts, .. } = gate.settings.strangers;
    let source = Source::of(arrival.client);
    let standing = match counts {
        Counts::All => gate.sources.count(source, limit, arrival.at).map(drop),
        Counts::Failures => gate.sources.look(source, limit, arrival.at),
    };
    match standing {
        Ok(()) => Ok(()),
        Err(exceeded) => Err(park(&gate.parking, limited(gate, arrival, exceeded), arrival).await),
    }
}

fn fail(gate: &Gateway, arrival: &Arrival) -> Result<(), Refusal> {
    let Strangers { requests_per_minute: limit, counts, .. } = gate.settings.strangers;
    match counts {
        // It was counted when it came.
        Counts::All => Ok(()),
        Counts::Failures => {
            let counted = gate.sources.count(Source::of(arrival.client), limit, arrival.at);
            counted.map(drop).map_err(|exceeded| limited(gate, arrival, exceeded))
        }
    }
}

fn limited(gate: &Gateway, arrival: &Arrival, exceeded: Exceeded) -> Refusal {
    let limit = gate.settings.strangers.requests_per_minute;
    tracing::info!(
        call = %arrival.call, client = %arrival.client, limit = "ip_requests_per_minute", "rate limited"
    );
    Refusal::new(Code::RateLimited, "Too many requests come from this address.")
        .retry_after_ms(exceeded.retry_after_ms)
        .limited(Unit::Requests, limit, exceeded.reset_ms)
}

/// Keeps a refusal back until the floor, if there is a place to wait in.
async fn park(places: &Semaphore, refusal: Refusal, arrival: &Arrival) -> Stop {
    let floor = sleep_until(Instant::from_std(arrival.instant) + FLOOR);
    wait(places, floor).await.map_or(Stop::HangUp, |()| refusal.into())
}

/// Waits in one of the places; `None` at once when all are taken.
async fn wait(places: &Semaphore, until: impl Future<Output = ()>) -> Option<()> {
    let _place = places.try_acquire().ok()?;
    until.await;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_thousand_wait_and_the_rest_are_sent_away_at_once() {
        let (places, floor) = (Semaphore::new(1_000), Notify::new());
        let mut waiting: Vec<_> = (0..1_100).map(|_| Box::pin(wait(&places, floor.notified()))).collect();
        let mut looks = vec![];
        for refusal in &mut waiting {
            let look = std::future::poll_fn(|context| Poll::Ready(refusal.as_mut().poll(context)));
            looks.push(look.await);
        }
        assert!(looks[..1_000].iter().all(|look| look.is_pending()));
        assert!(looks[1_000..].iter().all(|look| *look == Poll::Ready(None)));
        floor.notify_waiters();
        for refusal in waiting.drain(..1_000) {
            assert_eq!(refusal.await, Some(()));
        }
        assert_eq!(places.available_permits(), 1_000, "every place is free again");
    }
}
