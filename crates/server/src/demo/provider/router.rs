//! The paths of the demo provider: finds who answers a request, checks the key, and dresses the answer in headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use domain::secret::Secret;
use domain::time::Clock;

use super::answer_body::AnswerBody;
use super::departures::Departures;
use super::models::{self, ModelId};
use super::plan::{Delivery, Kind, Plan};
use super::refusal::Refusal;
use super::script::Script;
use super::shape::{self, Stamp};
use super::tally::{Surface, Tally, request_id};
use super::{Options, chat, completion, embedding};

/// Longest request body: more than the gateway lets through, so that the gateway's own bound is the one that is met.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// What a hosted provider tells about the account with every answer; all invented. The last one is the label.
const ACCOUNT_HEADERS: [(HeaderName, HeaderValue); 9] = [
    (HeaderName::from_static("openai-organization"), HeaderValue::from_static("org-demo-account")),
    (HeaderName::from_static("openai-project"), HeaderValue::from_static("proj_demo_account")),
    (HeaderName::from_static("openai-processing-ms"), HeaderValue::from_static("1")),
    (HeaderName::from_static("openai-version"), HeaderValue::from_static("2020-10-01")),
    (HeaderName::from_static("set-cookie"), HeaderValue::from_static("demo_account=7f3a; path=/; HttpOnly")),
    (HeaderName::from_static("x-ratelimit-limit-requests"), HeaderValue::from_static("10000")),
    (HeaderName::from_static("x-ratelimit-remaining-requests"), HeaderValue::from_static("9999")),
    (HeaderName::from_static("server"), HeaderValue::from_static("portcullis-demo-provider")),
    (
        HeaderName::from_static("x-demo-provider"),
        HeaderValue::from_static("text made by rule, not by a model"),
    ),
];

/// What every connection shares.
pub(super) struct Desk {
    key: Option<Secret>,
    clock: Clock,
    chunk_delay: Duration,
    tally: Arc<Tally>,
    refused: AtomicU64,
}

impl Desk {
    pub(super) fn new(options: Options, tally: Arc<Tally>) -> Self {
        let Options { chunk_delay_ms, key, clock } = options;
        let chunk_delay = Duration::from_millis(chunk_delay_ms);
        Self { key, clock, chunk_delay, tally, refused: AtomicU64::new(0) }
    }

    fn created(&self) -> i64 {
        self.clock.now().millis().div_euclid(1_000)
    }

    fn check_key(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(key) = &self.key else { return Ok(()) };
        let (scheme, presented) = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .ok_or_else(Refusal::wrong_key)?;
        let right = scheme.eq_ignore_ascii_case(b"Bearer ") && vault::digest::equal(presented, key.open());
        if right { Ok(()) } else { Err(Refusal::wrong_key()) }
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    provider: &'static str,
}

/// Answers one request; every outcome is a response.
pub(super) async fn answer(
    desk: &Desk,
    departures: &Departures,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    match route(desk, departures, request).await {
        Ok(response) => response,
        Err(refusal) => refuse(desk, &refusal),
    }
}

async fn route(
    desk: &Desk,
    departures: &Departures,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Refusal> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path.starts_with("/v1/") {
        desk.check_key(&head.headers)?;
    }
    match path {
        "/v1/chat/completions" => {
            only(&head.method, &Method::POST)?;
            send(desk, departures, chat::plan(read(body).await?)?)
        }
        "/v1/completions" => {
            only(&head.method, &Method::POST)?;
            send(desk, departures, completion::plan(read(body).await?)?)
        }
        "/v1/embeddings" => {
            only(&head.method, &Method::POST)?;
            send_vectors(desk, departures, read(body).await?)
        }
        _ => {
            let looked_up = look_up(desk, path)?;
            only(&head.method, &Method::GET)?;
            Ok(looked_up)
        }
    }
}

/// The paths that are read with GET.
fn look_up(desk: &Desk, path: &str) -> Result<Response<AnswerBody>, Refusal> {
    match path {
        "/v1/models" => uncounted(&models::listing()),
        "/tally" => uncounted(&desk.tally.show()),
        "/healthz" => uncounted(&Health { status: "ok", provider: "demo" }),
        _ => match path.strip_prefix("/v1/models/") {
            Some(name) => match ModelId::named(name) {
                Some(model) => uncounted(&models::shown(model)),
                None => Err(Refusal::no_model(name)),
            },
            None => Err(Refusal::no_path()),
        },
    }
}

fn only(method: &Method, expected: &Method) -> Result<(), Refusal> {
    if method == expected { Ok(()) } else { Err(Refusal::other_method()) }
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, Refusal> {
    let collected = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Refusal::too_large(MAX_BODY_BYTES) } else { Refusal::cut_short() }
    })?;
    serde_json::from_slice(&collected.to_bytes()).map_err(|error| Refusal::unreadable(&error))
}

fn send(desk: &Desk, departures: &Departures, plan: Plan) -> Result<Response<AnswerBody>, Refusal> {
    let surface = match plan.kind {
        Kind::Chat => Surface::Chat,
        Kind::Completion => Surface::Completions,
    };
    let receipt = desk.tally.open(surface, plan.model, plan.prompt_tokens);
    let number = receipt.number();
    let stamp = Stamp { number, id: surface.id(number), created: desk.created() };
    let account = (receipt, departures.clone());
    let (body, content_type) = match plan.delivery {
        Delivery::Whole => {
            let bytes = shape::whole(&plan, &stamp).map_err(|_| Refusal::unwritable())?;
            (AnswerBody::whole(bytes, plan.completion_tokens(), account), JSON)
        }
        Delivery::Stream | Delivery::StreamWithUsage => {
            (AnswerBody::streamed(Script::new(plan, stamp), desk.chunk_delay, account), EVENTS)
        }
    };
    Ok(dress(body, content_type, &request_id(number)))
}

fn send_vectors(
    desk: &Desk,
    departures: &Departures,
    request: embedding::Request,
) -> Result<Response<AnswerBody>, Refusal> {
    let (model, answer) = embedding::answer(request)?;
    let bytes = serde_json::to_vec(&answer).map_err(|_| Refusal::unwritable())?;
    let receipt = desk.tally.open(Surface::Embeddings, model, answer.prompt_tokens());
    let id = request_id(receipt.number());
    Ok(dress(AnswerBody::whole(bytes, 0, (receipt, departures.clone())), JSON, &id))
}

fn uncounted<T: Serialize>(what: &T) -> Result<Response<AnswerBody>, Refusal> {
    let bytes = serde_json::to_vec(what).map_err(|_| Refusal::unwritable())?;
    let mut response = Response::new(AnswerBody::uncounted(bytes));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}

fn refuse(desk: &Desk, refusal: &Refusal) -> Response<AnswerBody> {
    let number = desk.refused.fetch_add(1, Ordering::Relaxed) + 1;
    // The envelope is plain strings: should it fail to serialize, the status alone still tells.
    let bytes = refusal.to_json().unwrap_or_default();
    let mut response = dress(AnswerBody::uncounted(bytes), JSON, &format!("req_demo_refused_{number}"));
    *response.status_mut() = refusal.status;
    if refusal.status == StatusCode::UNAUTHORIZED {
        let realm = HeaderValue::from_static("Bearer realm=\"demo provider\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    response
}

fn dress(body: AnswerBody, content_type: HeaderValue, request_id: &str) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(ACCOUNT_HEADERS.len() + 4);
    if content_type == EVENTS {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    headers.insert(CONTENT_TYPE, content_type);
    for (name, value) in ACCOUNT_HEADERS {
        headers.insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}
