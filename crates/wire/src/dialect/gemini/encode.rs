//! From the neutral form to a request of this protocol. Schemas go out as JSON Schema, in the members that take all of it.

mod config;
mod contents;
mod tools;

use domain::chat;

use crate::dialect::names::Names;
use crate::dialect::{Encoded, Inexpressible, Target};
use crate::json::build::{self, ObjectWriter};

/// Writes `request` for `target`.
///
/// # Errors
/// [`Inexpressible`] when the request holds something that must not be dropped and that this protocol cannot say.
pub fn encode_request(request: &chat::Request, target: &Target<'_>) -> Result<Encoded, Inexpressible> {
    let mut dropped = Names::default();
    let parts = Parts::of(request, target, &mut dropped)?;
    let mut body = Vec::with_capacity(1_024 + parts.contents.len());
    build::object(&mut body, |members| {
        parts.write(members);
        config::write(request, target, &mut dropped, members);
    });
    for name in &request.unplaced {
        dropped.add(name);
    }
    Ok(Encoded { body, dropped: dropped.into_list() })
}

/// The members that hold what the model reads.
pub(super) struct Parts {
    system: Option<Vec<u8>>,
    contents: Vec<u8>,
    tools: Option<Vec<u8>>,
    tool_config: Option<Vec<u8>>,
    safety: Option<String>,
}

impl Parts {
    pub(super) fn of(
        request: &chat::Request,
        target: &Target<'_>,
        dropped: &mut Names,
    ) -> Result<Self, Inexpressible> {
        let (system, contents) = contents::write(request, target, dropped)?;
        let tools = tools::tools(request, dropped)?;
        let tool_config = tools.as_ref().and_then(|_| tools::choice(request, dropped));
        let safety = request.safety.as_ref().map(|safety| safety.as_str().to_owned());
        Ok(Self { system, contents, tools, tool_config, safety })
    }

    /// Only what is counted: what the model reads.
    pub(super) fn counted(self) -> Self {
        Self { tool_config: None, safety: None, ..self }
    }

    pub(super) fn write(&self, members: &mut ObjectWriter<'_>) {
        if let Some(system) = &self.system {
            members.object("systemInstruction", |content| content.raw("parts", system));
        }
        members.raw("contents", &self.contents);
        if let Some(tools) = &self.tools {
            members.raw("tools", tools);
        }
        if let Some(choice) = &self.tool_config {
            members.raw("toolConfig", choice);
        }
        if let Some(safety) = &self.safety {
            members.raw("safetySettings", safety);
        }
    }
}

/// How a model thinks and what it takes, as far as its name tells. Whatever is not known to be older gets what the newest
/// take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    /// Gemini 1 and 2: thinking in tokens, no signatures demanded, no media in the results of functions.
    Two,
    /// Everything newer.
    Three,
}

impl Series {
    fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let older = ["gemini-1", "gemini-2", "gemma"];
        if older.iter().any(|start| name.starts_with(start)) { Series::Two } else { Series::Three }
    }
}

#[cfg(test)]
mod tests;
