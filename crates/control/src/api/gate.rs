//! What stands around every route, in this order: who calls and whether they may; how often; whether a browser was
//! led here; what was asked for in the query and how much is in the body; whether it was done before. The handler
//! behind it does the rest, and knows nothing of any of this.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::limit::Standing;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::access::{Reading, Reads, Rule};
use super::arrival::Arrival;
use super::authenticate::{self, Carrier, Proven};
use super::caller::Caller;
use super::problem::Problem;
use super::{Api, csrf, idempotency};

/// Most bytes of a body.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A rule around a route.
#[derive(Clone)]
pub(super) struct Gate {
    api: Api,
    rule: Rule,
    reads: Arc<[Reads]>,
}

impl Gate {
    pub(super) fn new(api: Api, rule: Rule, reads: Arc<[Reads]>) -> Self {
        Self { api, rule, reads }
    }
}

/// Passes a request on to its route, or does not.
pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match serve(&gate, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn serve(gate: &Gate, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut head, body) = request.into_parts();
    let Gate { api, rule, reads } = gate;
    let arrival = head.extensions.get::<Arrival>().cloned().ok_or_else(|| Problem::internal("no arrival"))?;
    let reads = Reads::of(reads, &head.method).ok_or_else(Problem::method_not_allowed)?;
    csrf::check_origin(api.settings(), &head.headers)?;
    let (caller, standing) = match rule {
        Rule::Public => {
            authenticate::visit(api, &arrival).await?;
            (Caller::visitor(&arrival), None)
        }
        Rule::Token => {
            authenticate::look(api, &arrival).await?;
            (Caller::visitor(&arrival), None)
        }
        _ => {
            let proven = authenticate::authenticate(api, &arrival, &head).await?;
            if let Proven::Person(login, _) = &proven
                && login.impersonation.is_some()
                && reads.writes()
                && *rule != Rule::Impersonator
            {
                return Err(Problem::impersonated());
            }
            if let (Proven::Person(login, Carrier::Cookie), true) = (&proven, reads.writes()) {
                csrf::check(api, login.login, &head.headers)?;
            }
            let caller = Caller::admit(api, &arrival, proven, *rule)?;
            let standing = count(api, &caller, &arrival)?;
            (caller, Some(standing))
        }
    };
    let _place =
        api.0.places.try_acquire().map_err(|_| Problem::unavailable("too many admin requests at once"))?;
    check_query(head.uri.query(), reads)?;
    let body = read(&head.headers, body, reads).await?;
    let once = idempotency::begin(api, &arrival, &caller, &head, &body).await?;
    let mut response = match once {
        idempotency::Begun::Replay(kept) => kept,
        idempotency::Begun::Plain => {
            head.extensions.insert(caller);
            next.run(Request::from_parts(head, Body::from(body))).await
        }
        idempotency::Begun::Fresh(ticket) => {
            head.extensions.insert(caller.attempting(ticket.claim));
            let response = next.run(Request::from_parts(head, Body::from(body))).await;
            ticket.finish(api, response).await
        }
    };
    if let Some(standing) = standing {
        write_standing(response.headers_mut(), &standing);
    }
    Ok(response)
}

/// Counts a request of this caller.
fn count(api: &Api, caller: &Caller, arrival: &Arrival) -> Result<Standing, Problem> {
    let limit = api.settings().caller_requests_per_minute;
    let counted = api.0.pace.count(caller.uuid(), limit, arrival.at);
    counted.map_err(|exceeded| Problem::rate_limited(exceeded.retry_after_ms))
}

fn write_standing(headers: &mut HeaderMap, standing: &Standing) {
    headers.insert("x-ratelimit-limit-requests", HeaderValue::from(standing.limit));
    headers.insert("x-ratelimit-remaining-requests", HeaderValue::from(standing.remaining));
    if let Ok(reset) = HeaderValue::from_str(&format!("{}ms", standing.reset_ms)) {
        headers.insert("x-ratelimit-reset-requests", reset);
    }
}

/// Refuses query parameters that the operation does not describe, and any that stands twice.
fn check_query(query: Option<&str>, reads: &Reads) -> Result<(), Problem> {
    let mut seen = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if !reads.queries.iter().any(|known| known == name) {
            return Err(Problem::invalid("The query has a parameter that this path does not know."));
        }
        if seen.contains(&name) {
            return Err(Problem::invalid("A query parameter stands twice."));
        }
        seen.push(name);
    }
    Ok(())
}

/// Reads the whole body, within its bounds.
async fn read(headers: &HeaderMap, body: Body, reads: &Reads) -> Result<Bytes, Problem> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > MAX_BODY_BYTES)) {
        return Err(Problem::body_too_large(MAX_BODY_BYTES));
    }
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY_BYTES).collect());
    let body = match collected.await {
        Err(_) => return Err(Problem::request_timeout()),
        Ok(Err(failed)) if failed.is::<LengthLimitError>() => {
            return Err(Problem::body_too_large(MAX_BODY_BYTES));
        }
        Ok(Err(_)) => return Err(Problem::invalid("The body broke off.")),
        Ok(Ok(body)) => body.to_bytes(),
    };
    let named = headers.contains_key(header::CONTENT_TYPE);
    match reads.body {
        Reading::Nothing if body.is_empty() => Ok(body),
        Reading::Nothing => Err(Problem::invalid("This path takes no body.")),
        _ if (named || !body.is_empty()) && !is_json(headers) => Err(Problem::unsupported_media_type()),
        Reading::Always if body.is_empty() => Err(Problem::invalid("This path needs a JSON body.")),
        Reading::Always | Reading::Maybe => Ok(body),
    }
}

/// Whether the headers promise JSON, as it is.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next().and_then(|kind| kind.to_str().ok()), types.next()) else {
        return false;
    };
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let utf_8 = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(utf_8)
        && headers.get_all(header::CONTENT_ENCODING).iter().all(|coding| coding == "identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expect: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        assert_eq!(is_json(&map), expect, "{headers:?}");
    }

    #[test]
    fn only_plain_json_is_json() {
        check(&[("content-type", "application/json")], true);
        check(&[("content-type", "Application/JSON; charset=UTF-8")], true);
        check(&[("content-type", "application/json;charset=\"utf-8\"")], true);
        check(&[("content-type", "application/json"), ("content-encoding", "identity")], true);
        check(&[], false);
        check(&[("content-type", "text/plain")], false);
        check(&[("content-type", "application/jsonp")], false);
        check(&[("content-type", "application/x-www-form-urlencoded")], false);
        check(&[("content-type", "application/json; charset=utf-16")], false);
        check(&[("content-type", "application/json"), ("content-type", "text/plain")], false);
        check(&[("content-type", "application/json"), ("content-encoding", "gzip")], false);
    }
}
