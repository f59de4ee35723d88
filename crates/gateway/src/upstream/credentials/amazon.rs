//! Amazon's two ways: a signature by the keys of an account, or an API key of Bedrock as it is. A signature needs a region,
//! which the host of the base URL names.

use bytes::Bytes;
use domain::secret::Secret;
use egress::Target;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http_body_util::Full;
use vault::sigv4::{self, AwsKeys, Signed};
use wire::catalog::aws_region;

use super::{bearer, misconfigured, put};
use crate::gate::Gateway;
use crate::upstream::Failure;

/// The name under which Bedrock's runtime is signed for.
const SERVICE: &str = "bedrock";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// What divides the parts of an account's keys, and no API key has.
const DIVIDER: u8 = b':';

/// Signs `request`, or puts the API key on it.
pub(super) fn sign(
    gate: &Gateway,
    secret: &Secret,
    target: &Target,
    request: &mut Request<Full<Bytes>>,
    body: &Bytes,
) -> Result<(), Failure> {
    if !secret.open().contains(&DIVIDER) {
        return bearer(request, secret);
    }
    let keys = AwsKeys::parse(secret).map_err(|no_keys| misconfigured(&no_keys.to_string()))?;
    let host = target.host();
    let region = aws_region(&host).or(gate.clouds.aws_region.as_deref()).ok_or_else(|| {
        misconfigured("the base URL names no region: it must be https://bedrock-runtime.REGION.amazonaws.com")
    })?;
    let uri = target.uri();
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let headers: Vec<(&str, &str)> = content_type.map(|value| ("content-type", value)).into_iter().collect();
    let signed = sigv4::Request {
        method: request.method().as_str(),
        host: uri.authority().map_or("", |authority| authority.as_str()),
        path: uri.path(),
        query: uri.query(),
        headers: &headers,
        body,
    };
    let Signed { date, authorization, session_token } = keys.sign(&signed, region, SERVICE, gate.clock.now());
    put(request, DATE, &Secret::new(date.into_bytes()))?;
    put(request, AUTHORIZATION, &Secret::new(authorization.into_bytes()))?;
    match session_token {
        Some(token) => put(request, SESSION_TOKEN, &token),
        None => Ok(()),
    }
}
