//! The upstream call: the connections on offer in the order in which the pool gives them, each tried a bounded
//! number of times, nothing after the first byte.

use std::time::Duration;

use domain::code::Code;
use domain::pool::{Cause, Chance, Standing, Told};
use domain::route::{Offer, Owner};
use domain::usage::Outcome;
use live::incidents::Incident;
use live::meters::Attempt;
use live::pool::{Change, Unavailable};
use tokio::time::Instant;

use crate::call::{Call, Produced};
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::inline;
use crate::refusal::{Refusal, Stop};
use crate::upstream::{Answered, Failure, Next, attempt};

/// First pause between attempts; it doubles, and a random part of it is waited (full jitter).
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause: an upstream that asks for more is left for the next one.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A call that was answered, and its answer.
pub(crate) struct Reply {
    /// The open call.
    pub call: Box<Call>,
    /// What the upstream gave.
    pub answered: Answered,
}

/// What is on offer, and what of it was not tried yet.
struct Offers {
    all: Vec<Offer>,
    left: Vec<bool>,
}

impl Offers {
    /// Whether another connection could be tried now.
    fn others(&self, gate: &Gateway) -> bool {
        let untried = self.all.iter().zip(&self.left).filter(|(_, left)| **left);
        untried.into_iter().any(|(offer, _)| gate.pool.wait(std::slice::from_ref(offer)).is_none())
    }
}

/// Calls the connections on offer until one answers.
pub(crate) async fn dispatch(
    gate: &Gateway,
    mut call: Box<Call>,
    offers: Vec<Offer>,
    asked: &Asked,
) -> Result<Reply, Stop> {
    let mut offers = Offers { left: vec![true; offers.len()], all: offers };
    let mut last: Option<Failure> = None;
    let none_left = loop {
        let taken =
            gate.pool.take(&offers.all, |index| offers.left.get(index) == Some(&true), chance_of_two());
        let (index, turn) = match taken {
            Ok(taken) => taken,
            Err(unavailable) => break unavailable,
        };
        if let Some(left) = offers.left.get_mut(index) {
            *left = false;
        }
        let Some(offer) = offers.all.get(index) else { break Unavailable::Broken };
        call.take_turn(turn);
        match try_connection(gate, &mut call, offer, &offers, asked).await {
            Ok(answered) => return Ok(Reply { call, answered }),
            Err(failure) => {
                let next = failure.next;
                last = Some(failure);
                if next == Next::Nothing {
                    break Unavailable::Broken;
                }
            }
        }
    };
    let refusal = match last {
        Some(failure) => told_when(*failure.refusal, gate.pool.wait(&offers.all)),
        None => unavailable(none_left),
    };
    let status = refusal.status(asked.surface.dialect());
    call.settle(Outcome::Failed, status.as_u16(), Produced::default());
    Err(refusal.into())
}

/// Tries one connection until it answers or another is to be tried.
async fn try_connection(
    gate: &Gateway,
    call: &mut Call,
    offer: &Offer,
    offers: &Offers,
    asked: &Asked,
) -> Result<Answered, Failure> {
    let deadline = Instant::from_std(call.started() + gate.settings.timeouts.whole);
    let mut retries = 0;
    loop {
        let mut failure = match attempt(gate, call, offer, asked).await {
            Ok(answered) => {
                gate.meters.attempted(Attempt::Answered);
                tell(gate, call, offer, Told::Works);
                call.forget_brought();
                return Ok(answered);
            }
            Err(failure) if call.brought().is_some() => of_the_callers_key(failure),
            Err(failure) => failure,
        };
        call.attempt_failed();
        report(gate, call, offer, &failure);
        tell(gate, call, offer, failure.told);
        retries += 1;
        if failure.next != Next::Again || retries > u32::from(gate.settings.retries_per_target) {
            return Err(failure);
        }
        let Some(pause) = pause(gate, call, offers, &failure, retries) else { return Err(failure) };
        if Instant::now() + pause >= deadline {
            failure.next = Next::Nothing;
            return Err(failure);
        }
        tokio::time::sleep(pause).await;
        if let Some(turn) = call.turn() {
            gate.pool.again(turn);
        }
    }
}

/// A key that came with the request is the caller's own: what the provider says against it is the caller's to cure.
fn of_the_callers_key(mut failure: Failure) -> Failure {
    if matches!(failure.told, Told::Unauthorized | Told::Forbidden) {
        let message = "The provider does not accept the key that came with this request.";
        failure.refusal = Box::new(Refusal::new(Code::InvalidRequest, message).about(inline::KEY));
        failure.next = Next::Nothing;
    }
    failure
}

/// How long to wait before the same connection is tried again; `None` when it is not worth it.
fn pause(
    gate: &Gateway,
    call: &mut Call,
    offers: &Offers,
    failure: &Failure,
    retry: u32,
) -> Option<Duration> {
    match gate.pool.standing(call.turn()?) {
        Standing::Active | Standing::NearLimit(_) => match failure.retry_after {
            Some(advised) => (advised <= LONGEST_PAUSE).then_some(advised),
            None => Some(jittered(retry)),
        },
        Standing::Cooling { remaining_ms, cause: Cause::Limit } => {
            let rest = Duration::from_millis(remaining_ms);
            (rest <= LONGEST_PAUSE && !offers.others(gate)).then_some(rest)
        }
        Standing::Cooling { .. } | Standing::ProbeDue | Standing::Broken => None,
    }
}

fn jittered(retry: u32) -> Duration {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << retry.min(8).saturating_sub(1)).min(LONGEST_PAUSE);
    ceiling.saturating_mul(u32::from(chance().0)) / u32::from(u16::MAX)
}

/// Without entropy all of a pause or a rest is waited: later than needed, never sooner.
fn chance() -> Chance {
    Chance(vault::entropy::draw().map_or(u16::MAX, |drawn| u16::try_from(drawn >> 16).unwrap_or(u16::MAX)))
}

/// For the choice between equals, which works without entropy as well, only less evenly.
fn chance_of_two() -> u32 {
    vault::entropy::draw().unwrap_or(0)
}

/// Says when the first connection can be tried again.
fn told_when(refusal: Refusal, wait: Option<Unavailable>) -> Refusal {
    match wait {
        Some(Unavailable::Cooling { remaining_ms, .. }) => refusal.retry_after_ms(remaining_ms),
        Some(Unavailable::Broken) | None => refusal,
    }
}

/// The refusal of a call for which nothing could be tried.
fn unavailable(reason: Unavailable) -> Refusal {
    let refusal = match reason {
        Unavailable::Cooling { cause: Cause::Limit, .. } => {
            Refusal::new(Code::RateLimited, "The provider's rate limit is reached.")
        }
        _ => Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service."),
    };
    told_when(refusal, Some(reason))
}

/// Tells the pool, and the log what became of the connection.
fn tell(gate: &Gateway, call: &mut Call, offer: &Offer, told: Told) {
    let Some(turn) = call.turn() else { return };
    let Some(change) = gate.pool.told(turn, told, chance()) else { return };
    // The pool keeps nothing of a key that came with the request, so there is nothing to tell of.
    if matches!(offer.connection.owner, Owner::Request(_)) {
        return;
    }
    let (provider, provider_key) = (&*offer.connection.provider, offer.connection.id);
    match change {
        Change::Connection(turned) => {
            tracing::warn!(provider, %provider_key, ?turned, "a connection changed its state");
        }
        Change::ProviderOut => {
            tracing::error!(provider, %provider_key, "several keys failed alike: the provider is skipped");
        }
        Change::ProviderBack => tracing::warn!(provider, %provider_key, "the provider is back"),
    }
    record(gate, call, offer, told, change);
}

/// Leaves the change in the audit trail.
fn record(gate: &Gateway, call: &Call, offer: &Offer, told: Told, change: Change) {
    let at = gate.clock.now();
    let connection = &offer.connection;
    let Ok(id) = vault::entropy::uuid_v7(at) else {
        tracing::error!(provider_key = %connection.id, "a change could not be recorded: no random bytes");
        return;
    };
    gate.incidents.note(&Incident {
        id,
        at,
        connection: connection.id,
        name: &connection.name,
        provider: &connection.provider,
        told,
        change,
        request_id: &call.id().to_string(),
    });
}

/// A connection asked for calm in the middle of an answer.
pub(crate) fn tell_calm(call: &mut Call) {
    let (gate, offer) = (std::sync::Arc::clone(call.gate()), call.offer().cloned());
    if let Some(offer) = offer {
        tell(&gate, call, &offer, Told::Rest(None));
    }
}

fn report(gate: &Gateway, call: &Call, offer: &Offer, failure: &Failure) {
    gate.meters.attempted(failure.result);
    tracing::warn!(
        call = %call.id(),
        provider = &*offer.connection.provider,
        provider_key = %offer.connection.id,
        attempt = call.attempts(),
        detail = failure.detail,
        "an upstream attempt failed"
    );
}
