//! What is asked of provider keys, and what their providers answer.

use domain::route::Serves;
use serde::{Deserialize, Serialize};
use store::switch::Switch;
use utoipa::ToSchema;

use super::quotas::QuotasBody;
use crate::api::json::name::Name;
use crate::api::json::secret::SecretText;
use crate::api::json::{clearable, given};
use crate::api::problem::Problem;
use crate::provider_keys::discover::{Listed, Undiscovered};

/// Most models that a provider key lists.
const MAX_MODELS: usize = 1_000;
/// Most characters of a model's name.
const MODEL_CHARS: usize = 256;
/// The longest rest that a person can order: 30 days, in seconds.
const MAX_REST_SECONDS: u32 = 30 * 24 * 3_600;

/// A provider key to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProviderKey)]
pub(super) struct ProviderKeyAsked {
    /// Absent: the platform's of an operator, the organization's of anybody else.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub scope: Option<ScopeAsked>,
    pub name: Name,
    /// The slug of its provider.
    #[schema(max_length = 64)]
    pub provider: String,
    /// Where it leads; absent for the provider's own address.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2048)]
    pub base_url: Option<String>,
    /// The provider's key; absent for a server that asks for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub secret: Option<SecretText>,
    /// The models it serves, by the provider's names; null or absent for any.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    pub models: Option<Vec<String>>,
    /// Lower is tried first.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    pub priority: Option<u16>,
    /// Whether its owner's calls may go on to other provider keys, at last to the platform's, when this one cannot
    /// serve them.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, default = false)]
    pub fallback_to_platform: Option<bool>,
}

/// A provider key of one's own to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOwnProviderKey)]
pub(super) struct KeyAsked {
    pub name: Name,
    /// The slug of its provider.
    #[schema(max_length = 64)]
    pub provider: String,
    /// Where it leads; absent for the provider's own address.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2048)]
    pub base_url: Option<String>,
    /// The provider's key; absent for a server that asks for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub secret: Option<SecretText>,
    /// The models it serves, by the provider's names; null or absent for any.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    pub models: Option<Vec<String>>,
    /// Lower is tried first.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    pub priority: Option<u16>,
    /// Whether its owner's calls may go on to other provider keys, at last to the platform's, when this one cannot
    /// serve them.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, default = false)]
    pub fallback_to_platform: Option<bool>,
}

impl ProviderKeyAsked {
    /// The key, whosever it is.
    pub(super) fn key(self) -> KeyAsked {
        let Self { scope: _, name, provider, base_url, secret, models, priority, fallback_to_platform } =
            self;
        KeyAsked { name, provider, base_url, secret, models, priority, fallback_to_platform }
    }
}

/// Whose calls a new provider key is to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NewProviderKeyScope)]
pub(super) enum ScopeAsked {
    /// Everybody's.
    Platform,
    /// Those of the organization that the login is at.
    Org,
}

/// What is to change of a provider key; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderKeyChange)]
pub(super) struct ProviderKeyEdit {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub name: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2048)]
    pub base_url: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub secret: Option<SecretText>,
    /// The models it serves, by the provider's names; null for any.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 1000)]
    pub models: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1, maximum = 1000)]
    pub priority: Option<u16>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub fallback_to_platform: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub state: Option<SwitchWord>,
    /// What may go over it; a quota that is absent is none.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub quotas: Option<QuotasBody>,
}

impl ProviderKeyEdit {
    /// Whether it changes what is sent, to whom, or who pays in its place.
    pub(super) fn is_sensitive(&self) -> bool {
        self.secret.is_some() || self.base_url.is_some() || self.fallback_to_platform == Some(true)
    }

    /// Whether it changes nothing but what keeps the house in order.
    pub(super) fn keeps_order(&self) -> bool {
        let Self { name, base_url, secret, models, fallback_to_platform, quotas, priority: _, state: _ } =
            self;
        name.is_none()
            && base_url.is_none()
            && secret.is_none()
            && models.is_none()
            && fallback_to_platform.is_none()
            && quotas.is_none()
    }
}

/// Whether a provider key is in use.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProviderKeySwitch)]
pub(super) enum SwitchWord {
    Active,
    Disabled,
}

/// Another secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderKeyRotation)]
pub(super) struct RotationAsked {
    pub secret: SecretText,
}

/// A rest.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderKeyRest)]
pub(super) struct RestAsked {
    /// For how long; zero ends every rest.
    #[schema(minimum = 0, maximum = 2_592_000)]
    seconds: u32,
}

impl RestAsked {
    /// For how long; none to end every rest.
    pub(super) fn seconds(&self) -> Result<Option<i64>, Problem> {
        match self.seconds {
            0 => Ok(None),
            seconds if seconds <= MAX_REST_SECONDS => Ok(Some(i64::from(seconds))),
            _ => Err(Problem::unfit("seconds", format!("A rest has at most {MAX_REST_SECONDS} seconds."))),
        }
    }
}

/// What a provider is to be asked with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Discovery)]
pub(super) struct DiscoveryAsked {
    /// The slug of the provider.
    #[schema(max_length = 64)]
    pub provider: String,
    /// Where it is; absent for the provider's own address.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2048)]
    pub base_url: Option<String>,
    /// A key of it; absent for a server that asks for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub secret: Option<SecretText>,
}

/// What a provider says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Discovered {
    /// The models it offers, by its names.
    models: Vec<String>,
    /// The requests a minute that it allows; null where it does not say.
    requests_per_minute: Option<u64>,
    /// The tokens a minute that it allows; null where it does not say.
    tokens_per_minute: Option<u64>,
}

/// How a test ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderKeyTest)]
pub(super) struct TestShown {
    /// Whether its provider takes it.
    works: bool,
    /// What kind of fault it is, if one; `no_list` says that nothing was proved either way.
    fault: Option<&'static str>,
    /// The same in words.
    detail: Option<String>,
    /// How many models it offers, if it works.
    models: Option<usize>,
}

/// Models as they are kept.
pub(super) fn serves(models: Option<Vec<String>>) -> Result<Serves, Problem> {
    let Some(models) = models else { return Ok(Serves::Any) };
    let plain = |name: &String| {
        (1..=MODEL_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    if !(1..=MAX_MODELS).contains(&models.len()) {
        return Err(Problem::unfit("models", format!("Give 1 to {MAX_MODELS} models, or null for any.")));
    }
    match models.iter().position(|name| !plain(name)) {
        None => Ok(Serves::Listed(models)),
        Some(at) => Err(Problem::unfit(
            &format!("models[{at}]"),
            format!("A model's name has 1 to {MODEL_CHARS} visible characters."),
        )),
    }
}

impl From<Listed> for Discovered {
    fn from(listed: Listed) -> Self {
        let Listed { models, requests_per_minute, tokens_per_minute } = listed;
        Self { models, requests_per_minute, tokens_per_minute }
    }
}

impl From<Result<Listed, Undiscovered>> for TestShown {
    fn from(listed: Result<Listed, Undiscovered>) -> Self {
        match listed {
            Ok(listed) => Self { works: true, fault: None, detail: None, models: Some(listed.models.len()) },
            Err(fault) => {
                let (word, detail) = (fault.word(), fault.to_string());
                Self { works: false, fault: Some(word), detail: Some(detail), models: None }
            }
        }
    }
}

impl From<SwitchWord> for Switch {
    fn from(word: SwitchWord) -> Self {
        match word {
            SwitchWord::Active => Switch::Active,
            SwitchWord::Disabled => Switch::Disabled,
        }
    }
}
