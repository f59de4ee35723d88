//! Events for a journal, as a script says: few calls, so that they meet, and texts that may look like records.

use domain::audit::{Actor, Entry};
use domain::file::{self, Content};
use domain::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::time::Timestamp;
use domain::usage::{CallOpened, CallSettled, Outcome, Pace, RouteMode, Surface, Trace, UsageSource};
use uuid::Uuid;

use crate::script::Script;

/// An opening of one of a few calls, with a text that its caller chose.
#[must_use]
pub fn opened(script: &mut Script<'_>) -> CallOpened {
    let choice = script.byte();
    let id = Uuid::from_u128(u128::from(choice & 15));
    // A caller chooses this text, and may choose what looks like a record.
    let length = usize::from(choice >> 4) * 8;
    let request_id = String::from_utf8_lossy(script.bytes(length)).into_owned();
    CallOpened {
        call: CallId::new(id),
        org: OrgId::new(id),
        project: ProjectId::new(id),
        key: KeyId::new(id),
        surface: Surface::Chat,
        started_at: Timestamp(1_700_000_000_000_000),
        trace: Some(Trace {
            request_id,
            model_asked: "m".to_owned(),
            streamed: true,
            pace: Pace { attempts: 1, first_byte_ms: 20, total_ms: 400 },
        }),
    }
}

/// A settlement of one of them.
#[must_use]
pub fn settled(script: &mut Script<'_>) -> CallSettled {
    CallSettled {
        opened: opened(script),
        provider_key: None,
        route_mode: Some(RouteMode::Platform),
        provider: "openai".to_owned(),
        model: "m".to_owned(),
        outcome: Outcome::Complete,
        tokens: Tokens { input: 12, output: 34, ..Tokens::default() },
        source: UsageSource::Provider,
        units: Units::default(),
        cost: Money::from_nanos(567),
        pricing: "priced".to_owned(),
        price_version: "1".to_owned(),
    }
}

/// An entry of the audit trail.
#[must_use]
pub fn entry(script: &mut Script<'_>) -> Entry {
    let opened = opened(script);
    Entry {
        event: opened.call.to_string(),
        org: opened.org.to_string(),
        at: opened.started_at,
        actor: Actor::system("fuzz"),
        action: "key.refused".to_owned(),
        resource: String::new(),
        outcome: "refused".to_owned(),
        request_id: opened.trace.map(|trace| trace.request_id).unwrap_or_default(),
        ip: String::new(),
        user_agent: String::new(),
        detail: "{}".to_owned(),
        claim: None,
    }
}

/// A file that a batch left behind.
#[must_use]
pub fn kept(script: &mut Script<'_>) -> file::File {
    let opened = opened(script);
    file::File {
        org: opened.org,
        project: opened.project,
        key: opened.key,
        connection: ProviderKeyId::new(opened.call.uuid()),
        name: "file-1".to_owned(),
        filename: opened.trace.map(|trace| trace.request_id).unwrap_or_default(),
        purpose: "batch".to_owned(),
        bytes: 7,
        at: opened.started_at,
        content: Content::Results(opened.call),
    }
}
