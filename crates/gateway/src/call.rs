//! One open call and its end. A call settles exactly once: by its end, or by being dropped when the caller
//! leaves.

use std::sync::Arc;
use std::time::Instant;

use domain::id::{CallId, ProviderKeyId};
use domain::money::Money;
use domain::pinned::Pinned;
use domain::price::{Pricing, Tokens, Units};
use domain::route::{Offer, Owner};
use domain::secret::Secret;
use domain::time::Timestamp;
use domain::usage::{CallOpened, CallSettled, Event, Outcome, Pace, Surface, UsageSource};
use http::HeaderValue;
use live::counters::Admitted;
use live::meters::InFlight;
use live::outbox::Ticket;
use live::pool::Turn;
use vault::digest::sha256;
use vault::envelope::Vault;
use wire::answer::Advice;
use wire::openai;

use crate::arrival::Arrival;
use crate::gate::Gateway;

/// What is known of an answer when it ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Produced {
    /// As the provider counted it.
    pub tokens: Option<Tokens>,
    /// The part of that which another model used.
    pub advice: Option<Advice>,
    /// What the provider does not count in tokens, as it counted it.
    pub units: Option<Units>,
    /// The same, where the answer shows no more than how much it was at least.
    pub at_least: Option<Units>,
    /// Bytes of text that came, for an estimate when the provider said nothing.
    pub output_bytes: u64,
}

/// What is asked for, for an estimate when the provider says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asks {
    /// Bytes of text that the model reads.
    pub input_bytes: u64,
    /// What is not counted in tokens.
    pub units: Units,
}

/// What was used.
#[derive(Debug, Clone, Copy)]
struct Used {
    tokens: Tokens,
    units: Units,
    source: UsageSource,
}

/// A call between its hold and its settlement.
pub(crate) struct Call {
    gate: Arc<Gateway>,
    _in_flight: InFlight,
    id: CallId,
    opened: Option<CallOpened>,
    request_id: HeaderValue,
    vault: Arc<Vault>,
    admitted: Admitted,
    started: Instant,
    started_at: Timestamp,
    asks: Asks,
    offer: Option<Offer>,
    /// The provider key that came with the request, until an attempt has been answered.
    brought: Option<Arc<Secret>>,
    /// The place among the calls in flight on the connection of `offer`, until the answer has ended.
    turn: Option<Turn>,
    /// What the request for `offer` leaves out of the caller's.
    dropped: Vec<String>,
    /// Whether the call asks for a count only, which nobody charges.
    only_counts: bool,
    attempts: u8,
    first_byte_ms: u32,
    reached_upstream: bool,
    answer_kept: Option<Ticket>,
}

impl Call {
    /// A call that was recorded as open. It is large and passes through many hands, so it stays where it is.
    pub(crate) fn open(
        gate: Arc<Gateway>,
        arrival: &Arrival,
        opened: CallOpened,
        admitted: Admitted,
        asks: Asks,
    ) -> Box<Self> {
        let in_flight = gate.meters.enter();
        Box::new(Self {
            gate,
            _in_flight: in_flight,
            id: opened.call,
            request_id: arrival.request_id.clone(),
            vault: Arc::clone(&arrival.vault),
            admitted,
            started: arrival.instant,
            started_at: arrival.at,
            asks,
            offer: None,
            brought: None,
            turn: None,
            dropped: Vec::new(),
            only_counts: opened.surface.only_counts(),
            opened: Some(opened),
            attempts: 0,
            first_byte_ms: 0,
            reached_upstream: false,
            answer_kept: None,
        })
    }

    /// The same call with the provider key that came with it.
    pub(crate) fn bringing(mut self: Box<Self>, key: Option<Secret>) -> Box<Self> {
        self.brought = key.map(Arc::new);
        self
    }

    /// The provider key that came with the request.
    pub(crate) fn brought(&self) -> Option<&Arc<Secret>> {
        self.brought.as_ref()
    }

    /// The provider has answered: the key that came with the request is needed no more.
    pub(crate) fn forget_brought(&mut self) {
        self.brought = None;
    }

    /// Takes the place of this call on the connection that is tried next, and gives that on the last one away.
    pub(crate) fn take_turn(&mut self, turn: Turn) {
        self.turn = Some(turn);
    }

    /// The place of this call on the connection that is tried.
    pub(crate) fn turn(&mut self) -> Option<&mut Turn> {
        self.turn.as_mut()
    }

    /// Notes that `offer` is about to be tried, with a request from which this was left out.
    pub(crate) fn attempt(&mut self, offer: &Offer, dropped: &[String]) {
        if self.attempts == 0 {
            self.gate.meters.overhead(self.started.elapsed());
        }
        self.attempts = self.attempts.saturating_add(1);
        self.offer = Some(offer.clone());
        dropped.clone_into(&mut self.dropped);
        self.reached_upstream = true;
    }

    /// Notes that the attempt failed: whatever it cost is the provider's loss, not the caller's.
    pub(crate) fn attempt_failed(&mut self) {
        self.reached_upstream = false;
    }

    /// Notes the head of the upstream's answer.
    pub(crate) fn first_byte(&mut self) {
        self.first_byte_ms = elapsed_ms(self.started);
    }

    /// Opens provider keys for this call.
    pub(crate) fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The gate this call runs in.
    pub(crate) fn gate(&self) -> &Arc<Gateway> {
        &self.gate
    }

    /// When the request was read.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// When the request was read, as the time of day.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// What the request that was sent leaves out of the caller's.
    pub(crate) fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// Which call it is, by our own name: the only one that the log may keep.
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// The request id, ready for a header.
    pub(crate) fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    /// How the caller stands with its limits.
    pub(crate) fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// The offer that was tried last.
    pub(crate) fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }

    /// Upstream attempts so far.
    pub(crate) fn attempts(&self) -> u8 {
        self.attempts
    }

    /// Notes that the provider keeps the answer, by this name of its own: whoever goes on from it goes there. To be called
    /// before the call is settled.
    pub(crate) fn keep_answer(&mut self, name: &str) {
        let (Some(opened), Some(connection)) = (&self.opened, self.kept_key()) else { return };
        let digest = sha256(name.as_bytes());
        let pinned = Pinned { org: opened.org, digest, connection, at: self.gate.clock.now() };
        match self.gate.answers.keep(pinned) {
            Ok(ticket) => self.answer_kept = Some(ticket),
            Err(full) => {
                tracing::error!(call = %self.id, %full, "an answer can be gone on from until the gate stops");
            }
        }
    }

    /// What the note of the kept answer is waited for with.
    pub(crate) fn answer_kept(&self) -> Option<Ticket> {
        self.answer_kept
    }

    /// Ends the call, which was answered with `status` (0 when it was not): prices it, records it, meters it. Gives the cost and a ticket to wait for when every record
    /// must be on disk before the answer's last byte. A call that was settled before gives nothing.
    pub(crate) fn settle(
        &mut self,
        outcome: Outcome,
        status: u16,
        produced: Produced,
    ) -> Option<(Money, Ticket)> {
        let mut opened = self.opened.take()?;
        let Used { tokens, units, source } = self.count(outcome, &produced);
        self.admitted.spend(tokens.total(), self.gate.clock.now());
        let facts = self.offer.as_ref().map(|offer| &offer.facts);
        let advice = produced.advice.filter(|_| source == UsageSource::Provider);
        let (cost, pricing) = match advice {
            Some(advice) => self.charge_with_advice(&tokens, &advice),
            None => facts.map_or((Money::ZERO, "unpriced"), |facts| facts.pricing.charge(&tokens, &units)),
        };
        // A transcript in plain text does not say how long the sound was, so that its price is not known.
        let is_guess = opened.surface == Surface::Transcriptions
            && source == UsageSource::Estimated
            && units == Units::default();
        let pricing = if is_guess && pricing == "priced" { "unpriced" } else { pricing };
        if let Some(turn) = &self.turn {
            self.gate.pool.spent(turn, tokens.total(), cost);
        }
        let pace = Pace {
            attempts: self.attempts,
            first_byte_ms: self.first_byte_ms,
            total_ms: elapsed_ms(self.started),
        };
        if let Some(trace) = &mut opened.trace {
            trace.pace = pace;
        }
        let settled = CallSettled {
            provider_key: self.kept_key(),
            route_mode: self.offer.as_ref().map(|offer| offer.connection.owner.mode()),
            provider: self.offer.as_ref().map_or("", |offer| &*offer.connection.provider).to_owned(),
            model: self.offer.as_ref().map_or("", |offer| &*offer.model).to_owned(),
            outcome,
            tokens,
            units,
            source,
            cost,
            pricing: pricing.to_owned(),
            price_version: facts.map_or("none", |facts| &*facts.price_version).to_owned(),
            opened,
        };
        self.gate.meters.settled(&settled, &pace, status);
        let call = settled.opened.call;
        let event = Event::Settled(settled);
        match self.gate.outbox.append(&event) {
            Ok(ticket) => Some((cost, ticket)),
            Err(full) => {
                // The reserve for settlements is gone. The opened record stays: the next start reports the call
                // as interrupted, and this line says what it really was.
                tracing::error!(%call, cost_nanos = cost.nanos(), %full, "a settlement was not recorded");
                None
            }
        }
    }

    /// The connection that was tried last, unless its key came with the request.
    fn kept_key(&self) -> Option<ProviderKeyId> {
        let connection = &self.offer.as_ref()?.connection;
        (!matches!(connection.owner, Owner::Request(_))).then_some(connection.id)
    }

    /// The cost of `tokens`, some of which another model of the provider used for its advice, and how that was priced. Where
    /// nobody knows that model's price, its part is charged as if the answering model had done it, and the whole is unpriced.
    fn charge_with_advice(&self, tokens: &Tokens, advice: &Advice) -> (Money, &'static str) {
        let Some(offer) = &self.offer else { return (Money::ZERO, Pricing::Unpriced.word()) };
        let (units, pricing) = (Units::default(), offer.facts.pricing);
        let (own, own_word) = pricing.charge(&tokens.less(&advice.tokens), &units);
        let adviser = self.gate.snapshot.routes().facts(&offer.connection.provider, &advice.model);
        let known = adviser.map(|adviser| adviser.pricing).filter(|known| *known != Pricing::Unpriced);
        let (cost, word) = match known {
            Some(known) => known.charge(&advice.tokens, &units),
            None => (pricing.charge(&advice.tokens, &units).0, Pricing::Unpriced.word()),
        };
        // What has no price outweighs what has one, and that what is free.
        let words = [own_word, word];
        let word = ["unpriced", "priced"].into_iter().find(|word| words.contains(word)).unwrap_or(own_word);
        (own.checked_add(cost).unwrap_or(Money::MAX), word)
    }

    /// What was used: the provider's word, in tokens or in units but never both, else what was asked for.
    fn count(&self, outcome: Outcome, produced: &Produced) -> Used {
        let (no_tokens, no_units) = (Tokens::default(), Units::default());
        if !self.reached_upstream || outcome == Outcome::Failed || self.only_counts {
            return Used { tokens: no_tokens, units: no_units, source: UsageSource::None };
        }
        let asked = Some(self.asks.units).filter(|asked| *asked != no_units);
        match (produced.tokens, produced.units) {
            (Some(tokens), _) => Used { tokens, units: no_units, source: UsageSource::Provider },
            (None, Some(units)) => Used { tokens: no_tokens, units, source: UsageSource::Provider },
            (None, None) => {
                if let Some(units) = produced.at_least.or(asked) {
                    return Used { tokens: no_tokens, units, source: UsageSource::Estimated };
                }
                let tokens = Tokens {
                    input: openai::estimate_tokens(self.asks.input_bytes),
                    output: openai::estimate_tokens(produced.output_bytes),
                    ..Tokens::default()
                };
                Used { tokens, units: no_units, source: UsageSource::Estimated }
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Only a caller who leaves drops an unsettled call; a request that reached the upstream is then charged
        // for its input, so that leaving early is not a way to spend somebody's money unseen.
        self.settle(Outcome::Cancelled, 0, Produced::default());
    }
}

fn elapsed_ms(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
