//! From a request of this protocol to the neutral form.

mod config;
mod contents;
mod schema;
mod thoughts;
mod tools;

use domain::chat;

use super::path::Path;
use crate::json::look::{Kind, Object, Value, is_spelling};
use crate::request::Unreadable;

/// Members of the request that are read, each by whoever knows it.
const PLACED: [&str; 9] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "serviceTier",
    // The path names the model, and nothing else does.
    "model",
    "generateContentRequest",
];

/// Reads a request whose facts were read before, so that it is known to be strict JSON. Whether the answer is streamed is
/// said by the path, not here.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have.
pub fn decode_request(body: &[u8]) -> Result<chat::Request, Unreadable> {
    let root = Value::read(body).filter(|root| root.kind() == Kind::Object);
    request(&root.ok_or(Unreadable::NotAnObject)?.members(), &Path::Root)
}

/// Reads the request whose members these are.
pub(super) fn request(root: &Object<'_>, path: &Path<'_>) -> Result<chat::Request, Unreadable> {
    let mut request = chat::Request::default();
    if let Some(instruction) = root.get("systemInstruction") {
        let path = path.member("systemInstruction");
        contents::instruction(instruction, &path, &mut request)?;
    }
    if let Some(contents) = root.get("contents") {
        contents::conversation(contents, &path.member("contents"), &mut request)?;
    }
    if let Some(tools) = root.get("tools") {
        tools::tools(tools, &path.member("tools"), &mut request)?;
    }
    if let Some(choice) = root.get("toolConfig") {
        tools::choice(choice, &path.member("toolConfig"), &mut request)?;
    }
    if let Some(config) = root.get("generationConfig") {
        config::generation(config, &path.member("generationConfig"), &mut request)?;
    }
    if let Some(safety) = root.get("safetySettings") {
        if !matches!(safety.kind(), Kind::Array | Kind::Object) {
            return Err(path.member("safetySettings").refuse("must be an array"));
        }
        request.safety = Some(safety.json());
    }
    if let Some(tier) = root.get("serviceTier") {
        let tier = tier.text().ok_or_else(|| path.member("serviceTier").refuse("must be a string"))?;
        request.service_tier = match tier.to_ascii_lowercase().as_str() {
            "unspecified" | "service_tier_unspecified" => None,
            "standard" => Some("default".to_owned()),
            tier => Some(tier.to_owned()),
        };
    }
    let unknown = root.said().filter(|(name, _)| !PLACED.iter().any(|known| is_spelling(name, known)));
    for (name, _) in unknown {
        unplaced(&mut request, name);
    }
    Ok(request)
}

/// Notes a member that the neutral form has no place for.
fn unplaced(request: &mut chat::Request, name: &str) {
    if !request.unplaced.iter().any(|known| known == name) {
        request.unplaced.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests;
