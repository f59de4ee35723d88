//! What an upstream says it offers: one call to its models endpoint. Nothing is stored.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use domain::secret::Secret;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use serde::Deserialize;

/// Most bytes of a models list.
const LIST_BYTES: usize = 8 << 20;

#[derive(Deserialize)]
struct Listed {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// The models that the upstream at `base_url` lists, in its order.
///
/// # Errors
/// When the upstream cannot be reached, refuses, or answers something else.
pub async fn models(
    policy: &egress::Policy,
    client: &egress::Client,
    base_url: &str,
    secret: Option<&Secret>,
) -> Result<Vec<String>> {
    let target = policy.check(base_url)?.join("models")?;
    let mut request = Request::builder()
        .method(Method::GET)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .body(Full::new(Bytes::new()))
        .context("the request cannot be made")?;
    if let Some(secret) = secret {
        let bearer = Secret::new([b"Bearer ", secret.open()].concat());
        let mut value =
            HeaderValue::from_bytes(bearer.open()).ok().context("the key cannot stand in a header")?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let response = client.send(&target, request).await.context("the provider cannot be reached")?;
    if response.status() != StatusCode::OK {
        bail!("its models endpoint answered with status {}", response.status().as_u16());
    }
    let body = Limited::new(response.into_body(), LIST_BYTES).collect().await;
    let body = body.map_err(|_| anyhow::anyhow!("its models list broke off or is too large"))?.to_bytes();
    let listed: Listed = serde_json::from_slice(&body).context("its models list is not one")?;
    Ok(listed.data.into_iter().map(|model| model.id).collect())
}
