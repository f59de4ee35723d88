//! Which web pages may call from a browser (the CORS protocol of the Fetch standard): the pages that the caller's own
//! organization lists, and those of the installation. Preflights are answered from memory, by the lists of all; they
//! prove nobody, so they are asked nothing. Answers never allow credentials: a key is in a header, never in a cookie.

use domain::code::Code;
use domain::origin::{Origin, Origins};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::arrival::Arrival;
use crate::authenticate::Caller;
use crate::body::Body;
use crate::gate::Gateway;
use crate::head::Head;
use crate::headers::write_request_id;
use crate::refusal::{Refusal, Stop};
use crate::strangers::{greet, stray};
use crate::surface::{Route, route};

/// What a page may send besides what browsers allow anyway: credentials, and what official clients say of themselves.
const REQUEST_HEADERS: [&str; 14] = [
    "accept",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "api-key",
    "authorization",
    "content-type",
    "idempotency-key",
    "openai-organization",
    "openai-project",
    "traceparent",
    "x-api-key",
    "x-goog-api-key",
    "x-request-id",
];
/// What whole families of those headers begin with.
const REQUEST_HEADER_FAMILIES: [&str; 2] = ["x-stainless-", "x-portcullis-"];
/// What a page may read of an answer's head besides what browsers show anyway.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "request-id, retry-after, retry-after-ms, x-portcullis-attempts, x-portcullis-cost-usd, x-portcullis-model, \
     x-portcullis-provider, x-portcullis-route-mode, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, \
     x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, \
     x-ratelimit-reset-tokens, x-request-id, x-should-retry",
);
/// Seconds for which a browser may remember a preflight. A page that is taken off the lists is refused at once all
/// the same, by the answer itself.
const PREFLIGHT_S: HeaderValue = HeaderValue::from_static("600");

/// The pages that may call any organization, and how strict to be with all pages.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Those of the installation.
    pub everywhere: Origins,
    /// What to do with listed pages that anybody on their way could have changed.
    pub unprotected: Unprotected,
}

/// What to do with listed pages that came over plain HTTP from another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unprotected {
    /// They may call like the others.
    Allowed,
    /// They count as not listed.
    Refused,
}

impl Pages {
    /// Whether one of the lists lets this page in.
    fn let_in(&self, sent: &HeaderValue, listed: &Origins) -> bool {
        let found = self.everywhere.find(sent.as_bytes()).or_else(|| listed.find(sent.as_bytes()));
        found.is_some_and(|page| self.unprotected == Unprotected::Allowed || Origin::is_protected(page))
    }
}

/// Who reads the answer, as far as a browser is asked to tell.
pub(crate) struct Reader {
    sent: Sent,
    may_read: bool,
    /// Whether the organization that was called is for the pages it lists and no others.
    only_listed: bool,
}

enum Sent {
    /// No page: a program, or a page of the gate's own origin.
    Nothing,
    /// This page.
    Page(HeaderValue),
    /// More than one, which no browser sends.
    Several,
}

impl Reader {
    /// The reader of the answer to a request with this head. Until its organization is known, the lists of all decide.
    pub(crate) fn note(gate: &Gateway, head: &Head<'_>) -> Self {
        let sent = match (head.origin.first, head.origin.again) {
            (None, _) => Sent::Nothing,
            (Some(page), false) => Sent::Page(page.clone()),
            (Some(_), true) => Sent::Several,
        };
        let may_read = match &sent {
            Sent::Page(page) => gate.pages.let_in(page, &gate.snapshot.origins()),
            Sent::Nothing | Sent::Several => false,
        };
        Self { sent, may_read, only_listed: false }
    }

    /// From here on the lists of the installation and of the caller's organization decide.
    pub(crate) fn narrow(&mut self, gate: &Gateway, caller: &Caller) {
        let listed = &caller.key.org_origins;
        self.only_listed = !listed.is_empty();
        if let Sent::Page(page) = &self.sent {
            self.may_read = gate.pages.let_in(page, listed);
        }
    }

    /// Refuses a page that is not listed by an organization that lists pages. An organization without a list is not
    /// meant for browsers, and what programs send as their origin means nothing: its answers just tell no browser
    /// to hand them out.
    pub(crate) fn permit(&self, arrival: &Arrival, caller: &Caller) -> Result<(), Stop> {
        if self.may_read || !self.only_listed || matches!(self.sent, Sent::Nothing) {
            return Ok(());
        }
        tracing::info!(call = %arrival.call, key = %caller.scope.key(), "origin refused");
        Err(refused().into())
    }

    /// Tells browsers who may read this answer.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let (true, Sent::Page(page)) = (self.may_read, &self.sent) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

/// Whether a browser asks if a page may send a request.
pub(crate) fn is_preflight(head: &Head<'_>) -> bool {
    head.method == Method::OPTIONS
        && head.origin.first.is_some()
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers such a question.
pub(crate) async fn preflight(
    gate: &Gateway,
    arrival: &Arrival,
    reader: &Reader,
    head: &Head<'_>,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    match asked_method(reader, head) {
        Ok(method) => Ok(grant(arrival, method, &head.headers)),
        Err(refusal) => Err(stray(gate, arrival, refusal).await),
    }
}

/// The method that the page wants to use, if there is one at this path and the page may.
fn asked_method<'a>(reader: &Reader, head: &'a Head<'_>) -> Result<&'a HeaderValue, Refusal> {
    let wrong = || Refusal::new(Code::MethodNotAllowed, "This path does not take this method.");
    let mut asked = head.headers.get_all(ACCESS_CONTROL_REQUEST_METHOD).iter();
    let (Some(method), None) = (asked.next(), asked.next()) else { return Err(wrong()) };
    let parsed = Method::from_bytes(method.as_bytes()).map_err(|_| wrong())?;
    match route(&parsed, head.uri.path()) {
        Route::Unknown => Err(Refusal::new(Code::NotFound, "There is nothing at this path.")),
        Route::WrongMethod => Err(wrong()),
        _ if reader.may_read => Ok(method),
        _ => Err(refused()),
    }
}

fn grant(arrival: &Arrival, method: &HeaderValue, asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::whole(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    write_request_id(headers, &arrival.request_id);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S);
    if let Ok(allowed) = HeaderValue::try_from(allowed_headers(asked)) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    response
}

/// Of the headers that a page wants to send those that it may.
fn allowed_headers(asked: &HeaderMap) -> String {
    let asked = asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let names = asked.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let allowed: Vec<String> =
        names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| is_allowed(name)).collect();
    allowed.join(", ")
}

fn is_allowed(name: &str) -> bool {
    let is_token = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    REQUEST_HEADERS.contains(&name)
        || (is_token(name) && REQUEST_HEADER_FAMILIES.iter().any(|family| name.starts_with(family)))
}

fn refused() -> Refusal {
    Refusal::new(Code::OriginNotAllowed, "This web page may not call from a browser.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_headers_may_be_sent() {
        let check = |asked: &[&str], expect: &str| {
            let mut headers = HeaderMap::new();
            for value in asked {
                headers.append(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(allowed_headers(&headers), expect, "{asked:?}");
        };
        check(&[], "");
        check(&["authorization,content-type"], "authorization, content-type");
        check(&["Authorization", "X-Stainless-Lang, cookie"], "authorization, x-stainless-lang");
        check(&["*"], "");
        check(&["x-stainless-a\tb, x-portcullis-tags"], "x-portcullis-tags");
        check(&["x-forwarded-for, host, cookie, origin"], "");
    }

    #[test]
    fn every_header_that_pages_may_send_is_written_in_lower_case() {
        for name in REQUEST_HEADERS.iter().chain(&REQUEST_HEADER_FAMILIES) {
            assert_eq!(*name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn a_page_that_anybody_could_have_changed_counts_where_it_may() {
        let check = |unprotected: Unprotected, page: &str, expect: bool| {
            let everywhere = ["http://intranet.example", "https://a.example"];
            let everywhere = everywhere.iter().map(|page| page.parse().unwrap()).collect();
            let pages = Pages { everywhere, unprotected };
            let sent = HeaderValue::from_str(page).unwrap();
            assert_eq!(pages.let_in(&sent, &Origins::default()), expect, "{unprotected:?} {page}");
        };
        check(Unprotected::Allowed, "http://intranet.example", true);
        check(Unprotected::Refused, "http://intranet.example", false);
        check(Unprotected::Refused, "https://a.example", true);
        check(Unprotected::Allowed, "https://b.example", false);
    }
}
