//! `countTokens`: in the one shape that callers use and in the two that Google's services take.

use domain::chat;

use super::decode;
use super::encode::Parts;
use super::lenient;
use super::path::Path;
use crate::dialect::names::Names;
use crate::dialect::{Encoded, Inexpressible, Target};
use crate::json::build;
use crate::json::look::{Kind, Value};
use crate::request::Unreadable;

/// Which of Google's services is asked. They take the same conversation in different envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// AI Studio: a whole request within the request, and the model named in it.
    Studio,
    /// Vertex: the members of the request themselves.
    Vertex,
}

/// Reads a caller's request, whose facts were read before.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have.
pub fn decode_count(body: &[u8]) -> Result<chat::Request, Unreadable> {
    let root = Value::read(body).filter(|root| root.kind() == Kind::Object);
    let root = root.ok_or(Unreadable::NotAnObject)?.members();
    match root.get("generateContentRequest") {
        Some(within) => {
            let path = Path::Root;
            decode::request(&within.members(), &path.member("generateContentRequest"))
        }
        None => decode::request(&root, &Path::Root),
    }
}

/// Writes a request to count the tokens of `request`, for one of the services.
///
/// # Errors
/// [`Inexpressible`] as when the request itself is written.
pub fn encode_count(
    request: &chat::Request,
    target: &Target<'_>,
    service: Service,
) -> Result<Encoded, Inexpressible> {
    let mut dropped = Names::default();
    let parts = Parts::of(request, target, &mut dropped)?.counted();
    let mut body = Vec::new();
    build::object(&mut body, |members| match service {
        Service::Vertex => parts.write(members),
        Service::Studio => members.object("generateContentRequest", |members| {
            members.text("model", &format!("models/{}", target.model));
            parts.write(members);
        }),
    });
    Ok(Encoded { body, dropped: dropped.into_list() })
}

/// The count in an answer of either service.
#[must_use]
pub fn read_count_answer(body: &[u8]) -> Option<u64> {
    Value::read(body)?.members().get("totalTokens").and_then(lenient::unsigned)
}

/// The answer to a caller.
#[must_use]
pub fn write_count_answer(tokens: u64) -> Vec<u8> {
    let mut out = Vec::new();
    build::object(&mut out, |members| members.plain("totalTokens", tokens));
    out
}

#[cfg(test)]
mod tests;
