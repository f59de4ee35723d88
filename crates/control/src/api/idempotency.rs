//! Writes that are sent twice are done once: an answer is kept under the key its caller gave it, and given again. An
//! attempt that was refused did nothing and is not kept, so that it may be mended and repeated under its key.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::audit::Claim;
use serde_json::Value;
use store::idempotency;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use vault::digest::sha256_of_parts;

use super::arrival::Arrival;
use super::caller::Caller;
use super::json::ShownOnce;
use super::problem::Problem;
use super::{Api, openapi};

/// The header with the key.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Most characters of a key.
const MAX_CHARS: usize = 255;
/// Most bytes of an answer of ours to a write.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// What is to be done about a request.
pub(super) enum Begun {
    /// It carries no key: as it is.
    Plain,
    /// It is the first under its key.
    Fresh(Ticket),
    /// It was done; this was the answer.
    Replay(Response),
}

/// The duty to keep an answer.
pub(super) struct Ticket {
    /// The attempt, under which everything is done that the write does.
    pub(super) claim: Claim,
}

/// The header in the description of a write.
pub(super) fn parameter() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_CHARS))
        .pattern(Some("^[!-~]+$"));
    openapi::header(
        "Idempotency-Key",
        "A name of yours for this write. Sent again within 24 hours with the same method, path and body, it is not done \
         again: the answer is the first one's, with `idempotency-replayed: true` and without a secret that was shown once.",
        schema,
    )
}

/// Looks up the key of a write, and claims it.
pub(super) async fn begin(
    api: &Api,
    arrival: &Arrival,
    caller: &Caller,
    head: &Parts,
    body: &Bytes,
) -> Result<Begun, Problem> {
    let mut names = head.headers.get_all(HEADER).iter();
    let Some(name) = names.next().filter(|_| head.method != Method::GET && head.method != Method::HEAD)
    else {
        return Ok(Begun::Plain);
    };
    let visible = |name: &str| {
        (1..=MAX_CHARS).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let name = name.to_str().ok().filter(|name| visible(name) && names.next().is_none());
    let name =
        name.ok_or_else(|| Problem::invalid("idempotency-key is one of 1 to 255 visible ASCII characters."))?;
    let owner = caller.owner().ok_or_else(|| Problem::invalid("This path takes no idempotency-key."))?;
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    // Peppered: a body may hold a password, and a plain digest of it is soon guessed.
    let request = sha256_of_parts(&[head.method.as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", body]);
    let request = api.pepper().digest(&request);
    let claim = Claim(api.fresh()?);
    let begun = api.store().idempotency().begin(&owner, name, &request, claim, arrival.at).await?;
    match begun {
        idempotency::Begun::Fresh => Ok(Begun::Fresh(Ticket { claim })),
        idempotency::Begun::Replay { status, body } => Ok(Begun::Replay(replay(status, body))),
        idempotency::Begun::Mismatch => Err(Problem::idempotency_mismatch()),
        idempotency::Begun::Running => {
            Err(Problem::conflict("The first request with this idempotency key still runs."))
        }
        idempotency::Begun::Lost => Err(Problem::conflict(
            "The first request with this idempotency key was done, at least in part, and its answer was lost. Look at \
             what is there, and use a new key for what is missing.",
        )),
    }
}

fn replay(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body.clone()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

impl Ticket {
    /// Keeps the answer of what was done, or gives the key back when nothing was.
    pub(super) async fn finish(self, api: &Api, response: Response) -> Response {
        let kept = api.store().idempotency();
        let status = response.status();
        if !status.is_success() {
            let freed = match status.is_server_error() {
                true => kept.break_off(self.claim).await,
                false => kept.abandon(self.claim).await,
            };
            if let Err(failed) = freed {
                tracing::error!(%failed, "an idempotency key could not be given back");
            }
            return response;
        }
        let (head, body) = response.into_parts();
        let body = match to_bytes(body, MAX_ANSWER_BYTES).await {
            Ok(body) => body,
            Err(failed) => return Problem::internal(failed).into_response(),
        };
        let shown_once = head.extensions.get::<ShownOnce>().copied();
        let text = keepable(&body, shown_once);
        if let Err(failed) = kept.finish(self.claim, head.status.as_u16(), &text).await {
            // It was done. A retry under this key will be told so, and nothing is done twice.
            tracing::error!(%failed, "an answer could not be kept for its idempotency key");
        }
        Response::from_parts(head, Body::from(body))
    }
}

/// The answer without what is shown once.
fn keepable(body: &[u8], shown_once: Option<ShownOnce>) -> String {
    let text = || String::from_utf8_lossy(body).into_owned();
    let Some(ShownOnce(field)) = shown_once else { return text() };
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut members)) => {
            members.insert(field.to_owned(), Value::Null);
            Value::Object(members).to_string()
        }
        // Not what was promised: then nothing of it is kept.
        _ => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_once_is_not_kept() {
        let once = Some(ShownOnce("secret"));
        assert_eq!(keepable(br#"{"id":"a","secret":"pc_live_x"}"#, once), r#"{"id":"a","secret":null}"#);
        assert_eq!(keepable(br#"["pc_live_x"]"#, once), "null");
        assert_eq!(keepable(br#"{"id":"a"}"#, None), r#"{"id":"a"}"#);
    }
}
