//! Keeps the data keys of remotely wrapped secrets at hand, so that the request path opens them without waiting: each
//! is fetched again well before its time ends, and new ones as soon as the routes change. While the provider of keys
//! is down, what is at hand goes on for its time, and then the connections behind it are out of service until it is
//! back.

use std::sync::Arc;
use std::time::Duration;

use live::pool::Pool;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use vault::envelope::Fetched;
use vault::remote::{DataKeys, RemoteFailed};

use crate::vault_keys::Pages;
use crate::vault_keys::sealer::{NotOpened, Sealer};
use crate::vault_keys::transit::Transit;

/// How often a key is fetched in its lifetime: two rounds may fail before a call does.
const ROUNDS_PER_LIFETIME: u32 = 3;
/// The shortest time between two rounds.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// What the job works with.
pub struct Parts {
    /// Fetches.
    pub sealer: Arc<Sealer>,
    /// What is at hand.
    pub data_keys: Arc<DataKeys>,
    /// The provider, whose token is made to live on.
    pub transit: Arc<Transit>,
    /// The connections, which are looked at again when their keys are back.
    pub pool: Arc<Pool>,
    /// Steps when the routes changed.
    pub followed: watch::Receiver<i64>,
}

/// Which keys a round is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Those that are not at hand.
    Missing,
    /// All of them.
    All,
}

/// What a round found.
#[derive(Debug, Default)]
struct Found {
    anew: u64,
    refused: Vec<String>,
    unavailable: Option<RemoteFailed>,
}

/// Fetches everything once, before the first call comes. What fails is logged and tried again by [`run`].
pub async fn warm(parts: &Parts) {
    let mut state = State::default();
    state.take_in(fetch(parts, Round::All).await, Round::All);
}

/// Works until told to stop.
pub async fn run(mut parts: Parts, mut working: watch::Receiver<bool>) {
    let every = (parts.data_keys.lifetime() / ROUNDS_PER_LIFETIME).max(LEAST_INTERVAL);
    let mut rounds = interval_at(Instant::now() + every, every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut state = State::default();
    loop {
        let round = tokio::select! {
            // An error means that the sender is gone, which is a stop as well.
            _ = working.wait_for(|stop| *stop) => return,
            _ = rounds.tick() => Round::All,
            changed = parts.followed.changed() => match changed {
                Ok(()) => Round::Missing,
                Err(_) => return,
            },
        };
        parts.data_keys.sweep();
        if round == Round::All
            && let Err(failed) = parts.transit.renew_token().await
        {
            // Tokens that are not made to be renewed say so each time.
            tracing::debug!(%failed, "the token of the key provider was not renewed");
        }
        let found = fetch(&parts, round).await;
        if found.as_ref().is_ok_and(|found| found.anew > 0) {
            parts.pool.reconsider_sealed();
        }
        state.take_in(found, round);
    }
}

/// Stops at the first sign that the provider is unavailable: the next round will tell.
async fn fetch(parts: &Parts, round: Round) -> Result<Found, store::ReadFailed> {
    let (vault, mut found) = (parts.sealer.vault(), Found::default());
    let mut pages = Pages::new(parts.sealer.store());
    while let Some(page) = pages.next().await? {
        for value in page {
            let at_hand = vault.reachable_until(&value.sealed).is_some();
            if !vault.is_remote(&value.sealed) || (round == Round::Missing && at_hand) {
                continue;
            }
            match parts.sealer.fetch(&value.sealed).await {
                Ok(Fetched::Anew) => found.anew += 1,
                Ok(Fetched::Again | Fetched::InTheRing) => {}
                Err(NotOpened::Remote(unavailable @ RemoteFailed::Unavailable(_))) => {
                    found.unavailable = Some(unavailable);
                    return Ok(found);
                }
                Err(NotOpened::Remote(_) | NotOpened::Nowhere | NotOpened::DoesNotOpen(_)) => {
                    found.refused.push(value.label);
                }
            }
        }
    }
    Ok(found)
}

/// What was said last, so that the same is not said in every round.
#[derive(Debug, Default)]
struct State {
    is_down: bool,
    refused: Vec<String>,
}

impl State {
    fn take_in(&mut self, found: Result<Found, store::ReadFailed>, round: Round) {
        let found = match found {
            Ok(found) => found,
            Err(failed) => {
                tracing::error!(%failed, "the sealed values cannot be read");
                return;
            }
        };
        match (&found.unavailable, self.is_down) {
            (Some(failed), false) => tracing::error!(
                %failed,
                "the key provider is unavailable: what is at hand goes on for its time, nothing new is sealed"
            ),
            (None, true) => tracing::info!("the key provider is back"),
            (Some(_), true) | (None, false) => {}
        }
        self.is_down = found.unavailable.is_some();
        // Of what is at hand, only a whole round asks.
        if !self.is_down && round == Round::All && self.refused != found.refused {
            if !found.refused.is_empty() {
                let connections = found.refused.join(", ");
                tracing::error!(%connections, "the key provider refuses to unwrap the keys of these connections");
            }
            self.refused = found.refused;
        }
    }
}
