//! How the upstream connections do: which rest, which are out of service, how many calls each carries, and which of
//! those on offer is tried next. Each connection has a lock of its own and none is shared by all requests. It knows
//! connections by their identifier; the rules are in `domain::pool`.

mod member;
mod report;
mod turn;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::id::ProviderKeyId;
use domain::money::Money;
use domain::pool::{Cause, Chance, Outage, Recent, Role, Standing, Told, Turned, less_busy_of_two};
use domain::route::{Connection, Offer, Routes};
use domain::time::{Clock, Timestamp};

use member::{Group, GroupKey, Member};
pub use report::{Report, State};
pub use turn::Turn;

/// The connections of the routing table.
pub struct Pool {
    clock: Clock,
    members: ArcSwap<HashMap<ProviderKeyId, Arc<Member>>>,
}

/// Nothing on offer can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// The first of them rests until then.
    Cooling {
        /// Milliseconds.
        remaining_ms: u64,
        /// Why it rests.
        cause: Cause,
    },
    /// None will return by itself.
    Broken,
}

/// A change of a connection, or of its whole provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Of the connection.
    Connection(Turned),
    /// So many of the provider's keys failed alike that it is skipped.
    ProviderOut,
    /// The provider is back.
    ProviderBack,
}

/// How many connections are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// In service.
    pub active: u32,
    /// In service and near the end of a quota that was set for them.
    pub near_limit: u32,
    /// At rest because a quota is used up: the one behind their key, or one that was set for them.
    pub exhausted: u32,
    /// At rest for another reason, by themselves or with their provider.
    pub cooling: u32,
    /// Out of service until a person enables them.
    pub broken: u32,
    /// Providers that are skipped as a whole.
    pub providers_out: u32,
}

impl Pool {
    /// A pool that knows no connection yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, members: ArcSwap::default() }
    }

    /// Takes over the connections of a routing table: new ones are in service, known ones stay as they are, and
    /// those that are gone are forgotten.
    pub fn adopt(&self, routes: &Routes) {
        let (known, now) = (self.members.load(), self.clock.now());
        let mut groups: HashMap<GroupKey, Arc<Group>> =
            known.values().map(|member| (member.group.key.clone(), Arc::clone(&member.group))).collect();
        let members = routes.connections().iter().map(|connection| {
            let key = GroupKey::of(connection);
            let member = known.get(&connection.id).filter(|member| member.group.key == key).map_or_else(
                || {
                    let group = groups.entry(key.clone()).or_insert_with(|| Group::new(key.clone()));
                    Arc::new(Member::new(connection.id, Arc::clone(group), now))
                },
                Arc::clone,
            );
            member.rest_until(connection.rests_until);
            member.set_quotas(connection.quotas);
            (connection.id, member)
        });
        self.members.store(Arc::new(members.collect()));
    }

    /// Puts a connection into service whatever is held against it: a person has looked at it.
    pub fn pardon(&self, connection: ProviderKeyId) {
        if let Some(member) = self.members.load().get(&connection) {
            member.pardon();
        }
    }

    /// The same for every connection: what a person looked at is not known any more.
    pub fn pardon_all(&self) {
        self.members.load().values().for_each(|member| member.pardon());
    }

    /// The encryption keys have changed: keys that did not open are tried again.
    pub fn reconsider_sealed(&self) {
        self.members.load().values().for_each(|member| member.reconsider());
    }

    /// Counts what went over a connection before this gate began, the oldest first: what its quotas are for outlives it.
    pub fn recall(&self, connection: ProviderKeyId, requests: u32, tokens: u64, cost: Money, at: Timestamp) {
        if let Some(member) = self.members.load().get(&connection) {
            member.requests(requests, at);
            member.spent(tokens, cost, at);
        }
    }

    /// Counts one more request of a call on its connection; the first was counted when it was taken.
    pub fn again(&self, turn: &Turn) {
        turn.member().requests(1, self.clock.now());
    }

    /// Counts what a call on its connection used.
    pub fn spent(&self, turn: &Turn, tokens: u64, cost: Money) {
        turn.member().spent(tokens, cost, self.clock.now());
    }

    /// Takes the best of those `offers` for which `left` holds, which are in the order of their rank: the first rank
    /// that can be tried, and of equals a due probe, else the less busy of two drawn by `draw` among those that are not near
    /// the end of a quota, else among those that are.
    ///
    /// # Errors
    /// [`Unavailable`] when none of them can be tried.
    pub fn take(
        &self,
        offers: &[Offer],
        left: impl Fn(usize) -> bool,
        draw: u32,
    ) -> Result<(usize, Turn), Unavailable> {
        let now = self.clock.now();
        let members = self.members.load();
        let candidates: Vec<(usize, Arc<Member>)> = offers
            .iter()
            .enumerate()
            .filter(|(index, _)| left(*index))
            .map(|(index, offer)| (index, member(&members, &offer.connection, now)))
            .collect();
        let mut refused = Unavailable::Broken;
        let mut rest = candidates.as_slice();
        while let Some((first, _)) = rest.first() {
            let rank = offers.get(*first).map(|offer| offer.connection.rank());
            let same = |(index, _): &(usize, Arc<Member>)| {
                offers.get(*index).map(|offer| offer.connection.rank()) == rank
            };
            let (equals, after) = rest.split_at(rest.iter().take_while(|candidate| same(candidate)).count());
            if let Some(taken) = take_of_equals(equals, now, draw, &mut refused) {
                return Ok(taken);
            }
            rest = after;
        }
        Err(refused)
    }

    /// When the first of `offers` can be tried again; `None` when one can be tried now.
    #[must_use]
    pub fn wait(&self, offers: &[Offer]) -> Option<Unavailable> {
        let now = self.clock.now();
        let members = self.members.load();
        let mut refused = Unavailable::Broken;
        for offer in offers {
            match member(&members, &offer.connection, now).standing(now) {
                Standing::Active | Standing::NearLimit(_) | Standing::ProbeDue => return None,
                standing => refused = refused.sooner(standing),
            }
        }
        Some(refused)
    }

    /// How the connection of `turn` stands.
    #[must_use]
    pub fn standing(&self, turn: &Turn) -> Standing {
        turn.member().standing(self.clock.now())
    }

    /// Takes in what an attempt of `turn` told.
    pub fn told(&self, turn: &mut Turn, told: Told, chance: Chance) -> Option<Change> {
        let now = self.clock.now();
        let (member, provider, own) = turn.settle();
        member.count(told);
        if member.group.is_out() {
            // The outage is nobody's own fault, and a probe that it overtook told nothing of its connection.
            member.told(if told == Told::Sealed { told } else { Told::Nothing }, own, now, chance);
            return member.group.told(told, provider, now, chance).then_some(Change::ProviderBack);
        }
        let turned = member.told(told, own, now, chance).map(Change::Connection);
        let Some(fault) = member::fault_of(told) else { return turned };
        if !member.group.suspects(member.id, fault, now) {
            return turned;
        }
        let all = self.members.load();
        let alike = || all.values().filter(|other| Arc::ptr_eq(&other.group, &member.group));
        if !Recent::mostly_failing(alike().map(|other| other.recent()), now) {
            return turned;
        }
        member.group.begin_outage(now, chance);
        alike().for_each(|other| other.forgive(fault, Outage::since(now)));
        Some(Change::ProviderOut)
    }

    /// How a connection stands; none for one that is not in service.
    #[must_use]
    pub fn report(&self, connection: ProviderKeyId) -> Option<Report> {
        self.members.load().get(&connection).map(|member| member.report(self.clock.now()))
    }

    /// Counts the states.
    #[must_use]
    pub fn census(&self) -> Census {
        let now = self.clock.now();
        let members = self.members.load();
        let mut census = Census::default();
        let mut out: Vec<&Arc<Group>> = Vec::new();
        for member in members.values() {
            match member.standing(now) {
                Standing::Active => census.active += 1,
                Standing::NearLimit(_) => census.near_limit += 1,
                Standing::Cooling { cause: Cause::Quota | Cause::OwnQuota(_), .. } => census.exhausted += 1,
                Standing::ProbeDue | Standing::Cooling { .. } => census.cooling += 1,
                Standing::Broken => census.broken += 1,
            }
            if member.group.is_out() && !out.iter().any(|group| Arc::ptr_eq(group, &member.group)) {
                out.push(&member.group);
            }
        }
        census.providers_out = u32::try_from(out.len()).unwrap_or(u32::MAX);
        census
    }
}

impl Unavailable {
    /// Of two reasons the one that passes first.
    fn sooner(self, standing: Standing) -> Self {
        match (self, standing) {
            (Self::Cooling { remaining_ms: known, .. }, Standing::Cooling { remaining_ms, .. })
                if known <= remaining_ms =>
            {
                self
            }
            (_, Standing::Cooling { remaining_ms, cause }) => Self::Cooling { remaining_ms, cause },
            _ => self,
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("connections", &self.members.load().len()).finish_non_exhaustive()
    }
}

/// The member for `connection`; one of its own for a call that was planned before the table changed, and for one whose
/// key came with it: nothing is kept of that.
fn member(
    members: &HashMap<ProviderKeyId, Arc<Member>>,
    connection: &Connection,
    now: Timestamp,
) -> Arc<Member> {
    members.get(&connection.id).map_or_else(
        || Arc::new(Member::new(connection.id, Group::new(GroupKey::of(connection)), now)),
        Arc::clone,
    )
}

fn take_of_equals(
    equals: &[(usize, Arc<Member>)],
    now: Timestamp,
    draw: u32,
    refused: &mut Unavailable,
) -> Option<(usize, Turn)> {
    let mut active = Vec::with_capacity(equals.len());
    let mut near_limit = Vec::new();
    for (index, member) in equals {
        match member.standing(now) {
            Standing::Active => active.push((*index, member)),
            Standing::NearLimit(_) => near_limit.push((*index, member)),
            // Another call may have been quicker.
            Standing::ProbeDue => match member.begin_probe(now) {
                Some((provider, own)) => {
                    member.requests(1, now);
                    return Some((*index, Turn::begin(member, provider, own)));
                }
                None => *refused = refused.sooner(member.standing(now)),
            },
            standing => *refused = refused.sooner(standing),
        }
    }
    let active = if active.is_empty() { near_limit } else { active };
    let busy: Vec<u32> = active.iter().map(|(_, member)| member.in_flight()).collect();
    let (index, member) = active.get(less_busy_of_two(&busy, draw)?)?;
    member.requests(1, now);
    Some((*index, Turn::begin(member, Role::Ordinary, Role::Ordinary)))
}

#[cfg(test)]
mod tests;
