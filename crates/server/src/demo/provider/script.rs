//! A streamed answer, written one server-sent event at a time: for chat the roles first, then the choices' tokens in
//! turn, then how each choice ends, then the usage if asked for, then `[DONE]`.

use serde::Serialize;

use super::plan::{Choice, Delivery, Kind, Plan, Said, ToolCall};
use super::shape::{Answer, Call, Null, Stamp, TextChoice, Usage};
use super::words;

/// A stream and how far it has come.
pub(super) struct Script {
    plan: Plan,
    stamp: Stamp,
    phase: Phase,
    places: Vec<Place>,
}

/// What is written next; the number is the choice whose turn it is.
#[derive(Clone, Copy)]
enum Phase {
    Opening(usize),
    Saying(usize),
    Closing(usize),
    Usage,
    Done,
    Ended,
}

/// How much of a choice has been said.
#[derive(Clone, Copy, Default)]
struct Place {
    call: usize,
    opened: bool,
    byte: usize,
}

/// The next part of a choice.
enum Delta<'a> {
    Text(&'a str),
    Opens { index: usize, call: &'a ToolCall },
    Arguments { index: usize, fragment: &'a str },
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: usize,
    delta: Part<'a>,
    logprobs: Null,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Absent, `null`, or text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Null>,
}

impl Script {
    pub(super) fn new(plan: Plan, stamp: Stamp) -> Self {
        let places = vec![Place::default(); plan.choices.len()];
        let phase = match plan.kind {
            Kind::Chat => Phase::Opening(0),
            Kind::Completion => Phase::Saying(0),
        };
        Self { plan, stamp, phase, places }
    }

    /// Whether `[DONE]` has been written.
    pub(super) fn ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Writes the next event and tells how many tokens it says; writes nothing after the end.
    pub(super) fn write_next(&mut self, out: &mut Vec<u8>) -> serde_json::Result<usize> {
        let count = self.plan.choices.len();
        let after = |choice: usize, this: fn(usize) -> Phase, next: Phase| {
            if choice + 1 < count { this(choice + 1) } else { next }
        };
        match self.phase {
            Phase::Opening(choice) => {
                self.phase = after(choice, Phase::Opening, Phase::Saying(0));
                self.write_opening(choice, out)?;
            }
            Phase::Saying(turn) => {
                for choice in (turn..count).chain(0..turn) {
                    let Some((delta, place)) = next_delta(&self.plan.choices[choice], self.places[choice])
                    else {
                        continue;
                    };
                    self.places[choice] = place;
                    self.phase = Phase::Saying((choice + 1) % count);
                    return self.write_delta(choice, &delta, out);
                }
                self.phase = Phase::Closing(0);
                return self.write_next(out);
            }
            Phase::Closing(choice) => {
                let last = match self.plan.delivery {
                    Delivery::StreamWithUsage => Phase::Usage,
                    Delivery::Whole | Delivery::Stream => Phase::Done,
                };
                self.phase = after(choice, Phase::Closing, last);
                self.write_closing(choice, out)?;
            }
            Phase::Usage => {
                self.phase = Phase::Done;
                self.write_usage(out)?;
            }
            Phase::Done => {
                self.phase = Phase::Ended;
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            Phase::Ended => {}
        }
        Ok(0)
    }

    fn write_opening(&self, choice: usize, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let content = match &self.plan.choices[choice].said {
            Said::Text(_) => Some(""),
            Said::Calls(_) => None,
        };
        let part =
            Part { role: Some("assistant"), content: Some(content), tool_calls: None, refusal: Some(Null) };
        self.write_part(choice, part, None, out)
    }

    fn write_delta(&self, choice: usize, delta: &Delta<'_>, out: &mut Vec<u8>) -> serde_json::Result<usize> {
        let (part, tokens) = match *delta {
            Delta::Text(text) if self.plan.kind == Kind::Completion => {
                self.write_text(choice, text, None, out)?;
                return Ok(1);
            }
            Delta::Text(text) => (Part { content: Some(Some(text)), ..Part::default() }, 1),
            Delta::Opens { index, call } => {
                let opening = Call::opening(call, &self.stamp, choice, index);
                (Part { tool_calls: Some([opening]), ..Part::default() }, words::count(&call.name))
            }
            Delta::Arguments { index, fragment } => {
                (Part { tool_calls: Some([Call::more(index, fragment)]), ..Part::default() }, 1)
            }
        };
        self.write_part(choice, part, None, out)?;
        Ok(tokens)
    }

    fn write_closing(&self, choice: usize, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let finish = Some(self.plan.choices[choice].finish.word());
        match self.plan.kind {
            Kind::Chat => self.write_part(choice, Part::default(), finish, out),
            Kind::Completion => self.write_text(choice, "", finish, out),
        }
    }

    fn write_usage(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut chunk = Answer::<ChunkChoice<'_>>::new(&self.stamp, &self.plan, self.object(), Vec::new());
        chunk.usage = Some(Some(Usage::of(&self.plan)));
        write_event(&chunk, out)
    }

    fn write_part(
        &self,
        index: usize,
        delta: Part<'_>,
        finish_reason: Option<&'static str>,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        self.write_chunk(ChunkChoice { index, delta, logprobs: Null, finish_reason }, out)
    }

    fn write_text(
        &self,
        index: usize,
        text: &str,
        finish_reason: Option<&'static str>,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        self.write_chunk(TextChoice { text, index, logprobs: Null, finish_reason }, out)
    }

    fn write_chunk<C: Serialize>(&self, choice: C, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut chunk = Answer::new(&self.stamp, &self.plan, self.object(), vec![choice]);
        if self.plan.delivery == Delivery::StreamWithUsage {
            chunk.usage = Some(None);
        }
        write_event(&chunk, out)
    }

    fn object(&self) -> &'static str {
        match self.plan.kind {
            Kind::Chat => "chat.completion.chunk",
            Kind::Completion => "text_completion",
        }
    }
}

fn next_delta(choice: &Choice, place: Place) -> Option<(Delta<'_>, Place)> {
    match &choice.said {
        Said::Text(text) => {
            let token = words::next_token(text, place.byte)?;
            Some((Delta::Text(token), Place { byte: place.byte + token.len(), ..place }))
        }
        Said::Calls(calls) => {
            let call = calls.get(place.call)?;
            if !place.opened {
                return Some((Delta::Opens { index: place.call, call }, Place { opened: true, ..place }));
            }
            match words::next_token(&call.arguments, place.byte) {
                Some(fragment) => Some((
                    Delta::Arguments { index: place.call, fragment },
                    Place { byte: place.byte + fragment.len(), ..place },
                )),
                None => next_delta(choice, Place { call: place.call + 1, opened: false, byte: 0 }),
            }
        }
    }
}

fn write_event<T: Serialize>(event: &T, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut *out, event)?;
    out.extend_from_slice(b"\n\n");
    Ok(())
}
