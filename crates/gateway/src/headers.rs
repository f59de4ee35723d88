//! The headers of accepted answers. Nothing of the upstream's head is passed down but its media type: the rest
//! names the account that the provider key belongs to.

use domain::money::Money;
use http::{HeaderMap, HeaderValue};

use crate::call::Call;

/// Writes what every accepted answer carries.
pub(crate) fn write_answer(headers: &mut HeaderMap, call: &Call) {
    headers.insert("x-request-id", call.request_id().clone());
    headers.insert("request-id", call.request_id().clone());
    let admitted = call.admitted();
    write_ratelimit(headers, admitted.limit, admitted.remaining, admitted.reset_ms);
    headers.insert("x-portcullis-attempts", HeaderValue::from(u16::from(call.attempts())));
    if let Some(offer) = call.offer() {
        let connection = &offer.connection;
        insert_text(headers, "x-portcullis-provider", &connection.provider);
        insert_text(headers, "x-portcullis-model", &offer.model);
        let mode = if connection.owner.is_some() { "org_key" } else { "platform" };
        headers.insert("x-portcullis-route-mode", HeaderValue::from_static(mode));
    }
}

/// Writes the cost of a finished answer.
pub(crate) fn write_cost(headers: &mut HeaderMap, cost: Money) {
    insert_text(headers, "x-portcullis-cost-usd", &cost.to_string());
}

/// Writes the standing with the limit on requests.
pub(crate) fn write_ratelimit(headers: &mut HeaderMap, limit: u32, remaining: u32, reset_ms: u64) {
    headers.insert("x-ratelimit-limit-requests", HeaderValue::from(limit));
    headers.insert("x-ratelimit-remaining-requests", HeaderValue::from(remaining));
    insert_text(headers, "x-ratelimit-reset-requests", &format!("{reset_ms}ms"));
}

fn insert_text(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
