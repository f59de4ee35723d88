//! Turns as messages. Results of tools are messages of their own, in which there is only text: what else they hold
//! follows in a message of the user.

mod user;

use domain::chat::{CacheMark, Part, Reasoning, Role, ToolCall, Turn};
use domain::protocol::Protocol;

use crate::dialect::names::Names;
use crate::dialect::openai::form::{ChatForm, ThoughtsMember};
use crate::dialect::openai::thoughts::{self, Written};
use crate::dialect::{Inexpressible, Target};
use crate::json::build::{self, ArrayWriter, ObjectWriter};
use crate::json::look::Value;

/// Writes the array of messages.
pub(super) fn write(
    turns: &[Turn],
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<String, Inexpressible> {
    let mut out = Vec::new();
    let mut written = Ok(());
    build::array(&mut out, |list| {
        written = turns.iter().try_for_each(|turn| match turn.role {
            Role::System | Role::Developer => {
                instructions(list, turn, target, dropped);
                Ok(())
            }
            Role::User => user::write(list, turn, target, dropped),
            Role::Assistant => assistant(list, turn, target, dropped),
        });
    });
    written?;
    // What was written is JSON, and thus text.
    Ok(String::from_utf8(out).unwrap_or_default())
}

/// Writes a mark up to which the prompt is cached, where the provider has such marks.
pub(super) fn write_cache(
    object: &mut ObjectWriter<'_>,
    mark: Option<CacheMark>,
    form: &ChatForm,
    dropped: &mut Names,
) {
    let Some(mark) = mark else { return };
    if !form.takes_beside("cache_control") {
        dropped.add("cache_control");
        return;
    }
    object.object("cache_control", |written| {
        written.text("type", "ephemeral");
        written.text_if("ttl", (mark == CacheMark::OneHour).then_some("1h"));
    });
}

fn instructions(list: &mut ArrayWriter<'_>, turn: &Turn, target: &Target<'_>, dropped: &mut Names) {
    let speaks_as_developer = turn.role == Role::Developer && target.chat.takes_beside("developer");
    list.object(|message| {
        message.text("role", if speaks_as_developer { "developer" } else { "system" });
        write_texts(message, &turn.parts, &target.chat, dropped);
        message.text_if("name", turn.name.as_deref());
    });
}

/// Writes `content`: a string where one text says it all, else parts of text.
fn write_texts(message: &mut ObjectWriter<'_>, parts: &[Part], form: &ChatForm, dropped: &mut Names) {
    let texts: Vec<_> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    match texts.as_slice() {
        [] => message.text("content", ""),
        [text] if text.cache.is_none() || !form.takes_beside("cache_control") => {
            message.text("content", &text.text);
            if text.cache.is_some() {
                dropped.add("cache_control");
            }
        }
        texts => message.array("content", |list| {
            for text in texts {
                list.object(|part| {
                    part.text("type", "text");
                    part.text("text", &text.text);
                    write_cache(part, text.cache, form, dropped);
                });
            }
        }),
    }
}

/// What of an assistant's turn has a place of its own in the message.
#[derive(Default)]
struct Said<'t> {
    text: String,
    cache: Option<CacheMark>,
    refusal: String,
    thoughts: Vec<&'t Reasoning>,
    images: Vec<String>,
    calls: Vec<Call<'t>>,
}

enum Call<'t> {
    Function(&'t ToolCall),
    Custom(&'t str),
}

fn assistant(
    list: &mut ArrayWriter<'_>,
    turn: &Turn,
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<(), Inexpressible> {
    let form = &target.chat;
    let said = gather(turn, target, dropped)?;
    list.object(|message| {
        message.text("role", "assistant");
        if said.text.is_empty() && !(said.calls.is_empty() && said.refusal.is_empty()) {
            message.null("content");
        } else if said.cache.is_some() && form.takes_beside("cache_control") {
            message.array("content", |parts| {
                parts.object(|part| {
                    part.text("type", "text");
                    part.text("text", &said.text);
                    write_cache(part, said.cache, form, dropped);
                });
            });
        } else {
            message.text("content", &said.text);
            if said.cache.is_some() {
                dropped.add("cache_control");
            }
        }
        if !said.refusal.is_empty() {
            message.text("refusal", &said.refusal);
        }
        message.text_if("name", turn.name.as_deref());
        write_thoughts(message, &said.thoughts, form, dropped);
        if !said.images.is_empty() {
            message.array("images", |images| {
                for address in &said.images {
                    images.object(|image| {
                        image.text("type", "image_url");
                        image.object("image_url", |link| link.text("url", address));
                    });
                }
            });
        }
        if !said.calls.is_empty() {
            message.array("tool_calls", |calls| {
                for call in &said.calls {
                    match call {
                        Call::Function(call) => write_call(calls, call, target, dropped),
                        Call::Custom(json) => calls.raw(json),
                    }
                }
            });
        }
    });
    Ok(())
}

fn gather<'t>(turn: &'t Turn, target: &Target<'_>, dropped: &mut Names) -> Result<Said<'t>, Inexpressible> {
    let mut said = Said::default();
    for part in &turn.parts {
        match part {
            Part::Text(text) => {
                said.text.push_str(&text.text);
                said.cache = text.cache.or(said.cache);
                if !text.citations.is_empty() {
                    dropped.add("citations");
                }
            }
            Part::Refusal(words) => said.refusal.push_str(words),
            Part::Reasoning(thought) => said.thoughts.push(thought),
            Part::ToolCall(call) => said.calls.push(Call::Function(call)),
            Part::Media(media) => {
                let address = user::picture_address(media).filter(|_| target.chat.takes_beside("images"));
                let what = "a picture or sound in what the assistant said".to_owned();
                said.images.push(address.ok_or(Inexpressible { field: "messages", what })?);
            }
            Part::Foreign(foreign) if foreign.protocol == Protocol::Chat => {
                said.calls.push(Call::Custom(foreign.json.as_str()));
            }
            Part::Foreign(_) => dropped.add("server_tools"),
            Part::ToolResult(_) => {
                let what = "the result of a tool in what the assistant said".to_owned();
                return Err(Inexpressible { field: "messages", what });
            }
        }
    }
    Ok(said)
}

fn write_thoughts(
    message: &mut ObjectWriter<'_>,
    thoughts: &[&Reasoning],
    form: &ChatForm,
    dropped: &mut Names,
) {
    let mut drop_all = |thoughts: &[&Reasoning]| {
        if thoughts.iter().any(|thought| !thought.text.is_empty()) {
            dropped.add("reasoning");
        }
    };
    match form.thoughts {
        ThoughtsMember::Nowhere => drop_all(thoughts),
        ThoughtsMember::Content => {
            let plain: String = thoughts.iter().map(|thought| thought.text.as_str()).collect();
            message.text_if("reasoning_content", (!plain.is_empty()).then_some(plain.as_str()));
        }
        ThoughtsMember::Details => {
            let is_its_own = |thought: &&&Reasoning| match &thought.signature {
                Some(signature) => signature.of(Protocol::Chat).is_some(),
                None => !thought.redacted,
            };
            let own: Vec<_> = thoughts.iter().filter(is_its_own).copied().collect();
            let others: Vec<_> = thoughts.iter().filter(|thought| !is_its_own(thought)).copied().collect();
            drop_all(&others);
            if !own.is_empty() {
                message.array("reasoning_details", |list| {
                    for (index, thought) in own.into_iter().enumerate() {
                        thoughts::write_back(list, Written::whole(thought, index));
                    }
                });
            }
        }
    }
}

fn write_call(list: &mut ArrayWriter<'_>, call: &ToolCall, target: &Target<'_>, dropped: &mut Names) {
    list.object(|written| {
        written.text("id", &target.tool_ids.fit(&call.id));
        written.text("type", "function");
        written.object("function", |function| {
            function.text("name", &call.name);
            function.text("arguments", &call.arguments);
        });
        // Google's endpoint of this protocol demands back what it put beside the call.
        let proof = call.signature.as_ref().and_then(|signature| signature.of(Protocol::Chat));
        let beside = proof.filter(|proof| Value::read(proof.as_bytes()).is_some_and(Value::is_object));
        if let Some(json) = beside {
            written.raw("extra_content", json);
        }
        write_cache(written, call.cache, &target.chat, dropped);
    });
}
