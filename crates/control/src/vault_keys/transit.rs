//! The Transit engine of HashiCorp Vault and OpenBao as a provider of keys: it wraps and unwraps data keys and never
//! lets its own out. Calls leave through the one way out and its address policy. It does not know what a data key is
//! for.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use domain::secret::Secret;
use egress::{Client, Policy, Target};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use serde::{Deserialize, Serialize};
use vault::remote::{Asked, Remote, RemoteFailed, RemoteKey, Renewed};
use zeroize::Zeroizing;

/// Most bytes of an answer; a wrapped key has some hundreds.
const ANSWER_BYTES: usize = 64 * 1_024;
const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Proves to an agent in between that this is no request forged by a page (Vault's documentation of its API).
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// Where the engine is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme, host and port.
    pub address: String,
    /// The path it is mounted at.
    pub mount: String,
    /// The namespace, if the server has such.
    pub namespace: Option<String>,
    /// The most that one question may take.
    pub timeout: Duration,
}

/// An engine that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum BadTransit {
    /// The address policy refuses it.
    #[error("the address of the key provider is refused: {0}. Add its host:port to egress.allow")]
    Address(#[from] egress::Rejected),
    /// The mount is no path.
    #[error("the mount of the Transit engine is no plain path")]
    Mount,
    /// The token or the namespace cannot stand in a header.
    #[error("the token or the namespace of the key provider cannot stand in a header")]
    Header,
}

/// The engine.
pub struct Transit {
    client: Client,
    api: Target,
    engine: Target,
    token: Secret,
    namespace: Option<HeaderValue>,
    timeout: Duration,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    ciphertext: &'a str,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Ciphertext {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Plaintext {
    plaintext: String,
}

impl Transit {
    /// An engine at this address, if `policy` lets anything go there.
    ///
    /// # Errors
    /// [`BadTransit`], with what to do.
    pub fn new(
        client: Client,
        policy: &Policy,
        settings: &Settings,
        token: Secret,
    ) -> Result<Self, BadTransit> {
        let api = policy.check(&settings.address)?.join("v1").map_err(|_| BadTransit::Mount)?;
        let engine = api.join(&settings.mount).map_err(|_| BadTransit::Mount)?;
        let namespace = settings.namespace.as_deref().map(HeaderValue::from_str).transpose();
        HeaderValue::from_bytes(token.open()).map_err(|_| BadTransit::Header)?;
        Ok(Self {
            client,
            api,
            engine,
            token,
            namespace: namespace.map_err(|_| BadTransit::Header)?,
            timeout: settings.timeout,
        })
    }

    /// Makes the token live on, if it can be renewed.
    ///
    /// # Errors
    /// [`RemoteFailed`]; a token that is not made to be renewed is [`RemoteFailed::Refused`].
    pub async fn renew_token(&self) -> Result<(), RemoteFailed> {
        let target = self.api.join("auth/token/renew-self").map_err(|_| no_such_path())?;
        self.ask(&target, Method::POST, Zeroizing::new(b"{}".to_vec())).await.map(drop)
    }

    /// Whether the engine is there and takes the token.
    ///
    /// # Errors
    /// [`RemoteFailed`] when not.
    pub async fn look(&self) -> Result<(), RemoteFailed> {
        let target = self.api.join("auth/token/lookup-self").map_err(|_| no_such_path())?;
        self.ask(&target, Method::GET, Zeroizing::default()).await.map(drop)
    }

    async fn act<T: for<'de> Deserialize<'de>>(
        &self,
        act: &str,
        key: &RemoteKey,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<T, RemoteFailed> {
        let target = self.engine.join(&format!("{act}/{}", key.name())).map_err(|_| no_such_path())?;
        let answer = self.ask(&target, Method::POST, body).await?;
        let read: Result<Answer<T>, _> = serde_json::from_slice(&answer);
        read.map(|answer| answer.data).map_err(|_| nonsense())
    }

    async fn ask(
        &self,
        target: &Target,
        method: Method,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, RemoteFailed> {
        let mut token = HeaderValue::from_bytes(self.token.open()).map_err(|_| no_such_path())?;
        token.set_sensitive(true);
        let mut request = Request::new(Full::new(Bytes::from_owner(body)));
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert(TOKEN, token);
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(namespace) = &self.namespace {
            headers.insert(NAMESPACE, namespace.clone());
        }
        let answered = tokio::time::timeout(self.timeout, self.receive(target, request)).await;
        answered.unwrap_or_else(|_| Err(RemoteFailed::Unavailable("it does not answer in time".to_owned())))
    }

    async fn receive(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Zeroizing<Vec<u8>>, RemoteFailed> {
        let gone = |failed: egress::Failed| RemoteFailed::Unavailable(failed.to_string());
        let response = self.client.send(target, request).await.map_err(gone)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(refusal(status));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|_| RemoteFailed::Unavailable("its answer broke off".to_owned()))?;
        Ok(Zeroizing::new(body.to_bytes().to_vec()))
    }
}

impl Remote for Transit {
    fn wrap<'a>(&'a self, key: &'a RemoteKey, data_key: &'a Secret) -> Asked<'a, Vec<u8>> {
        Box::pin(async move {
            let plaintext = Zeroizing::new(BASE64.encode(data_key.open()));
            let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len() + 32));
            for part in [r#"{"plaintext":""#, plaintext.as_str(), r#""}"#] {
                body.extend_from_slice(part.as_bytes());
            }
            let Ciphertext { ciphertext } = self.act("encrypt", key, body).await?;
            Ok(ciphertext.into_bytes())
        })
    }

    fn unwrap<'a>(&'a self, key: &'a RemoteKey, wrapped: &'a [u8]) -> Asked<'a, Secret> {
        Box::pin(async move {
            let Plaintext { plaintext } = self.act("decrypt", key, wrapped_body(wrapped)?).await?;
            let plaintext = Zeroizing::new(plaintext);
            BASE64.decode(plaintext.as_bytes()).map(Secret::new).map_err(|_| nonsense())
        })
    }

    fn renew<'a>(&'a self, key: &'a RemoteKey, wrapped: &'a [u8]) -> Asked<'a, Renewed> {
        Box::pin(async move {
            let Ciphertext { ciphertext } = self.act("rewrap", key, wrapped_body(wrapped)?).await?;
            let renewed = ciphertext.into_bytes();
            if version(&renewed) == version(wrapped) {
                return Ok(Renewed::Current);
            }
            Ok(Renewed::Newer(renewed))
        })
    }
}

fn wrapped_body(wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, RemoteFailed> {
    let ciphertext = std::str::from_utf8(wrapped).map_err(|_| nonsense())?;
    serde_json::to_vec(&Wrapped { ciphertext }).map(Zeroizing::new).map_err(|_| nonsense())
}

/// What stands before the second colon of `vault:v1:…`.
fn version(wrapped: &[u8]) -> &[u8] {
    let colons = wrapped.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
    colons.take(2).last().map_or(wrapped, |end| &wrapped[..end])
}

/// Server errors, a sealed or standing-by server and a rate limit pass; everything else is an answer.
fn refusal(status: StatusCode) -> RemoteFailed {
    let said = format!("status {}", status.as_u16());
    if status.is_server_error() || [429, 472, 473].contains(&status.as_u16()) {
        RemoteFailed::Unavailable(said)
    } else {
        RemoteFailed::Refused(said)
    }
}

fn nonsense() -> RemoteFailed {
    RemoteFailed::Refused("it answered something that is no answer of a Transit engine".to_owned())
}

fn no_such_path() -> RemoteFailed {
    RemoteFailed::Refused("it cannot be asked that".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_wrapped_key_is_read() {
        for (wrapped, expect) in
            [("vault:v1:abc:d", "vault:v1"), ("vault:v12:", "vault:v12"), ("vault:v1", "vault"), ("x", "x")]
        {
            assert_eq!(version(wrapped.as_bytes()), expect.as_bytes(), "{wrapped}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for (status, passes) in
            [(500, true), (503, true), (429, true), (473, true), (400, false), (403, false)]
        {
            let refused = refusal(StatusCode::from_u16(status).unwrap());
            assert_eq!(matches!(refused, RemoteFailed::Unavailable(_)), passes, "{status}");
        }
    }
}
