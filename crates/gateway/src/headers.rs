//! The headers of accepted answers. Nothing of the upstream's head is passed down but its media type: the rest
//! names the account that the provider key belongs to.

use domain::limit::Standing;
use domain::money::Money;
use http::{HeaderMap, HeaderName, HeaderValue};
use live::counters::{Admitted, Unit};

use crate::call::Call;

/// Most bytes of the list of what was left out.
const DROPPED_BYTES: usize = 1_024;

/// Room for the headers of an accepted answer, so that their table is made once and does not grow.
const ANSWER_HEADERS: usize = 24;
/// Characters of the longest time in milliseconds: twenty digits and the unit.
const MILLISECONDS_CHARS: usize = 22;
// Names that are made once: a text would be read and checked for each answer.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-portcullis-attempts");
const PROVIDER: HeaderName = HeaderName::from_static("x-portcullis-provider");
const MODEL: HeaderName = HeaderName::from_static("x-portcullis-model");
const ROUTE_MODE: HeaderName = HeaderName::from_static("x-portcullis-route-mode");
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
pub(crate) const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const DROPPED: HeaderName = HeaderName::from_static("x-portcullis-dropped");
const COST: HeaderName = HeaderName::from_static("x-portcullis-cost-usd");
const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// Writes what every accepted answer carries.
pub(crate) fn write_answer(headers: &mut HeaderMap, call: &Call) {
    headers.reserve(ANSWER_HEADERS);
    write_request_id(headers, call.request_id());
    write_standing(headers, call.admitted());
    headers.insert(ATTEMPTS, HeaderValue::from(u16::from(call.attempts())));
    if let Some(offer) = call.offer() {
        let connection = &offer.connection;
        insert_text(headers, PROVIDER, &connection.provider);
        insert_text(headers, MODEL, &offer.model);
        write_dropped(headers, call.dropped());
        let mode = connection.owner.mode().word();
        headers.insert(ROUTE_MODE, HeaderValue::from_static(mode));
    }
}

/// Writes by what name the request goes.
pub(crate) fn write_request_id(headers: &mut HeaderMap, request_id: &HeaderValue) {
    headers.insert(X_REQUEST_ID, request_id.clone());
    headers.insert(REQUEST_ID, request_id.clone());
}

/// Names what was left out of the request, as far as a header can say it.
fn write_dropped(headers: &mut HeaderMap, dropped: &[String]) {
    let sayable = |name: &&String| name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let mut list = String::new();
    for name in dropped.iter().filter(sayable) {
        if list.len() + name.len() > DROPPED_BYTES {
            list.push_str(", ...");
            break;
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(name);
    }
    if !list.is_empty() {
        insert_text(headers, DROPPED, &list);
    }
}

/// Writes the cost of a finished answer.
pub(crate) fn write_cost(headers: &mut HeaderMap, cost: Money) {
    insert_text(headers, COST, &cost.to_string());
}

/// Writes how an admitted caller stands with its limits, as it stood when it was admitted.
pub(crate) fn write_standing(headers: &mut HeaderMap, admitted: &Admitted) {
    write_ratelimit(headers, Unit::Requests, &admitted.requests);
    if let Some(tokens) = &admitted.tokens {
        write_ratelimit(headers, Unit::Tokens, tokens);
    }
}

/// Writes the standing with one limit.
pub(crate) fn write_ratelimit(headers: &mut HeaderMap, unit: Unit, standing: &Standing) {
    let [limit, remaining, reset] = match unit {
        Unit::Requests => REQUESTS,
        Unit::Tokens => TOKENS,
    };
    headers.insert(limit, HeaderValue::from(standing.limit));
    headers.insert(remaining, HeaderValue::from(standing.remaining));
    headers.insert(reset, milliseconds(standing.reset_ms));
}

/// A time as `12ms`. Written by hand: it is in every answer, and the standard way costs more than the rest of the header.
fn milliseconds(value: u64) -> HeaderValue {
    let mut text = [0; MILLISECONDS_CHARS];
    let mut start = text.len() - b"ms".len();
    text[start..].copy_from_slice(b"ms");
    let mut left = value;
    loop {
        start -= 1;
        text[start] = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    HeaderValue::from_bytes(&text[start..]).unwrap_or(HeaderValue::from_static("0ms"))
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_milliseconds() {
        let check = |value: u64| assert_eq!(milliseconds(value), format!("{value}ms"));
        [0, 1, 9, 10, 59_999, 60_000, u64::MAX].into_iter().for_each(check);
    }
}
