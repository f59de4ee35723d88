//! The headers of accepted answers. Nothing of the upstream's head is passed down but its media type: the rest
//! names the account that the provider key belongs to.

use domain::limit::Standing;
use domain::money::Money;
use http::{HeaderMap, HeaderValue};
use live::counters::{Admitted, Unit};

use crate::call::Call;

/// Most bytes of the list of what was left out.
const DROPPED_BYTES: usize = 1_024;

/// Writes what every accepted answer carries.
pub(crate) fn write_answer(headers: &mut HeaderMap, call: &Call) {
    headers.insert("x-request-id", call.request_id().clone());
    headers.insert("request-id", call.request_id().clone());
    write_standing(headers, call.admitted());
    headers.insert("x-portcullis-attempts", HeaderValue::from(u16::from(call.attempts())));
    if let Some(offer) = call.offer() {
        let connection = &offer.connection;
        insert_text(headers, "x-portcullis-provider", &connection.provider);
        insert_text(headers, "x-portcullis-model", &offer.model);
        write_dropped(headers, call.dropped());
        let mode = connection.owner.mode().word();
        headers.insert("x-portcullis-route-mode", HeaderValue::from_static(mode));
    }
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
        insert_text(headers, "x-portcullis-dropped", &list);
    }
}

/// Writes the cost of a finished answer.
pub(crate) fn write_cost(headers: &mut HeaderMap, cost: Money) {
    insert_text(headers, "x-portcullis-cost-usd", &cost.to_string());
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
        Unit::Requests => {
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]
        }
        Unit::Tokens => {
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]
        }
    };
    headers.insert(limit, HeaderValue::from(standing.limit));
    headers.insert(remaining, HeaderValue::from(standing.remaining));
    insert_text(headers, reset, &format!("{}ms", standing.reset_ms));
}

fn insert_text(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
