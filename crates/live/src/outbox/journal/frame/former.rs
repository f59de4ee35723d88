//! Calls as version 3 of the payload had them: fewer kinds of tokens, and nothing counted otherwise. An outbox that such a
//! release left is posted like any other.

use domain::audit::Entry;
use domain::id::ProviderKeyId;
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::usage::{CallOpened, CallSettled, Event, Outcome, RouteMode, UsageSource};
use serde::Deserialize;

/// Reads the event of such a payload.
pub(super) fn read(event: &[u8]) -> Result<Event, postcard::Error> {
    Ok(match postcard::from_bytes(event)? {
        Former::Opened(opened) => Event::Opened(opened),
        Former::Settled(settled) => Event::Settled(settled.into()),
        Former::Noted(entry) => Event::Noted(entry),
    })
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) enum Former {
    Opened(CallOpened),
    Settled(Settled),
    Noted(Entry),
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Settled {
    opened: CallOpened,
    provider_key: Option<ProviderKeyId>,
    route_mode: Option<RouteMode>,
    provider: String,
    model: String,
    outcome: Outcome,
    tokens: Counted,
    source: UsageSource,
    cost: Money,
    pricing: String,
    price_version: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Counted {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
    audio: u64,
}

impl From<Settled> for CallSettled {
    fn from(settled: Settled) -> Self {
        let Counted { input, cache_read, cache_write, output, reasoning, audio } = settled.tokens;
        Self {
            opened: settled.opened,
            provider_key: settled.provider_key,
            route_mode: settled.route_mode,
            provider: settled.provider,
            model: settled.model,
            outcome: settled.outcome,
            tokens: Tokens { input, cache_read, cache_write, output, reasoning, audio, ..Tokens::default() },
            units: Units::default(),
            source: settled.source,
            cost: settled.cost,
            pricing: settled.pricing,
            price_version: settled.price_version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::{CallId, KeyId, OrgId, ProjectId};
    use domain::time::Timestamp;
    use domain::usage::Surface;
    use uuid::Uuid;

    #[test]
    fn a_settlement_of_version_3_reads_with_nothing_of_the_new_kinds() {
        let id = Uuid::from_u128(7);
        let settled = || Settled {
            opened: CallOpened {
                call: CallId::new(id),
                org: OrgId::new(id),
                project: ProjectId::new(id),
                key: KeyId::new(id),
                surface: Surface::Chat,
                started_at: Timestamp(1),
                trace: None,
            },
            provider_key: None,
            route_mode: Some(RouteMode::Platform),
            provider: "openai".to_owned(),
            model: "gpt-x".to_owned(),
            outcome: Outcome::Complete,
            tokens: Counted { input: 1, cache_read: 2, cache_write: 3, output: 4, reasoning: 5, audio: 6 },
            source: UsageSource::Provider,
            cost: Money::from_nanos(9),
            pricing: "priced".to_owned(),
            price_version: "1".to_owned(),
        };
        let mut payload = vec![super::super::FORMER_CALL];
        payload.extend(postcard::to_allocvec(&Former::Settled(settled())).unwrap());
        assert_eq!(super::super::decode(&payload), Ok(Event::Settled(settled().into())));
    }
}
