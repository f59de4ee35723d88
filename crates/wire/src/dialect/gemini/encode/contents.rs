//! `systemInstruction` and `contents`.

use std::collections::HashMap;

use domain::chat::{Media, MediaKind, Part, Request, Role, Source, ToolResult, Turn};
use domain::protocol::Protocol;

use super::Series;
use crate::dialect::gemini::carried;
use crate::dialect::gemini::made_id;
use crate::dialect::gemini::part::is_googles;
use crate::dialect::gemini::said::{self, Voice};
use crate::dialect::names::Names;
use crate::dialect::{Inexpressible, Target};
use crate::json::build::{self, ArrayWriter, ObjectWriter};
use crate::json::look::{Kind, Value};

/// The parts of `systemInstruction`, if there is one, and the array of `contents`.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<(Option<Vec<u8>>, Vec<u8>), Inexpressible> {
    let is_system = |turn: &Turn| matches!(turn.role, Role::System | Role::Developer);
    let leading = request.turns.iter().take_while(|turn| is_system(turn)).count();
    // A conversation of nothing but instructions has to say them as the person, for contents must not be empty.
    let leading = if leading == request.turns.len() { 0 } else { leading };
    let (system, turns) = request.turns.split_at_checked(leading).unwrap_or_default();
    let mut writer = Writer { target, series: Series::of(target.model), dropped, calls: HashMap::new() };

    let mut instruction = vec![b'['];
    let mut items = ArrayWriter::of(&mut instruction);
    for part in system.iter().flat_map(|turn| &turn.parts) {
        writer.part(part, &mut items)?;
    }
    instruction.push(b']');

    let mut contents = vec![b'['];
    let mut items = ArrayWriter::of(&mut contents);
    for turn in turns {
        let parts = writer.turn(turn)?;
        if parts != b"[]" {
            let role = if turn.role == Role::Assistant { "model" } else { "user" };
            writer.dropped.add_if(is_system(turn), "messages[].role");
            items.object(|content| {
                content.text("role", role);
                content.raw("parts", &parts);
            });
        }
    }
    contents.push(b']');
    let names = request.turns.iter().any(|turn| turn.name.is_some());
    dropped.add_if(names, "messages[].name");
    Ok(((instruction != b"[]").then_some(instruction), contents))
}

/// A call that was made before: its place among all, and its name.
#[derive(Clone, Copy)]
struct Made<'r> {
    place: usize,
    name: &'r str,
}

struct Writer<'r, 't> {
    target: &'t Target<'t>,
    series: Series,
    dropped: &'t mut Names,
    calls: HashMap<&'r str, Made<'r>>,
}

impl<'r> Writer<'r, '_> {
    /// The parts of one turn: the results of functions first, in the order of their calls.
    fn turn(&mut self, turn: &'r Turn) -> Result<Vec<u8>, Inexpressible> {
        let mut out = vec![b'['];
        let mut items = ArrayWriter::of(&mut out);
        let mut results: Vec<&ToolResult> = Vec::new();
        for part in &turn.parts {
            if let Part::ToolResult(result) = part {
                results.push(result);
            }
        }
        results
            .sort_by_key(|result| self.calls.get(result.id.as_str()).map_or(usize::MAX, |made| made.place));
        for result in &results {
            self.result(result, &mut items)?;
        }
        if self.series == Series::Two {
            for part in results.iter().flat_map(|result| &result.parts) {
                if matches!(part, Part::Media(_)) {
                    self.part(part, &mut items)?;
                }
            }
        }
        let mut calls = 0_usize;
        for part in turn.parts.iter().filter(|part| !matches!(part, Part::ToolResult(_))) {
            if let Part::ToolCall(call) = part {
                let made = Made { place: self.calls.len(), name: &call.name };
                self.calls.insert(&call.id, made);
                calls += 1;
                let own = call.signature.as_ref().and_then(|signature| signature.of(Protocol::Gemini));
                let needed = calls == 1 && self.series == Series::Three;
                let id = self.id(&call.id);
                let wrapped;
                let arguments = match said::arguments(&call.arguments) {
                    Some(arguments) => arguments,
                    None => {
                        wrapped = wrap(&call.arguments);
                        &wrapped
                    }
                };
                let signature = own.or(needed.then_some(carried::UNSIGNED));
                said::call(&mut items, id.as_deref(), &call.name, arguments, signature);
                self.dropped.add_if(call.cache.is_some(), "cache_control");
            } else {
                self.part(part, &mut items)?;
            }
        }
        out.push(b']');
        Ok(out)
    }

    /// The id of a call as Google gets it: none where it gave none.
    fn id(&self, id: &str) -> Option<String> {
        (!made_id::is_made(id)).then(|| self.target.tool_ids.fit(id).into_owned())
    }

    fn part(&mut self, part: &Part, items: &mut ArrayWriter<'_>) -> Result<(), Inexpressible> {
        match part {
            Part::Text(text) => {
                let own = text.signature.as_ref().and_then(|signature| signature.of(Protocol::Gemini));
                if !text.text.is_empty() || own.is_some() {
                    said::text(items, &text.text, Voice::Said, own);
                }
                self.dropped.add_if(text.cache.is_some(), "cache_control");
                self.dropped.add_if(!text.citations.is_empty(), "citations");
            }
            Part::Refusal(text) => {
                if !text.is_empty() {
                    said::text(items, text, Voice::Said, None);
                }
            }
            Part::Reasoning(thought) => {
                let own = thought.signature.as_ref().and_then(|signature| signature.of(Protocol::Gemini));
                match own {
                    Some(own) => said::text(items, &thought.text, Voice::Thought, Some(own)),
                    None => self.dropped.add_if(!thought.text.is_empty(), "reasoning"),
                }
            }
            Part::Media(media) => {
                self.check(media)?;
                let own = media.signature.as_ref().and_then(|signature| signature.of(Protocol::Gemini));
                said::media(items, media, own);
            }
            Part::Foreign(foreign) if foreign.protocol == Protocol::Gemini => {
                items.raw(foreign.json.as_str())
            }
            Part::Foreign(_) => self.dropped.add("server_tools"),
            // Written by whoever knows the turn; neither stands among instructions.
            Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
        Ok(())
    }

    /// Refuses media that Google cannot read where they are, and notes what of them is lost.
    fn check(&mut self, media: &Media) -> Result<(), Inexpressible> {
        let what = match media.kind {
            MediaKind::Image => "a picture",
            MediaKind::Document => "a document",
            MediaKind::Audio => "a sound",
            MediaKind::Video => "a film",
        };
        let how = match &media.source {
            Source::Data { .. } => None,
            Source::Url(uri) | Source::Uploaded(uri) if is_googles(uri) => None,
            Source::Url(_) => Some("by its address"),
            Source::Uploaded(_) => Some("that was uploaded elsewhere"),
        };
        if let Some(how) = how {
            return Err(Inexpressible { field: "messages", what: format!("{what} {how}") });
        }
        self.dropped.add_if(media.detail.is_some(), "detail");
        self.dropped.add_if(media.name.is_some(), "filename");
        self.dropped.add_if(media.cache.is_some(), "cache_control");
        Ok(())
    }

    fn result(&mut self, result: &ToolResult, items: &mut ArrayWriter<'_>) -> Result<(), Inexpressible> {
        let made = self.calls.get(result.id.as_str()).copied();
        let name = result.name.as_deref().or(made.map(|made| made.name)).ok_or_else(|| Inexpressible {
            field: "messages",
            what: "the result of a tool without its call".to_owned(),
        })?;
        let mut text = String::new();
        let mut media = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(words) => {
                    if !text.is_empty() && !words.text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&words.text);
                    self.dropped.add_if(words.cache.is_some(), "cache_control");
                }
                Part::Media(found) => {
                    self.check(found)?;
                    media.push(part);
                }
                _ => self.dropped.add("server_tools"),
            }
        }
        self.dropped.add_if(result.cache.is_some(), "cache_control");
        let id = self.id(&result.id);
        let mut inner = vec![b'['];
        if self.series == Series::Three {
            let mut items = ArrayWriter::of(&mut inner);
            for part in media {
                self.part(part, &mut items)?;
            }
        }
        inner.push(b']');
        items.object(|part| {
            part.object("functionResponse", |response| {
                response.text_if("id", id.as_deref());
                response.text("name", name);
                gave(response, &text, result.is_error);
                if inner != b"[]" {
                    response.raw("parts", &inner);
                }
            });
        });
        Ok(())
    }
}

/// `response`: an object that the tool gave as it is, everything else under Google's `output` or `error`.
fn gave(response: &mut ObjectWriter<'_>, text: &str, is_error: bool) {
    let object = Value::read(text.as_bytes()).filter(|value| value.kind() == Kind::Object).filter(|value| {
        let members = value.members();
        let reads_as_itself = members.get("output").is_none() && members.get("error").is_none();
        reads_as_itself && members.said().next().is_some()
    });
    match object {
        _ if is_error => response.object("response", |members| members.text("error", text)),
        Some(object) => response.raw("response", object.raw()),
        None if text.is_empty() => response.raw("response", "{}"),
        None => response.object("response", |members| members.text("output", text)),
    }
}

/// Arguments that are no object, kept in one: a history may hold a call that was cut off.
fn wrap(arguments: &str) -> String {
    build::object_text(|members| members.text("arguments", arguments))
}
