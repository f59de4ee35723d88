//! The models a caller may ask for.

use bytes::Bytes;
use domain::code::Code;
use domain::scope::Access;
use http::{HeaderValue, Response, header};
use live::counters::Admitted;
use wire::listing::{Listed, write_list, write_one};

use crate::admit::admit;
use crate::arrival::Arrival;
use crate::authenticate::{Caller, authenticate};
use crate::body::Body;
use crate::cors::Reader;
use crate::gate::Gateway;
use crate::head::Head;
use crate::headers::{write_request_id, write_standing};
use crate::permit::permit;
use crate::refusal::{Refusal, Stop};
use crate::strangers::greet;

/// Lists the models.
pub(crate) async fn all(
    gate: &Gateway,
    arrival: &Arrival,
    reader: &mut Reader,
    head: &Head<'_>,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    let caller = authenticate(gate, arrival, head).await?;
    reader.narrow(gate, &caller);
    let admitted = admit(gate, arrival, &caller).await?;
    reader.permit(arrival, &caller)?;
    permit(arrival, &caller, Access::Models)?;
    let models: Vec<Listed> = names(gate, &caller).map(|name| listed(gate, name)).collect();
    Ok(respond(arrival, &admitted, write_list(arrival.dialect, &models)))
}

/// Shows one model.
pub(crate) async fn one(
    gate: &Gateway,
    arrival: &Arrival,
    reader: &mut Reader,
    head: &Head<'_>,
    encoded: &str,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    let caller = authenticate(gate, arrival, head).await?;
    reader.narrow(gate, &caller);
    let admitted = admit(gate, arrival, &caller).await?;
    reader.permit(arrival, &caller)?;
    permit(arrival, &caller, Access::Models)?;
    let asked = percent_decoded(encoded);
    let found = names(gate, &caller)
        .find(|name| *name == asked || name.split_once('/').is_some_and(|(_, bare)| bare == asked));
    match found {
        Some(name) => Ok(respond(arrival, &admitted, write_one(arrival.dialect, &listed(gate, name)))),
        None => {
            Err(Refusal::new(Code::ModelNotFound, "This model does not exist here.").about("model").into())
        }
    }
}

/// Full names (`provider/model`) that the caller's key permits, sorted.
fn names(gate: &Gateway, caller: &Caller) -> impl Iterator<Item = String> {
    let allowed = caller.key.models.clone();
    gate.snapshot.routes().names(&caller.scope).into_iter().filter(move |name| {
        let bare = name.split_once('/').map_or(name.as_str(), |(_, bare)| bare);
        allowed.is_empty() || allowed.iter().any(|entry| entry == name || entry == bare)
    })
}

/// What there is to tell of a model.
fn listed(gate: &Gateway, name: String) -> Listed {
    let (provider, model) = name.split_once('/').unwrap_or_default();
    let facts = gate.snapshot.routes().facts(provider, model);
    Listed {
        provider: provider.to_owned(),
        context_tokens: facts.as_ref().and_then(|facts| facts.context_tokens),
        max_output_tokens: facts.as_ref().and_then(|facts| facts.max_output_tokens),
        name,
    }
}

/// An answer of JSON that no model gave.
pub(crate) fn respond(arrival: &Arrival, admitted: &Admitted, body: impl Into<Bytes>) -> Response<Body> {
    let body = Body::whole(body.into());
    respond_with(arrival, admitted, body, HeaderValue::from_static("application/json"))
}

/// The same of another media type.
pub(crate) fn respond_with(
    arrival: &Arrival,
    admitted: &Admitted,
    body: Body,
    media_type: HeaderValue,
) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    write_request_id(headers, &arrival.request_id);
    write_standing(headers, admitted);
    response
}

/// Undoes percent-encoding (RFC 3986 section 2.1); a broken escape stays as it is and then names no model.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_are_paths_too() {
        let check = |sent: &str, expect: &str| assert_eq!(percent_decoded(sent), expect);
        check("openai/gpt-4o", "openai/gpt-4o");
        check("openai%2Fgpt-4o", "openai/gpt-4o");
        check("us.anthropic.claude-x%3a0", "us.anthropic.claude-x:0");
        check("100%", "100%");
        check("%zz%4", "%zz%4");
    }
}
