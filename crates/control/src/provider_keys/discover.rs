//! What an upstream says it offers to the holder of a key: one call to its models endpoint. Nothing is stored.

use std::time::Duration;

use axum::body::Bytes;
use domain::secret::Secret;
use egress::{BadPath, Client, Failed, Policy, Rejected};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use serde::Deserialize;

use super::catalogue::Proof;
use crate::vault_keys::sealer::NotOpened;

/// Most bytes of a models list.
const LIST_BYTES: usize = 8 << 20;
/// Most models that are told of.
const MAX_MODELS: usize = 10_000;
/// Longest name of a model, in characters; what is longer is left out.
const MODEL_CHARS: usize = 256;
/// How long the whole conversation may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an upstream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its models, in its order.
    pub models: Vec<String>,
    /// The requests a minute that it allows, when it says so.
    pub requests_per_minute: Option<u64>,
    /// The tokens a minute that it allows, when it says so.
    pub tokens_per_minute: Option<u64>,
}

/// Why nothing was learnt. No message holds any part of a key or of an answer.
#[derive(Debug, thiserror::Error)]
pub enum Undiscovered {
    /// The address is not permitted.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The address takes no path.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// The kept secret does not open.
    #[error("its secret does not open")]
    Sealed(#[from] NotOpened),
    /// The key cannot be sent.
    #[error("the key cannot stand in a header")]
    Key,
    /// No connection, or one that broke.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] Failed),
    /// It took too long.
    #[error("the provider did not answer within {} seconds", PATIENCE.as_secs())]
    Silent,
    /// The key is not accepted.
    #[error("the provider does not accept the key (status {0})")]
    Refused(u16),
    /// It asks to come back later.
    #[error("the provider's limit is reached (status {0})")]
    Limited(u16),
    /// It has no list of models there.
    #[error("there is no list of models at this address (status 404)")]
    NoList,
    /// It has none that a key like this one opens.
    #[error("this provider lists no models for its kind of key")]
    Unlisted,
    /// It answered with something else than success.
    #[error("its models endpoint answered with status {0}")]
    Status(u16),
    /// Its answer is no list of models.
    #[error("its models list is not one, broke off or is too large")]
    Malformed,
}

impl Undiscovered {
    /// The word for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Rejected(_) | Self::Path(_) => "address_refused",
            Self::Sealed(_) => "does_not_open",
            Self::Key => "not_a_key",
            Self::Unreachable(_) | Self::Silent => "unreachable",
            Self::Refused(_) => "refused",
            Self::Limited(_) => "limited",
            Self::NoList | Self::Unlisted => "no_list",
            Self::Status(_) | Self::Malformed => "failed",
        }
    }
}

/// A list in either form.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    /// OpenAI's and Anthropic's.
    Data { data: Vec<Model> },
    /// Google's, whose names are paths.
    Models { models: Vec<Model> },
}

#[derive(Deserialize)]
struct Model {
    #[serde(alias = "name")]
    id: String,
}

/// The models that the upstream at `base_url` lists.
///
/// # Errors
/// [`Undiscovered`] when it cannot be reached, refuses, or answers something else.
pub async fn models(
    policy: &Policy,
    client: &Client,
    base_url: &str,
    proof: Proof,
    secret: Option<&Secret>,
) -> Result<Listed, Undiscovered> {
    let target = policy.check(base_url)?.join("models")?;
    // These two give a page of a few at a time unless they are asked for more.
    let target = match proof {
        Proof::AnthropicKey => target.asking("limit=1000")?,
        Proof::GoogleKey => target.asking("pageSize=1000")?,
        _ => target,
    };
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(secret) = secret {
        let (name, before): (HeaderName, &[u8]) = match proof {
            Proof::Bearer => (AUTHORIZATION, b"Bearer "),
            Proof::AnthropicKey => (HeaderName::from_static("x-api-key"), b""),
            Proof::GoogleKey => (HeaderName::from_static("x-goog-api-key"), b""),
            Proof::AzureKey => (HeaderName::from_static("api-key"), b""),
            Proof::Derived => return Err(Undiscovered::Unlisted),
        };
        let shown = Secret::new([before, secret.open()].concat());
        let mut value = HeaderValue::from_bytes(shown.open()).map_err(|_| Undiscovered::Key)?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    if proof == Proof::AnthropicKey {
        request.headers_mut().insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    let conversation = async {
        let response = client.send(&target, request).await.map_err(Undiscovered::Unreachable)?;
        accepted(response.status())?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LIST_BYTES).collect().await.map_err(|_| Undiscovered::Malformed)?;
        let list: List = serde_json::from_slice(&body.to_bytes()).map_err(|_| Undiscovered::Malformed)?;
        Ok(listed(list, &head.headers))
    };
    tokio::time::timeout(PATIENCE, conversation).await.unwrap_or(Err(Undiscovered::Silent))
}

fn accepted(status: StatusCode) -> Result<(), Undiscovered> {
    match status.as_u16() {
        200 => Ok(()),
        status @ (401 | 403) => Err(Undiscovered::Refused(status)),
        status @ (402 | 429) => Err(Undiscovered::Limited(status)),
        404 => Err(Undiscovered::NoList),
        status => Err(Undiscovered::Status(status)),
    }
}

fn listed(list: List, headers: &HeaderMap) -> Listed {
    let plain = |name: &String| {
        (1..=MODEL_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    let rows = match list {
        List::Data { data } => data,
        List::Models { models } => models,
    };
    let names = rows.into_iter().map(|model| match model.id.strip_prefix("models/") {
        Some(name) => name.to_owned(),
        None => model.id,
    });
    let limit = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    Listed {
        models: names.filter(plain).take(MAX_MODELS).collect(),
        requests_per_minute: limit("x-ratelimit-limit-requests"),
        tokens_per_minute: limit("x-ratelimit-limit-tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_list_are_read() {
        let check = |text: &str| {
            let listed = listed(serde_json::from_str(text).unwrap(), &HeaderMap::new());
            assert_eq!(listed.models, ["a", "b/c"], "{text}");
        };
        check(r#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b/c"}]}"#);
        check(r#"{"data":[{"type":"model","id":"a","display_name":"A"},{"id":"b/c"}],"has_more":false}"#);
        check(r#"{"models":[{"name":"models/a","displayName":"A"},{"name":"models/b/c"}]}"#);
    }

    #[test]
    fn only_names_that_can_be_asked_for_are_told() {
        let long = "x".repeat(MODEL_CHARS + 1);
        let data = ["models/a", "", &long, "a\nb", "b"].map(|id| Model { id: id.to_owned() }).into();
        let list = List::Data { data };
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit-requests", HeaderValue::from_static("500"));
        headers.insert("x-ratelimit-limit-tokens", HeaderValue::from_static("many"));
        let expect = Listed {
            models: vec!["a".to_owned(), "b".to_owned()],
            requests_per_minute: Some(500),
            tokens_per_minute: None,
        };
        assert_eq!(listed(list, &headers), expect);
    }
}
