//! Kinds: what many calls have in common, as a row that each of them refers to by its number. The numbers that a posting
//! needs are remembered here from the one before; a number holds for ever, for a kind is never changed and never removed.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use domain::id::{KeyId, OrgId, ProjectId, ProviderKeyId};
use domain::usage::{CallSettled, Outcome, RouteMode, Surface, UsageSource};

use crate::db::statement::Statement;
use crate::db::{ReadFailed, Tx, WriteFailed};

/// Most kinds that are remembered, of a few hundred bytes each: twice as many as one posting can bring. When there are more,
/// all are forgotten, and what comes is looked up again.
const MOST: usize = 8_192;

const FIND: &str = "SELECT kind, bearer FROM usage_kinds WHERE org_id = $1 AND project_id = $2 AND key_id = $3 \
    AND surface = $4 AND COALESCE(provider_key_id, '') = COALESCE($5, '') \
    AND COALESCE(route_mode, '') = COALESCE($6, '') AND provider = $7 AND model = $8 AND outcome = $9 \
    AND source = $10 AND pricing = $11 AND price_version = $12";

/// The next number is free: whoever posts is the only one who writes.
const MAKE: &str = "INSERT INTO usage_kinds (kind, bearer, org_id, project_id, key_id, surface, provider_key_id, \
    route_mode, provider, model, outcome, source, pricing, price_version) \
    SELECT next, COALESCE((SELECT MIN(bearer) FROM usage_kinds WHERE org_id = $1 AND project_id = $2 AND key_id = $3), next), \
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
    FROM (SELECT COALESCE(MAX(kind), 0) + 1 AS next FROM usage_kinds) AS numbers RETURNING kind, bearer";

/// The numbers of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Its own.
    pub(super) kind: i64,
    /// That of the first kind of the same key, by which calls are found.
    pub(super) bearer: i64,
}

/// The numbers that are known.
#[derive(Default)]
pub(crate) struct Kinds {
    hasher: RandomState,
    known: Mutex<Table>,
}

/// What a posting found out; to be remembered when it has been kept, and never otherwise.
pub(super) struct Found {
    /// Those of each call's kind, in the order of the calls.
    pub(super) numbers: Vec<Numbers>,
    fresh: Table,
}

/// Kinds by a hash of some of what they are.
#[derive(Default)]
struct Table {
    by_hash: HashMap<u64, Vec<(Kind, Numbers)>>,
    kinds: usize,
}

/// What calls have in common.
struct Kind {
    org: OrgId,
    project: ProjectId,
    key: KeyId,
    surface: Surface,
    provider_key: Option<ProviderKeyId>,
    route_mode: Option<RouteMode>,
    provider: String,
    model: String,
    outcome: Outcome,
    source: UsageSource,
    pricing: String,
    price_version: String,
}

impl Kinds {
    /// The numbers of the kinds of `calls`; those that are not known are looked up, and made where there are none.
    pub(super) async fn find(&self, tx: &mut Tx, calls: &[CallSettled]) -> Result<Found, WriteFailed> {
        let (mut numbers, mut unknown) = (Vec::with_capacity(calls.len()), Vec::new());
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (index, call) in calls.iter().enumerate() {
                let hash = self.hash(call);
                numbers.push(known.find(hash, call).unwrap_or_else(|| {
                    unknown.push((index, hash, call));
                    Numbers { kind: 0, bearer: 0 }
                }));
            }
        }
        let mut fresh = Table::default();
        for (index, hash, call) in unknown {
            let number = match fresh.find(hash, call) {
                Some(number) => number,
                None => {
                    let number = look_up(tx, call).await?;
                    fresh.add(hash, Kind::of(call), number);
                    number
                }
            };
            if let Some(place) = numbers.get_mut(index) {
                *place = number;
            }
        }
        Ok(Found { numbers, fresh })
    }

    /// Remembers what was found by a posting that has been kept.
    pub(super) fn remember(&self, found: Found) {
        let Table { by_hash, kinds } = found.fresh;
        if kinds == 0 {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.kinds + kinds > MOST {
            *known = Table::default();
        }
        for (hash, kinds) in by_hash {
            for (kind, number) in kinds {
                known.add(hash, kind, number);
            }
        }
    }

    /// What tells most kinds apart.
    fn hash(&self, call: &CallSettled) -> u64 {
        self.hasher.hash_one((call.opened.key, call.outcome, call.model.as_str()))
    }
}

impl Table {
    fn find(&self, hash: u64, call: &CallSettled) -> Option<Numbers> {
        self.by_hash.get(&hash)?.iter().find(|(kind, _)| kind.is_of(call)).map(|(_, numbers)| *numbers)
    }

    /// Adds one that is not there, or was added by another posting meanwhile.
    fn add(&mut self, hash: u64, kind: Kind, numbers: Numbers) {
        let alike = self.by_hash.entry(hash).or_default();
        if alike.iter().all(|(_, other)| *other != numbers) {
            alike.push((kind, numbers));
            self.kinds += 1;
        }
    }
}

impl Kind {
    fn of(call: &CallSettled) -> Self {
        Self {
            org: call.opened.org,
            project: call.opened.project,
            key: call.opened.key,
            surface: call.opened.surface,
            provider_key: call.provider_key,
            route_mode: call.route_mode,
            provider: call.provider.clone(),
            model: call.model.clone(),
            outcome: call.outcome,
            source: call.source,
            pricing: call.pricing.clone(),
            price_version: call.price_version.clone(),
        }
    }

    fn is_of(&self, call: &CallSettled) -> bool {
        self.key == call.opened.key
            && self.org == call.opened.org
            && self.project == call.opened.project
            && self.surface == call.opened.surface
            && self.provider_key == call.provider_key
            && self.route_mode == call.route_mode
            && self.outcome == call.outcome
            && self.source == call.source
            && self.model == call.model
            && self.provider == call.provider
            && self.pricing == call.pricing
            && self.price_version == call.price_version
    }
}

/// The numbers of a kind in the database, where it is made if it is not there.
async fn look_up(tx: &mut Tx, call: &CallSettled) -> Result<Numbers, WriteFailed> {
    let row = match tx.fetch_optional(bound(FIND, call)).await? {
        Some(row) => row,
        None => {
            let made = tx.fetch_optional(bound(MAKE, call)).await?;
            made.ok_or(sqlx::Error::RowNotFound).map_err(ReadFailed::from)?
        }
    };
    Ok(Numbers { kind: row.get("kind")?, bearer: row.get("bearer")? })
}

fn bound(sql: &'static str, call: &CallSettled) -> Statement {
    Statement::new(sql)
        .bind(call.opened.org.to_string())
        .bind(call.opened.project.to_string())
        .bind(call.opened.key.to_string())
        .bind(call.opened.surface.word())
        .bind(call.provider_key.map(|id| id.to_string()))
        .bind(call.route_mode.map(|mode| mode.word().to_owned()))
        .bind(call.provider.as_str())
        .bind(call.model.as_str())
        .bind(call.outcome.word())
        .bind(call.source.word())
        .bind(call.pricing.as_str())
        .bind(call.price_version.as_str())
}

#[cfg(test)]
mod tests;
