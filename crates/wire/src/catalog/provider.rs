//! What differs between the providers, as fields of a row; and the format of their
//! keys. Knows no tenant and opens no socket.

use domain::catalog::{CachedInBatch, ModelFacts};
use domain::chat::tool_id::Grammar;
use domain::price::Pricing;
use domain::protocol::Protocol;
use domain::usage::Surface;

use super::cloud_keys::{BadCloudKey, check_aws, check_key_file};

use crate::openai::ChatForm;

/// The shortest key that is accepted where a provider issues keys, in characters.
const SHORTEST_KEY: usize = 8;

/// One provider: a row of the table, never code.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name in routes, records and commands.
    pub slug: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The public base URL without a trailing slash; the path of a surface is appended. `None` when only the
    /// connection can say it.
    pub base_url: Option<&'static str>,
    /// Whether it needs a key.
    pub key: KeyRule,
    /// What every key starts with, when the provider keeps to that: one of these. Empty for any.
    pub key_prefixes: &'static [&'static str],
    /// How a request proves whose it is.
    pub auth: Auth,
    /// The protocols of conversations it speaks, the one it speaks best first. A caller of one of them is passed through;
    /// any other is translated to the first. Empty for a provider without conversations.
    pub protocols: &'static [Protocol],
    /// How token counts come with a stream.
    pub usage_in_streams: StreamUsage,
    /// How it lets the names of tool calls look.
    pub tool_ids: Grammar,
    /// How its form of OpenAI's chat completions differs from others'.
    pub chat: ChatForm,
    /// The endpoints it has beside conversations, in OpenAI's form.
    pub surfaces: &'static [Surface],
    /// What it charges for a token in a batch, in percent of the price elsewhere.
    pub batch_percent: Option<u8>,
    /// Whether that is true of what was read from the cache.
    pub cached_in_batch: CachedInBatch,
    /// A server of the user's own: a private address, no charge for its models.
    pub local: bool,
    /// Whether a production installation may have it.
    pub production: Production,
    /// The page that states the base URL and how to call it.
    pub docs_url: &'static str,
    /// What a person should know, in sentences.
    pub notes: &'static str,
}

/// How a request proves whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer`
    Bearer,
    /// `x-api-key`, as Anthropic has it.
    AnthropicKey,
    /// `x-goog-api-key`
    GoogleKey,
    /// `api-key`, as Azure has it.
    AzureKey,
    /// A signature of Amazon's (SigV4), or its bearer key.
    Aws,
    /// A bearer token that a Google service account is given.
    GoogleServiceAccount,
}

/// Whether a connection needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// The provider issues keys and answers nobody without one.
    Required,
    /// A server that may ask for a token of any form.
    Optional,
}

/// How token counts come with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// When `stream_options.include_usage` asks for them.
    OnRequest,
    /// Unasked if at all; a request that carries `stream_options` is refused, so the field must not be added.
    Unasked,
}

/// Whether a production installation may have a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Production {
    /// It may.
    Allowed,
    /// It is for trying things out.
    Refused,
}

/// Why a key cannot be one of this provider's. No message holds any part of the key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKey {
    /// Nothing but an empty text.
    #[error("the key is empty")]
    Empty,
    /// A space, tab or line end, most often from copying.
    #[error("the key holds white space: copy it again without spaces or line ends")]
    WhiteSpace,
    /// A character that cannot stand in an HTTP header.
    #[error("the key holds a character other than visible ASCII")]
    NotAscii,
    /// Fewer characters than any real key.
    #[error("the key is shorter than {SHORTEST_KEY} characters")]
    TooShort,
    /// Not what this provider's keys start with.
    #[error("a key of {title} starts with {}", prefixes.join(" or "))]
    WrongPrefix {
        /// The provider.
        title: &'static str,
        /// What its keys start with.
        prefixes: &'static [&'static str],
    },
    /// It starts like the keys of another provider, which this one must never see.
    #[error("this looks like a key of {0}: choose that provider, so that the key goes to nobody else")]
    OfAnother(&'static str),
    /// Not of the form that the keys of this cloud have.
    #[error(transparent)]
    Cloud(#[from] BadCloudKey),
}

impl Provider {
    /// Whether calls through this endpoint can be answered by it.
    #[must_use]
    pub fn has(&self, surface: Surface) -> bool {
        match surface.protocol() {
            // Only these two can count without answering.
            Some(_) if surface.only_counts() => self
                .protocols
                .iter()
                .any(|protocol| matches!(protocol, Protocol::Anthropic | Protocol::Gemini)),
            Some(_) => !self.protocols.is_empty(),
            None if surface == Surface::EmbedContent => self.surfaces.contains(&Surface::Embeddings),
            None => self.surfaces.contains(&surface),
        }
    }

    /// The endpoints whose calls can be answered by it.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Surface> {
        Surface::ALL.into_iter().filter(|surface| self.has(*surface)).collect()
    }

    /// The protocol in which a caller of `protocol` is served: its own where the provider speaks it. None for a provider
    /// without conversations.
    #[must_use]
    pub fn protocol_for(&self, protocol: Protocol) -> Option<Protocol> {
        if self.protocols.contains(&protocol) { Some(protocol) } else { self.protocols.first().copied() }
    }

    /// What a model costs that the catalogue does not list: nothing on a server of one's own, otherwise unknown.
    #[must_use]
    pub fn default_pricing(&self) -> Pricing {
        if self.local { Pricing::Free } else { Pricing::Unpriced }
    }

    /// The facts of a model that the catalogue does not list.
    #[must_use]
    pub fn default_facts(&self) -> ModelFacts {
        let pricing = self.default_pricing();
        let price_version = format!("default/{}/{}", self.slug, pricing.word()).into();
        let (batch_percent, cached_in_batch) = (self.batch_percent, self.cached_in_batch);
        ModelFacts { pricing, price_version, batch_percent, cached_in_batch, ..ModelFacts::unknown() }
    }
}

/// Checks that `secret` can be a key of `provider`: visible ASCII without white space; where keys are issued, at
/// least 8 characters and the provider's prefix. The keys of clouds have forms of their own, a key file among them.
///
/// # Errors
/// [`BadKey`], with a message fit for whoever entered the key.
pub fn check_key_format(provider: &Provider, secret: &[u8]) -> Result<(), BadKey> {
    if secret.is_empty() {
        return Err(BadKey::Empty);
    }
    if provider.auth == Auth::GoogleServiceAccount {
        return Ok(check_key_file(secret)?);
    }
    if secret.iter().any(u8::is_ascii_whitespace) {
        return Err(BadKey::WhiteSpace);
    }
    if !secret.iter().all(u8::is_ascii_graphic) {
        return Err(BadKey::NotAscii);
    }
    if provider.key == KeyRule::Optional {
        return Ok(());
    }
    if secret.len() < SHORTEST_KEY {
        return Err(BadKey::TooShort);
    }
    if let Some(title) = owner_of(provider, secret) {
        return Err(BadKey::OfAnother(title));
    }
    if provider.auth == Auth::Aws {
        return Ok(check_aws(secret)?);
    }
    let prefixes = provider.key_prefixes;
    if prefixes.is_empty() || starts_with_one_of(secret, prefixes) {
        return Ok(());
    }
    Err(BadKey::WrongPrefix { title: provider.title, prefixes })
}

/// The other provider whose prefix the key has, when it is longer than any of this provider's that it has too.
fn owner_of(provider: &Provider, secret: &[u8]) -> Option<&'static str> {
    let own = provider.key_prefixes.iter().filter(|prefix| secret.starts_with(prefix.as_bytes()));
    let own_length = own.map(|prefix| prefix.len()).max().unwrap_or(0);
    let rows = super::providers().iter().filter(|other| other.slug != provider.slug);
    rows.flat_map(|other| other.key_prefixes.iter().map(|prefix| (*prefix, other.title)))
        .filter(|(prefix, _)| distinctive(prefix) && prefix.len() > own_length)
        .find(|(prefix, _)| secret.starts_with(prefix.as_bytes()))
        .map(|(_, title)| title)
}

/// Whether a prefix names one provider: `sk-` is common to many and `AI` may begin any random key.
fn distinctive(prefix: &str) -> bool {
    prefix.len() > 3
}

fn starts_with_one_of(secret: &[u8], prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| secret.starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider;

    fn check(slug: &str, secret: &str, expect: Result<(), BadKey>) {
        let provider = provider(slug).unwrap();
        assert_eq!(check_key_format(provider, secret.as_bytes()), expect, "{slug} {secret:?}");
    }

    #[test]
    fn keys_are_checked_by_the_providers_own_format() {
        let wrong = |slug| {
            let row = provider(slug).unwrap();
            Err(BadKey::WrongPrefix { title: row.title, prefixes: row.key_prefixes })
        };
        check("openai", "sk-proj-0123456789", Ok(()));
        check("openai", "pk-proj-0123456789", wrong("openai"));
        check("openrouter", "sk-or-v1-0123456789", Ok(()));
        check("openrouter", "sk-0123456789", wrong("openrouter"));
        check("gemini", "AIzaSy0123456789", Ok(()));
        check("gemini", "AQ.Ab8RN6L0123456789", Ok(()));
        check("gemini", "0123456789", wrong("gemini"));
        check("groq", "gsk_0123456789", Ok(()));
        check("xai", "xai-0123456789", Ok(()));
        check("mistral", "0123456789abcdef", Ok(()));
        check("openai", "sk-0123", Err(BadKey::TooShort));
        check("openai", "", Err(BadKey::Empty));
        check("openai", "sk-0123456789\n", Err(BadKey::WhiteSpace));
        check("openai", "sk-01234 56789", Err(BadKey::WhiteSpace));
        check("openai", "sk-0123456789é", Err(BadKey::NotAscii));
        check("mistral", "0123456789\u{0}", Err(BadKey::NotAscii));
    }

    #[test]
    fn a_key_of_another_provider_is_never_accepted() {
        check("openai", "sk-or-v1-0123456789", Err(BadKey::OfAnother("OpenRouter")));
        check("deepseek", "sk-or-v1-0123456789", Err(BadKey::OfAnother("OpenRouter")));
        check("openai", "sk-ant-api03-0123456789", Err(BadKey::OfAnother("Anthropic")));
        check("mistral", "gsk_0123456789", Err(BadKey::OfAnother("Groq")));
    }

    #[test]
    fn servers_of_ones_own_take_any_token() {
        check("vllm", "token", Ok(()));
        check("openai_compatible", "gsk_0123456789", Ok(()));
        check("demo", "demo", Ok(()));
        check("ollama", "two words", Err(BadKey::WhiteSpace));
    }

    #[test]
    fn no_message_holds_any_part_of_the_key() {
        let openai = provider("openai").unwrap();
        for secret in ["zq", "zqzqzqzqzqzq", "zq zqzqzqzqzq", "sk-or-zqzqzqzq", "sk-zqzqzqé"] {
            let refused = check_key_format(openai, secret.as_bytes()).unwrap_err();
            assert!(
                !refused.to_string().contains("zq") && !format!("{refused:?}").contains("zq"),
                "{secret}"
            );
        }
    }
}
