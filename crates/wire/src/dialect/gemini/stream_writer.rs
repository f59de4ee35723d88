//! Neutral events, written as the stream that callers of this protocol expect: each event a whole answer of its own that
//! holds what is new. Calls are held back until they are whole, because Google's clients do not join arguments.

use domain::chat::{Event, Finish, Growth, Opening, Part, Signature, Text, ToolCall};
use domain::price::Tokens;

use super::citations::{self, Written};
use super::measure::Measure;
use super::said::{self, Voice};
use super::whole::{write_finish, write_part};
use super::{carried, logprobs, usage};
use crate::dialect::{Echo, WriteStream};
use crate::failure::ErrorBody;
use crate::json::build::{self, ArrayWriter, ObjectWriter};

/// Bytes of arguments that are held back of one call. One that has more is left out, and the answer says that its call
/// is malformed.
const MOST_ARGUMENT_BYTES: usize = 1024 * 1024;
/// Bytes of such a call that are told.
const MOST_TOLD_BYTES: usize = 200;

/// The writer of one stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    id: String,
    model: String,
    choices: Vec<Choice>,
    tokens: Option<Tokens>,
}

/// One of the answers.
#[derive(Debug, Default)]
struct Choice {
    number: u32,
    open: Open,
    /// Of the text that is open.
    measure: Measure,
    /// Parts that were written.
    parts: usize,
    cited: Vec<Written>,
    broken: Option<(String, String)>,
    finish: Option<Finish>,
}

/// The part that is open.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Words(Voice),
    Withheld,
    Call(Box<ToolCall>),
}

impl StreamWriter {
    /// A stream of which nothing has been written.
    pub(crate) fn new(echo: &Echo<'_>) -> Self {
        Self { id: echo.id.to_owned(), model: echo.model.to_owned(), choices: Vec::new(), tokens: None }
    }

    /// Appends one event.
    fn event(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        out.extend_from_slice(b"data: ");
        let start = out.len();
        build::object(out, |members| {
            write(members);
            members.text("modelVersion", &self.model);
            members.text("responseId", &self.id);
        });
        // What is passed on as it came may have line ends between its words, never within them.
        for byte in out.iter_mut().skip(start).filter(|byte| matches!(byte, b'\r' | b'\n')) {
            *byte = b' ';
        }
        out.extend_from_slice(b"\r\n\r\n");
    }

    /// Appends an event with one candidate that says these parts.
    fn say(&self, number: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut ArrayWriter<'_>)) {
        self.event(out, |members| {
            members.array("candidates", |items| {
                items.object(|candidate| {
                    candidate.object("content", |content| {
                        content.array("parts", write);
                        content.text("role", "model");
                    });
                    candidate.plain("index", number);
                });
            });
        });
    }

    fn choice(&mut self, number: u32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.number == number).unwrap_or_else(|| {
            self.choices.push(Choice { number, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    fn began(&mut self, number: u32, part: Opening, out: &mut Vec<u8>) {
        let whole = match part {
            Opening::Text | Opening::Refusal => return self.open(number, Open::Words(Voice::Said)),
            Opening::Reasoning { redacted: false, .. } => {
                return self.open(number, Open::Words(Voice::Thought));
            }
            Opening::Reasoning { redacted: true, .. } => return self.open(number, Open::Withheld),
            Opening::ToolCall { id, name, signature } => {
                let call = ToolCall { id, name, arguments: String::new(), signature, cache: None };
                return self.open(number, Open::Call(Box::new(call)));
            }
            Opening::Media(media) => Part::Media(media),
            Opening::Foreign(foreign) => Part::Foreign(foreign),
        };
        self.open(number, Open::Nothing);
        self.whole(number, &whole, out);
    }

    fn open(&mut self, number: u32, open: Open) {
        let choice = self.choice(number);
        choice.open = open;
        choice.measure = Measure::default();
    }

    /// Appends a part that is whole, if it has a form here.
    fn whole(&mut self, number: u32, part: &Part, out: &mut Vec<u8>) {
        let start = out.len();
        let mut is_written = false;
        self.say(number, out, |items| is_written = write_part(part, items));
        if is_written {
            self.choice(number).parts += 1;
        } else {
            out.truncate(start);
        }
    }

    fn grew(&mut self, number: u32, by: Growth, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        match (&mut choice.open, by) {
            (Open::Call(call), Growth::Arguments(text)) => {
                // What is beyond the bound can no longer be read as an object, and so the call is known for broken.
                let room = MOST_ARGUMENT_BYTES.saturating_sub(call.arguments.len());
                call.arguments.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
            }
            (Open::Call(call), Growth::Signature(signature)) => call.signature = Some(signature),
            (Open::Words(voice), Growth::Text(text)) => {
                let voice = *voice;
                choice.measure.push(&text);
                self.say(number, out, |items| said::text(items, &text, voice, None));
            }
            (Open::Words(voice), Growth::Signature(signature)) => {
                let voice = *voice;
                self.sign(number, &signature, voice, out);
            }
            (Open::Withheld, Growth::Signature(signature)) => {
                let carried = carried::carry(&signature, true).into_owned();
                self.say(number, out, |items| said::text(items, "", Voice::Thought, Some(&carried)));
            }
            (Open::Words(Voice::Said), Growth::Citation(citation)) => {
                choice.cited.push(Written::new(&citation, &choice.measure, choice.parts));
            }
            (_, Growth::Logprobs(chances)) => self.event(out, |members| {
                members.array("candidates", |items| {
                    items.object(|candidate| {
                        candidate.object("content", |content| {
                            content.array("parts", |parts| said::text(parts, "", Voice::Said, None));
                            content.text("role", "model");
                        });
                        candidate.plain("index", number);
                        logprobs::write(&chances, candidate);
                    });
                });
            }),
            _ => {}
        }
    }

    fn sign(&mut self, number: u32, signature: &Signature, voice: Voice, out: &mut Vec<u8>) {
        let carried = carried::carry(signature, false).into_owned();
        self.say(number, out, |items| said::text(items, "", voice, Some(&carried)));
    }

    fn ended(&mut self, number: u32, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        match std::mem::take(&mut choice.open) {
            Open::Nothing => {}
            Open::Words(_) | Open::Withheld => choice.parts += 1,
            Open::Call(call) if said::arguments(&call.arguments).is_some() => {
                self.whole(number, &Part::ToolCall(*call), out);
            }
            Open::Call(call) => {
                let told = call.arguments.floor_char_boundary(MOST_TOLD_BYTES);
                let told = call.arguments.get(..told).unwrap_or_default().to_owned();
                choice.broken.get_or_insert((call.name, told));
            }
        }
    }
}

impl WriteStream for StreamWriter {
    fn write(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::Began { id, model } => {
                self.id = id.unwrap_or(std::mem::take(&mut self.id));
                self.model = model.unwrap_or(std::mem::take(&mut self.model));
            }
            Event::PartBegan { choice, part, .. } => self.began(choice, part, out),
            Event::PartGrew { choice, by, .. } => self.grew(choice, by, out),
            Event::PartEnded { choice, .. } => self.ended(choice, out),
            Event::Finished { choice, finish } => self.choice(choice).finish = Some(finish),
            Event::Used(tokens) => self.tokens = Some(tokens),
        }
    }

    /// Google's clients count an event without parts as no answer at all, so that the last one says nothing in words.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let nothing = Part::Text(Text::default());
        self.event(out, |members| {
            members.array("candidates", |items| {
                for choice in &self.choices {
                    items.object(|candidate| {
                        candidate.object("content", |content| {
                            content.array("parts", |parts| {
                                write_part(&nothing, parts);
                            });
                            content.text("role", "model");
                        });
                        if let Some(finish) = &choice.finish {
                            let broken = choice.broken.as_ref();
                            let broken = broken.map(|(name, told)| (name.as_str(), told.as_str()));
                            write_finish(finish, broken, candidate);
                        }
                        candidate.plain("index", choice.number);
                        citations::write(&choice.cited, candidate);
                    });
                }
            });
            if let Some(tokens) = &self.tokens {
                usage::write(tokens, members);
            }
        });
    }

    fn fail(&mut self, error: &ErrorBody<'_>, out: &mut Vec<u8>) {
        super::write_error_event(error, 0, out);
    }
}

#[cfg(test)]
mod tests;
