//! An answer as callers of this protocol expect it.

use domain::chat::{
    Answer, Choice, Citation, Finish, Media, MediaKind, Part, Reason, Reasoning, Signature, Source, Text,
    ToolCall,
};
use domain::price::Tokens;

use super::thoughts::{self, Written};
use crate::dialect::openai::finish;
use crate::dialect::openai::media::data_address;
use crate::dialect::{Echo, carried_id};
use crate::json::build::{self, ArrayWriter, ObjectWriter};
use crate::json::look::Object;

pub(super) fn write(answer: &Answer, echo: &Echo<'_>) -> Vec<u8> {
    let legacy = is_legacy(echo.body);
    let id = answer.id.as_deref().filter(|id| !id.is_empty()).unwrap_or(echo.id);
    let mut out = Vec::with_capacity(512);
    build::object(&mut out, |root| {
        root.text("id", id);
        root.text("object", "chat.completion");
        root.plain("created", echo.created);
        root.text("model", answer.model.as_deref().filter(|model| !model.is_empty()).unwrap_or(echo.model));
        root.array("choices", |choices| {
            for (index, choice) in answer.choices.iter().enumerate() {
                choices.object(|written| write_choice(written, index, choice, id, echo, legacy));
            }
        });
        if let Some(tokens) = &answer.tokens {
            root.object("usage", |usage| write_usage(usage, tokens));
        }
        root.text_if("service_tier", answer.service_tier.as_deref());
    });
    out
}

/// Whether the caller asks in the older form, in which an answer holds one `function_call`.
pub(in crate::dialect::openai) fn is_legacy(request: &[u8]) -> bool {
    memchr::memmem::find(request, b"\"functions\"").is_some()
        && Object::read(request)
            .is_some_and(|root| root.get("functions").is_some() && root.get("tools").is_none())
}

/// The usage as this protocol counts it: the prompt with all that was read from or written to a cache, the completion
/// with its reasoning. Sound counts for the prompt, because answers in sound are never translated; pictures that are
/// billed apart are those that the model made.
pub(in crate::dialect::openai) fn write_usage(usage: &mut ObjectWriter<'_>, tokens: &Tokens) {
    let completion = [tokens.reasoning, tokens.image].into_iter().fold(tokens.output, u64::saturating_add);
    let written = tokens.cache_write.saturating_add(tokens.cache_write_1h);
    usage.plain("prompt_tokens", tokens.prompt().saturating_add(tokens.audio));
    usage.plain("completion_tokens", completion);
    usage.plain("total_tokens", tokens.total());
    usage.object("prompt_tokens_details", |details| {
        details.plain("cached_tokens", tokens.cache_read);
        if written > 0 {
            details.plain("cache_write_tokens", written);
        }
        details.plain("audio_tokens", tokens.audio);
    });
    usage.object("completion_tokens_details", |details| {
        details.plain("reasoning_tokens", tokens.reasoning);
        if tokens.image > 0 {
            details.plain("image_tokens", tokens.image);
        }
    });
}

/// What of an answer has its own member in the message.
#[derive(Default)]
struct Said<'c> {
    text: String,
    /// The last signature on what is said, which goes for all of it: there is one text here.
    signature: Option<&'c Signature>,
    refusal: String,
    thoughts: Vec<&'c Reasoning>,
    calls: Vec<&'c ToolCall>,
    custom: Vec<&'c str>,
    media: Vec<&'c Media>,
    /// Citations, and the characters before the text they are in, and those up to its end.
    citations: Vec<(&'c Citation, u64, u64)>,
}

fn write_choice(
    written: &mut ObjectWriter<'_>,
    index: usize,
    choice: &Choice,
    id: &str,
    echo: &Echo<'_>,
    legacy: bool,
) {
    let said = gather(choice);
    written.plain("index", index);
    written.object("message", |message| {
        message.text("role", "assistant");
        let calls = !said.calls.is_empty() || !said.custom.is_empty();
        if said.text.is_empty() && (calls || !said.refusal.is_empty()) {
            message.null("content");
        } else {
            message.text("content", &said.text);
        }
        match said.refusal.as_str() {
            "" => message.null("refusal"),
            words => message.text("refusal", words),
        }
        if !said.citations.is_empty() {
            message.array("annotations", |list| {
                said.citations
                    .iter()
                    .for_each(|&(citation, from, to)| write_annotation(list, citation, from, to));
            });
        }
        write_thoughts(message, &said.thoughts, said.signature);
        write_media(message, &said.media, id, echo);
        write_calls(message, &said, legacy);
    });
    match &choice.logprobs {
        Some(logprobs) => written.raw("logprobs", logprobs.as_str()),
        None => written.null("logprobs"),
    }
    let unsaid = Finish::new(if said.calls.is_empty() { Reason::Stop } else { Reason::ToolCalls });
    finish::write(written, choice.finish.as_ref().unwrap_or(&unsaid), legacy);
}

fn gather(choice: &Choice) -> Said<'_> {
    let mut said = Said::default();
    for part in &choice.parts {
        match part {
            Part::Text(Text { text, citations, signature, .. }) => {
                let before = characters(&said.text);
                said.text.push_str(text);
                said.signature = signature.as_ref().or(said.signature);
                let after = characters(&said.text);
                said.citations.extend(citations.iter().map(|citation| (citation, before, after)));
            }
            Part::Refusal(words) => said.refusal.push_str(words),
            Part::Reasoning(thought) => said.thoughts.push(thought),
            Part::ToolCall(call) => said.calls.push(call),
            Part::Media(media) => said.media.push(media),
            Part::Foreign(foreign) if foreign.protocol == domain::protocol::Protocol::Chat => {
                said.custom.push(foreign.json.as_str());
            }
            // What the provider ran itself is no call for the caller; results are never in an answer.
            Part::Foreign(_) | Part::ToolResult(_) => {}
        }
    }
    said
}

fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// Writes a citation in a text that begins after `from` characters of the answer and ends with character `to`; what is no
/// page has no place in this protocol.
pub(in crate::dialect::openai) fn write_annotation(
    list: &mut ArrayWriter<'_>,
    citation: &Citation,
    from: u64,
    to: u64,
) {
    let Some(url) = &citation.url else { return };
    list.object(|annotation| {
        annotation.text("type", "url_citation");
        annotation.object("url_citation", |cited| {
            cited.text("url", url);
            cited.text("title", citation.title.as_deref().unwrap_or_default());
            cited.plain("start_index", citation.start.map_or(from, |start| from.saturating_add(start)));
            cited.plain("end_index", citation.end.map_or(to, |end| from.saturating_add(end)));
            cited.text_if("content", citation.quoted.as_deref());
        });
    });
}

fn write_thoughts(message: &mut ObjectWriter<'_>, thoughts: &[&Reasoning], said: Option<&Signature>) {
    if thoughts.is_empty() && said.is_none() {
        return;
    }
    let plain: String = thoughts.iter().map(|thought| thought.text.as_str()).collect();
    message.text_if("reasoning_content", (!plain.is_empty()).then_some(plain.as_str()));
    message.array("reasoning_details", |list| {
        for (index, thought) in thoughts.iter().enumerate() {
            thoughts::write(list, Written::whole(thought, index));
        }
        if let Some(signature) = said {
            thoughts::write_said(list, signature, thoughts.len());
        }
    });
}

fn write_media(message: &mut ObjectWriter<'_>, media: &[&Media], id: &str, echo: &Echo<'_>) {
    let mut images = media.iter().filter(|media| media.kind == MediaKind::Image).peekable();
    if images.peek().is_some() {
        message.array("images", |list| images.for_each(|image| write_image(list, image)));
    }
    let sound =
        media.iter().filter(|media| media.kind == MediaKind::Audio).find_map(|media| match &media.source {
            Source::Data { base64, .. } => Some(base64),
            _ => None,
        });
    if let Some(base64) = sound {
        message.object("audio", |audio| {
            audio.text("id", &format!("audio_{id}"));
            audio.text("data", base64);
            audio.plain("expires_at", echo.created);
            audio.text("transcript", "");
        });
    }
}

/// Writes a picture in the form of OpenRouter's `images`.
pub(in crate::dialect::openai) fn write_image(list: &mut ArrayWriter<'_>, image: &Media) {
    let address = match &image.source {
        Source::Data { media_type, base64 } => data_address(media_type, base64),
        Source::Url(address) | Source::Uploaded(address) => address.clone(),
    };
    list.object(|written| {
        written.text("type", "image_url");
        written.object("image_url", |link| link.text("url", &address));
    });
}

fn write_calls(message: &mut ObjectWriter<'_>, said: &Said<'_>, legacy: bool) {
    if let Some(call) = said.calls.first().filter(|_| legacy) {
        message.object("function_call", |function| {
            function.text("name", &call.name);
            function.text("arguments", &call.arguments);
        });
    } else if !said.calls.is_empty() || !said.custom.is_empty() {
        message.array("tool_calls", |list| {
            for call in &said.calls {
                list.object(|written| {
                    written.text("id", &carried_id(&call.id, call.signature.as_ref()));
                    written.text("type", "function");
                    written.object("function", |function| {
                        function.text("name", &call.name);
                        function.text("arguments", &call.arguments);
                    });
                });
            }
            said.custom.iter().for_each(|json| list.raw(json));
        });
    }
}
