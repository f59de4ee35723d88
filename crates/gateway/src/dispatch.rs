//! The upstream call: each offer in turn, each tried a bounded number of times, nothing after the first byte.

use std::time::Duration;

use domain::code::Code;
use domain::route::Offer;
use domain::usage::Outcome;
use live::meters::Attempt;
use tokio::time::Instant;

use crate::call::{Call, Produced};
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};
use crate::upstream::{Answered, Failure, Next, attempt};

/// First pause between attempts; it doubles, and a random part of it is waited (full jitter).
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause: an upstream that asks for more is left for the next one.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A call that was answered, and its answer.
pub(crate) struct Reply {
    /// The open call.
    pub call: Call,
    /// What the upstream gave.
    pub answered: Answered,
}

/// Calls the offers until one answers.
pub(crate) async fn dispatch(
    gate: &Gateway,
    mut call: Call,
    offers: Vec<Offer>,
    asked: &Asked,
) -> Result<Reply, Stop> {
    let deadline = Instant::from_std(call.started() + gate.settings.timeouts.whole);
    let mut last: Option<Failure> = None;
    'offers: for offer in &offers {
        for retry in 0..=u32::from(gate.settings.retries_per_target) {
            if let Some(failure) = last.as_ref().filter(|_| retry > 0) {
                let Some(pause) = pause(failure, retry) else { continue 'offers };
                if Instant::now() + pause >= deadline {
                    break 'offers;
                }
                tokio::time::sleep(pause).await;
            }
            let failure = match attempt(gate, &mut call, offer, asked).await {
                Ok(answered) => {
                    gate.meters.attempted(Attempt::Answered);
                    return Ok(Reply { call, answered });
                }
                Err(failure) => failure,
            };
            call.attempt_failed();
            report(gate, &call, offer, &failure);
            let next = failure.next;
            last = Some(failure);
            match next {
                Next::Again => {}
                Next::Elsewhere => continue 'offers,
                Next::Nothing => break 'offers,
            }
        }
    }
    let refusal = last.map(|failure| *failure.refusal);
    let refusal =
        refusal.unwrap_or_else(|| Refusal::new(Code::NoAvailableRoute, "No connection is in service."));
    call.settle(Outcome::Failed, refusal.status().as_u16(), Produced::default());
    Err(refusal.into())
}

/// How long to wait before the same connection is tried again; `None` when it asked for longer than is worth it.
fn pause(failure: &Failure, retry: u32) -> Option<Duration> {
    if let Some(advised) = failure.retry_after {
        return (advised <= LONGEST_PAUSE).then_some(advised);
    }
    let ceiling = FIRST_PAUSE.saturating_mul(1 << retry.min(8).saturating_sub(1)).min(LONGEST_PAUSE);
    let mut jitter = [0u8; 2];
    // Without entropy the whole pause is waited: later than needed, never sooner.
    let share = match vault::entropy::fill(&mut jitter) {
        Ok(()) => u32::from(u16::from_le_bytes(jitter)),
        Err(_) => u32::from(u16::MAX),
    };
    Some(ceiling.saturating_mul(share) / u32::from(u16::MAX))
}

fn report(gate: &Gateway, call: &Call, offer: &Offer, failure: &Failure) {
    gate.meters.attempted(failure.result);
    tracing::warn!(
        request_id = call.request_id().to_str().unwrap_or_default(),
        provider = &*offer.connection.provider,
        provider_key = %offer.connection.id,
        attempt = call.attempts(),
        detail = failure.detail,
        "an upstream attempt failed"
    );
}
