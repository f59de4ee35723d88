//! The health of one connection: what it was told by its attempts, and what follows from that.

use super::breaker::{Breaker, FAULTS, QUOTA, Rest};
use super::{Cause, Chance, Fault, LIMITED_MS, LONGEST_ADVICE_MS, Recent, Role, Standing, Told};
use crate::time::Timestamp;

/// Failures in a row that open the breaker.
const STRIKES: usize = 3;
/// The time in which they must fall.
const STRIKES_WITHIN_MS: u64 = 30_000;

/// The health of one connection.
#[derive(Debug, Clone, Default)]
pub struct Health {
    state: State,
    strikes: [Option<Timestamp>; STRIKES],
    recent: Recent,
    /// Whether it ever worked since it was put into service.
    proven: bool,
    /// What it was punished for last, and when.
    punished: Option<(Fault, Timestamp)>,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Active,
    Limited(Rest),
    Exhausted(Breaker),
    Open(Breaker),
    Broken,
}

/// A change that an operator wants to read of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It works again.
    Active,
    /// It rests for this many milliseconds because of the provider's rate limit.
    Limited(u64),
    /// It rests for this many milliseconds because the quota behind its key is used up.
    Exhausted(u64),
    /// It rests because it failed; the number is milliseconds.
    Failing(u64),
    /// The call that was to find out whether it works again failed as well: it goes on to rest for this many
    /// milliseconds.
    StillFailing(u64),
    /// Out of service until a person enables it.
    Broken,
}

impl Health {
    /// Whether it may be tried at `now`.
    pub fn standing(&mut self, now: Timestamp) -> Standing {
        match &mut self.state {
            State::Active => Standing::Active,
            State::Limited(rest) => match rest.remaining_ms(now) {
                0 => {
                    self.state = State::Active;
                    Standing::Active
                }
                remaining_ms => Standing::Cooling { remaining_ms, cause: Cause::Limit },
            },
            State::Exhausted(breaker) => breaker.standing(now, Cause::Quota),
            State::Open(breaker) => breaker.standing(now, Cause::Faults),
            State::Broken => Standing::Broken,
        }
    }

    /// A call goes out to find whether it works again.
    pub fn begin_probe(&mut self) {
        if let State::Open(breaker) | State::Exhausted(breaker) = &mut self.state {
            breaker.begin_probe();
        }
    }

    /// Takes in what an attempt told. Gives the change, if it is one.
    pub fn told(&mut self, told: Told, role: Role, now: Timestamp, chance: Chance) -> Option<Turned> {
        match told {
            Told::Nothing => {
                self.give_up_probe(role);
                None
            }
            Told::Works => self.works(role, now),
            Told::Rest(advice_ms) => self.rest(advice_ms, role, now),
            Told::Exhausted => self.exhaust(role, now, chance),
            Told::Failed(fault) => self.failed(fault, role, now, chance),
            Told::Unauthorized => self.break_off(Some(Fault::Refused), now),
            Told::Sealed => self.break_off(None, now),
            // A connection that has worked is not given up for one request that its provider forbids.
            Told::Forbidden if self.proven && role == Role::Ordinary => {
                self.failed(Fault::Refused, role, now, chance)
            }
            Told::Forbidden => self.break_off(Some(Fault::Refused), now),
        }
    }

    /// Takes back a punishment for `fault` that is younger than `since`: it was the whole provider that failed.
    pub fn forgive(&mut self, fault: Fault, since: Timestamp) {
        let concerned = self.punished.is_some_and(|(found, at)| found == fault && at >= since);
        if concerned && matches!(self.state, State::Open(_) | State::Broken) {
            self.state = State::Active;
            self.punished = None;
        }
        self.strikes = [None; STRIKES];
    }

    /// The encryption keys have changed: a key that did not open may open now.
    pub fn reconsider(&mut self) {
        if matches!(self.state, State::Broken) && self.punished.is_none() {
            *self = Self::default();
        }
    }

    /// The attempts of the last moments.
    #[must_use]
    pub fn recent(&self) -> Recent {
        self.recent
    }

    fn give_up_probe(&mut self, role: Role) {
        if let (State::Open(breaker) | State::Exhausted(breaker), Role::Probe) = (&mut self.state, role) {
            breaker.give_up_probe();
        }
    }

    fn works(&mut self, role: Role, now: Timestamp) -> Option<Turned> {
        self.recent.worked(now);
        self.proven = true;
        self.strikes = [None; STRIKES];
        // Only the probe speaks for the present: an ordinary call may have begun before the failures.
        let healed = role == Role::Probe && matches!(self.state, State::Open(_) | State::Exhausted(_));
        healed.then(|| {
            self.state = State::Active;
            Turned::Active
        })
    }

    fn rest(&mut self, advice_ms: Option<u64>, role: Role, now: Timestamp) -> Option<Turned> {
        let length_ms = advice_ms.unwrap_or(LIMITED_MS).min(LONGEST_ADVICE_MS);
        let left_ms = match &mut self.state {
            State::Broken => return None,
            State::Open(_) | State::Exhausted(_) if role == Role::Ordinary => return None,
            State::Limited(rest) => rest.remaining_ms(now),
            State::Open(_) | State::Exhausted(_) | State::Active => 0,
        };
        if length_ms == 0 {
            self.state = if left_ms == 0 { State::Active } else { self.state };
            return None;
        }
        if length_ms <= left_ms {
            return None;
        }
        self.state = State::Limited(Rest::new(now, length_ms));
        (left_ms == 0).then_some(Turned::Limited(length_ms))
    }

    fn exhaust(&mut self, role: Role, now: Timestamp, chance: Chance) -> Option<Turned> {
        match &mut self.state {
            State::Broken => None,
            State::Exhausted(breaker) => {
                if role == Role::Probe {
                    breaker.reopen(now, chance);
                }
                None
            }
            // Unlike a failure this is certain, whatever else is known.
            State::Active | State::Limited(_) | State::Open(_) => {
                self.state = State::Exhausted(Breaker::open(QUOTA, now, chance));
                self.punished = None;
                self.resting(now).map(Turned::Exhausted)
            }
        }
    }

    fn failed(&mut self, fault: Fault, role: Role, now: Timestamp, chance: Chance) -> Option<Turned> {
        self.recent.failed(now);
        self.strikes.rotate_left(1);
        self.strikes[STRIKES - 1] = Some(now);
        let is_down = self.is_down(now);
        let turned: fn(u64) -> Turned = match &mut self.state {
            State::Open(breaker) if role == Role::Probe => {
                breaker.reopen(now, chance);
                Turned::StillFailing
            }
            // Whether the quota is back nobody knows now, and that is soon asked again.
            State::Exhausted(_) if role == Role::Probe => {
                self.state = State::Open(Breaker::open(FAULTS, now, chance));
                Turned::Failing
            }
            State::Active if is_down => {
                self.state = State::Open(Breaker::open(FAULTS, now, chance));
                Turned::Failing
            }
            _ => return None,
        };
        self.punished = Some((fault, now));
        self.resting(now).map(turned)
    }

    fn resting(&mut self, now: Timestamp) -> Option<u64> {
        match self.standing(now) {
            Standing::Cooling { remaining_ms, .. } => Some(remaining_ms),
            _ => None,
        }
    }

    fn is_down(&self, now: Timestamp) -> bool {
        self.strikes[0].is_some_and(|first| now.millis_since(first) < STRIKES_WITHIN_MS)
            && Recent::mostly_failing([self.recent], now)
    }

    fn break_off(&mut self, fault: Option<Fault>, now: Timestamp) -> Option<Turned> {
        self.recent.failed(now);
        self.punished = fault.map(|fault| (fault, now));
        let broken = matches!(self.state, State::Broken);
        self.state = State::Broken;
        (!broken).then_some(Turned::Broken)
    }
}

#[cfg(test)]
mod tests;
