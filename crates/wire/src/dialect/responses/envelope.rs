//! The object around an answer: who answers, how it stands, and what of the request the protocol says again.

use domain::price::Tokens;

use super::ended::Standing;
use super::usage;
use crate::dialect::Echo;
use crate::json::build::{ObjectWriter, object};
use crate::json::look::Object;

/// Bytes of one member of the request that are said again. Longer ones are left out, so that a stream keeps little: no
/// client reads back what it has just sent.
const MAX_ECHOED_BYTES: usize = 16 * 1024;

/// What is known of an answer before it is written.
#[derive(Debug)]
pub(super) struct Envelope {
    id: String,
    /// What the names of its items are made of.
    stem: String,
    model: String,
    created: u64,
    /// Members of the request, written as members of the answer.
    echoed: Vec<u8>,
}

impl Envelope {
    /// Takes what it needs from the request.
    pub(super) fn new(echo: &Echo<'_>) -> Self {
        let stem = echo.id.strip_prefix("resp_").unwrap_or(echo.id).to_owned();
        let mut echoed = Vec::new();
        object(&mut echoed, |out| say_again(out, echo.body));
        // The braces are those of the answer.
        echoed.pop();
        echoed.remove(0);
        Self { id: format!("resp_{stem}"), stem, model: echo.model.to_owned(), created: echo.created, echoed }
    }

    /// Takes over what the upstream says of itself.
    pub(super) fn answers(&mut self, id: Option<&str>, model: Option<&str>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.id = if id.starts_with("resp_") { id.to_owned() } else { format!("resp_{id}") };
        }
        if let Some(model) = model.filter(|model| !model.is_empty()) {
            model.clone_into(&mut self.model);
        }
    }

    /// The name of an item: the same in every event that speaks of it.
    pub(super) fn item_id(&self, prefix: &str, index: u32) -> String {
        format!("{prefix}_{}_{index}", self.stem)
    }

    /// Writes the answer with these items, which are written already and divided by commas.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        standing: Standing<'_>,
        items: &[u8],
        tokens: Option<&Tokens>,
        service_tier: Option<&str>,
    ) {
        object(out, |answer| {
            answer.text("id", &self.id);
            answer.text("object", "response");
            answer.plain("created_at", self.created);
            answer.text("status", standing.word());
            answer.null("completed_at");
            answer.null("error");
            match standing {
                Standing::Incomplete(reason) => {
                    answer.object("incomplete_details", |details| details.text("reason", reason));
                }
                Standing::InProgress | Standing::Completed => answer.null("incomplete_details"),
            }
            answer.text("model", &self.model);
            answer.elements("output", items);
            answer.members(&self.echoed);
            answer.text_or_null("service_tier", service_tier);
            usage::write(answer, tokens);
        });
    }
}

/// Members of an answer that repeat the request, and what they are where it does not say.
const REPEATED: [(&str, &str); 16] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

fn say_again(out: &mut ObjectWriter<'_>, body: &[u8]) {
    let asked = Object::read(body).unwrap_or_default();
    for (name, default) in REPEATED {
        match asked.get(name) {
            Some(value) if value.raw().len() <= MAX_ECHOED_BYTES => out.raw(name, value.json().as_str()),
            // A form that was asked for is not said to be plain text.
            Some(_) if name == "text" => out.raw(name, "null"),
            _ => out.raw(name, default),
        }
    }
    // Nothing is kept of an answer that was translated, whatever was asked.
    out.raw("background", "false");
    out.raw("previous_response_id", "null");
    out.raw("store", "false");
}
