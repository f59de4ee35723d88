//! The stream of an upstream of this protocol, read into neutral events.

mod choice;
mod extent;
mod slot;

use domain::chat;
use domain::usage::Surface;

use super::payload::Payload;
use super::sources;
use crate::dialect::{DONE_MARK, ReadStream, Stopped};
use crate::failure::{UpstreamError, read_error};
use crate::json::look::{Object, Value};
use crate::json::{self, Shape};
use crate::sse;
use crate::tap::Broken;
use choice::Choice;

/// Answers one stream may hold, which no request can exceed; what claims to belong to others is passed over.
const MAX_CHOICES: u64 = crate::request::MAX_CHOICES;

/// The reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    /// What begins the ids of calls that come without one; empty until the answer has begun.
    name: String,
    choices: Vec<Choice>,
    /// Where the answer comes from as a whole, as it was last told; each report replaces the one before.
    sources: Vec<chat::Citation>,
    over: bool,
}

impl ReadStream for StreamReader {
    fn read(&mut self, event: &sse::Event<'_>, out: &mut Vec<chat::Event>) -> Result<(), Stopped> {
        let data = event.data.as_deref().unwrap_or_default();
        if data == DONE_MARK {
            self.over = true;
            self.finish(out);
            return Ok(());
        }
        let mut payload = Payload::default();
        let shape = json::read_open(data, &mut payload);
        if payload.has_error || event.kind == b"error" {
            return Err(Stopped::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
        }
        let Ok(Shape::Object { .. }) = shape else { return Err(Stopped::Broken(Broken::NotJson)) };
        let tokens = payload.tokens(Surface::Chat);
        // Azure begins with an event that has no choices and another id.
        if payload.choices.is_none_or(|choices| choices == 0) && tokens.is_none() {
            return Ok(());
        }
        let chunk = Object::read(data).unwrap_or_default();
        self.begin(&chunk, data, out);
        let sources = sources::read(&chunk);
        if !sources.is_empty() {
            self.sources = sources;
        }
        for choice in chunk.items("choices") {
            self.read_choice(choice, out)?;
        }
        out.extend(tokens.map(chat::Event::Used));
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn end(&mut self, _out: &mut Vec<chat::Event>) -> bool {
        // Several providers leave `[DONE]` out: the answer is complete when every choice has said why it ended, and then
        // nothing is owed.
        !self.choices.is_empty() && self.choices.iter().all(Choice::is_finished)
    }
}

impl StreamReader {
    fn begin(&mut self, chunk: &Object<'_>, data: &[u8], out: &mut Vec<chat::Event>) {
        if !self.name.is_empty() {
            return;
        }
        let said =
            |name: &str| chunk.text(name).filter(|text| !text.is_empty()).map(|text| text.into_owned());
        let id = said("id");
        self.name = id.clone().unwrap_or_else(|| super::whole::fingerprint(data));
        out.push(chat::Event::Began { id, model: said("model") });
    }

    fn read_choice(&mut self, value: Value<'_>, out: &mut Vec<chat::Event>) -> Result<(), Broken> {
        let Some(members) = value.object() else { return Ok(()) };
        let number = members.unsigned("index").unwrap_or(0);
        let Some(number) = u32::try_from(number).ok().filter(|&number| u64::from(number) < MAX_CHOICES)
        else {
            return Ok(());
        };
        let known = self.choices.iter().position(|choice| choice.number == number);
        let place = known.unwrap_or_else(|| {
            self.choices.push(Choice::new(number));
            self.choices.len() - 1
        });
        match self.choices.get_mut(place) {
            Some(choice) => choice.read(&members, &self.name, &self.sources, out),
            None => Ok(()),
        }
    }

    /// `[DONE]` came: whatever has not said why it ended ends now.
    fn finish(&mut self, out: &mut Vec<chat::Event>) {
        if self.name.is_empty() {
            out.push(chat::Event::Began { id: None, model: None });
        }
        if self.choices.is_empty() {
            self.choices.push(Choice::new(0));
        }
        for choice in &mut self.choices {
            choice.finish(&Object::default(), &self.sources, out);
        }
    }
}

impl From<Broken> for Stopped {
    fn from(broken: Broken) -> Self {
        Stopped::Broken(broken)
    }
}

#[cfg(test)]
mod tests;
