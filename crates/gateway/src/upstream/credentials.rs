//! How a request proves to the upstream whose it is: a key in the header that its provider reads, a signature, or an access
//! token that was exchanged for the key. Every such header is marked, so that it is shown nowhere.

mod amazon;
mod google;

use std::sync::Arc;

use bytes::Bytes;
use domain::route::Offer;
use domain::secret::Secret;
use egress::Target;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderValue, Request};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};
use wire::catalog::Auth;

use super::{Failure, misconfigured, silent};
use crate::gate::Gateway;

pub(crate) use google::AccessTokens;

/// Where Anthropic, Google and Azure read a key.
const ANTHROPIC_KEY: HeaderName = HeaderName::from_static("x-api-key");
const GOOGLE_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
const AZURE_KEY: HeaderName = HeaderName::from_static("api-key");

/// What is shown in the place of `secret` where it must be exchanged first, which may take until `deadline`; none where the
/// key itself is shown.
pub(crate) async fn exchanged(
    gate: &Gateway,
    offer: &Offer,
    auth: Auth,
    secret: &Secret,
    deadline: Instant,
) -> Result<Option<Arc<Secret>>, Failure> {
    if auth != Auth::GoogleServiceAccount {
        return Ok(None);
    }
    // Boxed because it is large and rare.
    let exchange = timeout_at(deadline, Box::pin(google::access_token(gate, offer, secret)));
    exchange.await.map_err(|_| silent())?.map(Some)
}

/// Puts what `auth` demands on `request`, which goes to `target` with `body`.
pub(crate) fn authorize(
    gate: &Gateway,
    auth: Auth,
    secret: &Secret,
    target: &Target,
    request: &mut Request<Full<Bytes>>,
    body: &Bytes,
) -> Result<(), Failure> {
    match auth {
        Auth::Bearer | Auth::GoogleServiceAccount => bearer(request, secret),
        Auth::AnthropicKey => put(request, ANTHROPIC_KEY, secret),
        Auth::GoogleKey => put(request, GOOGLE_KEY, secret),
        Auth::AzureKey => put(request, AZURE_KEY, secret),
        Auth::Aws => amazon::sign(gate, secret, target, request, body),
    }
}

fn bearer(request: &mut Request<Full<Bytes>>, secret: &Secret) -> Result<(), Failure> {
    show(request, AUTHORIZATION, Bytes::from([b"Bearer ", secret.open()].concat()))
}

fn put(request: &mut Request<Full<Bytes>>, name: HeaderName, secret: &Secret) -> Result<(), Failure> {
    show(request, name, Bytes::copy_from_slice(secret.open()))
}

fn show(request: &mut Request<Full<Bytes>>, name: HeaderName, proof: Bytes) -> Result<(), Failure> {
    let mut value = HeaderValue::from_maybe_shared(proof)
        .map_err(|_| misconfigured("the provider key cannot stand in a header"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}
