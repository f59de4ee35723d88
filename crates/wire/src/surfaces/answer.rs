//! A whole answer: whether it is one, and what the provider says was used.

use domain::price::{Tokens, Units};
use domain::usage::Surface;

use crate::answer::{Answer, Malformed};
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Place, Reader, Scan, Shape, Stop};
use crate::surfaces::subtitles::last_end_ms;

/// More than any call can use: about 10¹². Counts above are taken for nonsense.
const MAX_COUNT: u64 = 1 << 40;
/// The same for seconds: about a week.
const MAX_SECONDS: f64 = 604_800.0;

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// What every answer has.
    pub answer: Answer,
    /// What was used, where the provider does not count it in tokens.
    pub units: Option<Units>,
    /// What was used at least, where the answer shows that much and says no more.
    pub at_least: Option<Units>,
}

/// Reads an answer to `surface` in JSON that came with a status of success.
///
/// # Errors
/// [`Malformed`] when the body is not JSON, or neither an answer nor an error.
pub fn read_answer(surface: Surface, body: &[u8]) -> Result<Reported, Malformed> {
    let mut payload = Payload::default();
    let shape = json::read_open(body, &mut payload).map_err(|_| Malformed::NotJson)?;
    // Some servers answer a ranking with the bare list.
    let is_list = surface == Surface::Rerank && matches!(shape, Shape::Array { .. });
    if !is_list && !matches!(shape, Shape::Object { .. }) {
        return Err(Malformed::NotAnAnswer);
    }
    let answered = is_list
        || match surface {
            Surface::Images | Surface::ImageEdits => payload.data.is_some(),
            Surface::Transcriptions => payload.has_text,
            Surface::Rerank => payload.results.or(payload.data).is_some(),
            _ => payload.results.is_some(),
        };
    let error = if payload.has_error {
        Some(read_error(body).unwrap_or_else(UpstreamError::without_words))
    } else if answered {
        None
    } else {
        Some(read_error(body).ok_or(Malformed::NotAnAnswer)?)
    };
    let units = match surface {
        Surface::Images | Surface::ImageEdits => {
            payload.data.map(|pictures| Units { pictures, ..Units::default() })
        }
        Surface::Transcriptions => {
            let sound_ms = payload.usage.sound_ms.or(payload.sound_ms);
            sound_ms.map(|sound_ms| Units { sound_ms, ..Units::default() })
        }
        Surface::Rerank => payload.usage.searches.map(|searches| Units { searches, ..Units::default() }),
        _ => None,
    };
    let tokens = payload.usage.tokens(surface);
    let answer = Answer { tokens, output_bytes: payload.text_bytes, error, ..Answer::default() };
    Ok(Reported { answer, units, at_least: None })
}

/// Notes a transcript that came as plain text, in which nothing says what was used, or as subtitles, which show how far the
/// sound went before its last silence.
#[must_use]
pub fn read_text(body: &[u8]) -> Reported {
    let output_bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let at_least = last_end_ms(body).map(|sound_ms| Units { sound_ms, ..Units::default() });
    Reported { answer: Answer { output_bytes, ..Answer::default() }, units: None, at_least }
}

/// The members of an answer, or of one event of a stream, that the gate reads.
#[derive(Debug, Default)]
pub(super) struct Payload {
    data: Option<u64>,
    results: Option<u64>,
    has_text: bool,
    pub(super) text_bytes: u64,
    pub(super) has_error: bool,
    /// Of `duration`, beside a transcript.
    sound_ms: Option<u64>,
    pub(super) kind: String,
    pub(super) usage: Usage,
}

impl<'de> Reader<'de> for Payload {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "data" => self.data = items(at.value(object, &mut Unread)?).or(self.data),
            "results" => self.results = items(at.value(object, &mut Unread)?).or(self.results),
            "text" | "delta" => {
                if let Shape::Text { bytes } = at.value(object, &mut Unread)? {
                    self.has_text = true;
                    self.text_bytes = self.text_bytes.max(u64::try_from(bytes).unwrap_or(u64::MAX));
                }
            }
            "duration" => self.sound_ms = milliseconds(at, object)?.or(self.sound_ms),
            "error" => self.has_error |= at.value(object, &mut Unread)? != Shape::Null,
            "type" => {
                at.value(object, &mut Word(&mut self.kind))?;
            }
            "usage" | "meta" => {
                at.value(object, &mut self.usage)?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// What was used, as OpenAI writes it (`usage`) or Cohere (`meta.billed_units`).
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    image_in: u64,
    audio_in: u64,
    pub(super) sound_ms: Option<u64>,
    searches: Option<u64>,
    /// Whether the counts read now are of the input's parts.
    in_details: bool,
    nonsense: bool,
}

impl Usage {
    /// The tokens in disjoint kinds whose sum is the provider's total; `None` where it does not count in tokens. What a
    /// maker of pictures or of speech writes is pictures or sound: pictures stand under `output`, whose price is theirs,
    /// and sound under `audio`.
    pub(super) fn tokens(&self, surface: Surface) -> Option<Tokens> {
        if self.nonsense {
            return None;
        }
        let (input, output) = match (self.input, self.output, self.total) {
            (Some(input), output, _) => (input, output.unwrap_or(0)),
            (None, Some(output), Some(total)) => (total.checked_sub(output)?, output),
            (None, None, Some(total)) if surface == Surface::Rerank => (total, 0),
            _ => return None,
        };
        let image = self.image_in.min(input);
        let audio_in = self.audio_in.min(input - image);
        let (output, audio_out) = if surface == Surface::Speech { (0, output) } else { (output, 0) };
        Some(Tokens {
            input: input - image - audio_in,
            output,
            audio: audio_in + audio_out,
            image,
            ..Tokens::default()
        })
    }

    fn count(&mut self, at: Place, object: &mut Scan<'_>) -> Result<Option<u64>, Stop> {
        let count = match at.value(object, &mut Unread)? {
            Shape::Null => return Ok(None),
            Shape::Unsigned(count) => Some(count),
            Shape::Float(count) if count.fract() == 0.0 => format!("{count:.0}").parse().ok(),
            _ => None,
        };
        let count = count.filter(|&count| count <= MAX_COUNT);
        self.nonsense |= count.is_none();
        Ok(count)
    }
}

impl<'de> Reader<'de> for Usage {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "image_tokens" if self.in_details => self.image_in = self.count(at, object)?.unwrap_or(0),
            "audio_tokens" if self.in_details => self.audio_in = self.count(at, object)?.unwrap_or(0),
            _ if self.in_details => at.skip(object)?,
            "input_tokens" | "prompt_tokens" => self.input = self.count(at, object)?.or(self.input),
            "output_tokens" | "completion_tokens" => self.output = self.count(at, object)?.or(self.output),
            "total_tokens" => self.total = self.count(at, object)?.or(self.total),
            "search_units" => self.searches = self.count(at, object)?.or(self.searches),
            "seconds" => self.sound_ms = milliseconds(at, object)?.or(self.sound_ms),
            "input_tokens_details" | "input_token_details" | "prompt_tokens_details" => {
                self.in_details = true;
                at.value(object, self)?;
                self.in_details = false;
            }
            "billed_units" => {
                at.value(object, self)?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// A time in seconds, as a number or as a text of one, rounded up to milliseconds.
fn milliseconds(at: Place, object: &mut Scan<'_>) -> Result<Option<u64>, Stop> {
    let mut text = String::new();
    let seconds = match at.value(object, &mut Word(&mut text))? {
        Shape::Unsigned(seconds) => u32::try_from(seconds).ok().map(f64::from),
        Shape::Float(seconds) => Some(seconds),
        Shape::Text { .. } => text.parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds: &f64| (0.0..=MAX_SECONDS).contains(seconds));
    Ok(seconds.and_then(|seconds| format!("{:.0}", (seconds * 1_000.0).ceil()).parse().ok()))
}

fn items(shape: Shape) -> Option<u64> {
    match shape {
        Shape::Array { items } => u64::try_from(items).ok(),
        _ => None,
    }
}

struct Unread;

impl Reader<'_> for Unread {}

/// Keeps a short text.
struct Word<'w>(&'w mut String);

impl Reader<'_> for Word<'_> {
    fn text(&mut self, text: &str) {
        const LONGEST: usize = 64;
        if text.len() <= LONGEST {
            text.clone_into(self.0);
        }
    }
}
