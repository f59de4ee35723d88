//! The stream of an upstream of this protocol, read into neutral events. Google marks no end: why an answer finished is
//! held back until its bytes have ended, because parts, citations and usage may follow.

mod choice;
mod partial;

use domain::chat::{Event, Finish, Growth};

use super::citations;
use super::lenient;
use super::made_id::Seed;
use super::part;
use super::usage::Reported;
use super::{logprobs, words};
use crate::dialect::{ReadStream, Stopped};
use crate::failure::{UpstreamError, read_error};
use crate::json::look::Object;
use crate::request::MAX_CHOICES;
use crate::sse;
use crate::tap::Broken;
use choice::Choice;

/// The reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    /// What the ids of calls are made of; none before the first event.
    seed: Option<Seed>,
    /// The ids of the calls so far.
    ids: Vec<String>,
    choices: Vec<Choice>,
    /// Why the prompt was refused.
    blocked: Option<Finish>,
}

impl ReadStream for StreamReader {
    fn read(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        let data = event.data.as_deref().unwrap_or_default();
        let failed = || Stopped::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words));
        if event.kind == b"error" {
            return Err(failed());
        }
        let root = Object::read(data).ok_or(Stopped::Broken(Broken::NotJson))?;
        if root.get("error").is_some() {
            return Err(failed());
        }
        let seed = self.begin(&root, data, out);
        let candidates = root.items("candidates");
        for (place, candidate) in candidates.into_iter().enumerate() {
            self.candidate(place, &candidate.members(), seed, out)?;
        }
        let feedback = root.object("promptFeedback").unwrap_or_default();
        self.blocked = feedback.get("blockReason").and_then(words::blocked).or(self.blocked.take());
        let reported = root.get("usageMetadata").and_then(Reported::of);
        out.extend(reported.and_then(|reported| reported.tokens()).map(Event::Used));
        Ok(())
    }

    fn is_over(&self) -> bool {
        false
    }

    fn end(&mut self, out: &mut Vec<Event>) -> bool {
        if self.choices.is_empty() {
            let Some(finish) = self.blocked.take() else { return false };
            out.push(Event::Finished { choice: 0, finish });
            return true;
        }
        if !self.choices.iter().all(Choice::is_finished) {
            return false;
        }
        for choice in &mut self.choices {
            choice.end(out);
        }
        true
    }
}

impl StreamReader {
    fn begin(&mut self, root: &Object<'_>, data: &[u8], out: &mut Vec<Event>) -> Seed {
        if let Some(seed) = self.seed {
            return seed;
        }
        let id = root.text("responseId").filter(|id| !id.is_empty());
        let seed = Seed::of(id.as_deref().map_or(data, str::as_bytes));
        let model = root.text("modelVersion").filter(|model| !model.is_empty());
        out.push(Event::Began { id: id.map(Into::into), model: model.map(Into::into) });
        self.seed = Some(seed);
        seed
    }

    fn candidate(
        &mut self,
        place: usize,
        candidate: &Object<'_>,
        seed: Seed,
        out: &mut Vec<Event>,
    ) -> Result<(), Stopped> {
        let number = candidate.get("index").and_then(lenient::unsigned).or_else(|| u64::try_from(place).ok());
        let Some(number) = number.filter(|number| *number < MAX_CHOICES) else { return Ok(()) };
        let number = u32::try_from(number).unwrap_or_default();
        let known = self.choices.iter().position(|choice| choice.number == number);
        let at = known.unwrap_or_else(|| {
            self.choices.push(Choice::new(number));
            self.choices.len() - 1
        });
        let Some(choice) = self.choices.get_mut(at) else { return Ok(()) };
        let content = candidate.object("content").unwrap_or_default();
        for value in content.get("parts").map(lenient::one_or_more).unwrap_or_default() {
            // A part that cannot be read is passed over, for newer models say newer things.
            if let Ok(piece) = part::read(&value.members()) {
                choice.piece(piece, value, seed, &mut self.ids, out)?;
            }
        }
        if let Some(chances) = candidate.get("logprobsResult").and_then(logprobs::read) {
            choice.grow_text(Growth::Logprobs(chances), out);
        }
        let found = citations::read(candidate);
        if !found.is_empty() {
            choice.cited = found;
        }
        choice.finish = candidate.get("finishReason").and_then(words::finish).or(choice.finish.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
