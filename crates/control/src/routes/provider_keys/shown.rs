//! A provider key as it is shown: its secret masked, how it does, and since when.

use domain::route::Serves;
use domain::time::Timestamp;
use live::pool::Report;
use serde::Serialize;
use store::provider_keys::ProviderKey;
use store::switch::Switch;
use utoipa::ToSchema;

use super::Scope;
use super::quotas::QuotasBody;
use crate::api::json::Instant;

/// A provider key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderKey)]
pub(super) struct ProviderKeyShown {
    #[schema(pattern = "^pk_[0-9a-f]{32}$")]
    id: String,
    /// Unlike any other's of its owner.
    name: String,
    /// The slug of its provider.
    provider: String,
    base_url: String,
    /// The first and last four characters of its secret, where it is long enough; null where there is none.
    masked: Option<String>,
    /// The models it serves, by the provider's names; null for any.
    models: Option<Vec<String>>,
    /// Lower is tried first.
    #[schema(minimum = 1, maximum = 1000)]
    priority: u16,
    scope: Scope,
    /// The organization whose calls alone may use it; null for the platform's.
    #[schema(pattern = "^org_[0-9a-f]{32}$")]
    org_id: Option<String>,
    /// The person whose keys alone may use it; null where it is not one person's.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    user_id: Option<String>,
    /// Whether its owner's calls may go on to other provider keys, at last to the platform's.
    fallback_to_platform: bool,
    /// What may go over it.
    quotas: QuotasBody,
    /// How it does.
    state: StateShown,
    /// What it carries, on the replica that answers.
    counts: CountsShown,
    created_at: Instant,
}

/// How a provider key does.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderKeyState)]
pub(super) struct StateShown {
    word: StateWord,
    /// Since when; null where that is not known.
    since: Option<Instant>,
    /// Why, such as a word of its quotas; null while it is in service and far from all of them.
    reason: Option<&'static str>,
    /// When its rest ends; null where it does not rest.
    until: Option<Instant>,
}

/// The state of a provider key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StateWord {
    /// In service.
    Active,
    /// In service, and used last: it is near the end of one of its quotas.
    NearLimit,
    /// At rest until a time.
    Cooldown,
    /// At rest because a quota is used up: one of its own, or the one behind it.
    Exhausted,
    /// Out of service until a person tests or enables it.
    Broken,
    /// Switched off by a person.
    Disabled,
}

/// What a provider key carries.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ProviderKeyCounts)]
pub(super) struct CountsShown {
    /// Calls now.
    in_flight: u32,
    /// Attempts that were answered since the gate began.
    answered: u64,
    /// Attempts that failed since the gate began.
    failed: u64,
}

impl ProviderKeyShown {
    /// A provider key, and how the request path finds it at `now`.
    pub(super) fn new(key: ProviderKey, report: Option<Report>, now: Timestamp) -> Self {
        let state = state(&key, report, now);
        let counts = report.map_or_else(CountsShown::default, |report| CountsShown {
            in_flight: report.in_flight,
            answered: report.answered,
            failed: report.failed,
        });
        Self {
            id: key.id.to_string(),
            name: key.name,
            provider: key.provider,
            base_url: key.base_url,
            masked: key.sealed.is_some().then_some(key.masked),
            models: match key.serves {
                Serves::Any => None,
                Serves::Listed(models) => Some(models),
            },
            priority: key.priority,
            scope: Scope::of(key.owner),
            org_id: key.owner.org().map(|org| org.to_string()),
            user_id: key.owner.user().map(|user| user.to_string()),
            fallback_to_platform: key.fallback_to_platform,
            quotas: key.quotas.into(),
            state,
            counts,
            created_at: key.created_at.into(),
        }
    }
}

/// What a person decided comes first: the request path may not have learnt of it yet.
fn state(key: &ProviderKey, report: Option<Report>, now: Timestamp) -> StateShown {
    if key.state == Switch::Disabled {
        let since = key.switched_at.map(Instant);
        return StateShown { word: StateWord::Disabled, since, reason: Some("switched_off"), until: None };
    }
    if let Some(until) = key.rests_until.filter(|until| *until > now) {
        let report = report.filter(|report| report.reason == Some(PUT_TO_REST));
        let since = report.map_or(now, |report| report.since);
        let (since, until) = (Some(Instant(since)), Some(Instant(until)));
        return StateShown { word: StateWord::Cooldown, since, reason: Some(PUT_TO_REST), until };
    }
    let ended = |report: &Report| report.reason == Some(PUT_TO_REST);
    let Some(report) = report.filter(|report| !ended(report)) else {
        let since = if report.is_some() { now } else { key.created_at };
        return StateShown {
            word: StateWord::Active,
            since: Some(Instant(since)),
            reason: None,
            until: None,
        };
    };
    let word = match report.state {
        live::pool::State::Active => StateWord::Active,
        live::pool::State::NearLimit => StateWord::NearLimit,
        live::pool::State::Cooldown => StateWord::Cooldown,
        live::pool::State::Exhausted => StateWord::Exhausted,
        live::pool::State::Broken => StateWord::Broken,
    };
    let until = report.until.map(Instant);
    StateShown { word, since: Some(Instant(report.since)), reason: report.reason, until }
}

/// The reason of a rest that a person ordered.
const PUT_TO_REST: &str = "put_to_rest";
