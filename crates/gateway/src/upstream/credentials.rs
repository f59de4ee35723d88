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
use wire::catalog::Auth;

use super::{Failure, misconfigured};
use crate::gate::Gateway;

pub(crate) use google::AccessTokens;

/// Where Anthropic, Google and Azure read a key.
const ANTHROPIC_KEY: HeaderName = HeaderName::from_static("x-api-key");
const GOOGLE_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
const AZURE_KEY: HeaderName = HeaderName::from_static("api-key");

/// Puts what `auth` demands on `request`, which goes to `target` with `body`. Nothing where there is no key.
pub(crate) async fn authorize(
    gate: &Gateway,
    offer: &Offer,
    auth: Auth,
    secret: Option<&Arc<Secret>>,
    target: &Target,
    request: &mut Request<Full<Bytes>>,
    body: &Bytes,
) -> Result<(), Failure> {
    let Some(secret) = secret else { return Ok(()) };
    match auth {
        Auth::Bearer => bearer(request, secret),
        Auth::AnthropicKey => put(request, ANTHROPIC_KEY, secret),
        Auth::GoogleKey => put(request, GOOGLE_KEY, secret),
        Auth::AzureKey => put(request, AZURE_KEY, secret),
        Auth::Aws => amazon::sign(gate, secret, target, request, body),
        Auth::GoogleServiceAccount => {
            let token = google::access_token(gate, offer, secret).await?;
            bearer(request, &token)
        }
    }
}

fn bearer(request: &mut Request<Full<Bytes>>, secret: &Secret) -> Result<(), Failure> {
    put(request, AUTHORIZATION, &Secret::new([b"Bearer ", secret.open()].concat()))
}

fn put(request: &mut Request<Full<Bytes>>, name: HeaderName, secret: &Secret) -> Result<(), Failure> {
    let mut value = HeaderValue::from_bytes(secret.open())
        .map_err(|_| misconfigured("the provider key cannot stand in a header"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}
