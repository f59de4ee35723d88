//! `usageMetadata`, turned into disjoint kinds whose sum is Google's total. Refuses to guess: what cannot be made to add
//! up is no usage at all.

use domain::price::Tokens;

use crate::dialect::counts::{self, MAX_COUNT};
use crate::json::build::ObjectWriter;
use crate::json::look::{Value, is_spelling};
use crate::json::{self, Place, Reader, Scan, Shape, Stop};

/// The counts as they were written. Google leaves out those that are zero.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    prompt: Option<u64>,
    candidates: u64,
    thoughts: u64,
    tool_prompt: u64,
    cached: u64,
    total: u64,
    audio_in: u64,
    audio_cached: u64,
    audio_out: u64,
    image_out: u64,
    nonsense: bool,
}

impl Reported {
    /// Reads one value.
    pub(super) fn of(value: Value<'_>) -> Option<Self> {
        let mut reported = Self::default();
        let shape = json::read_open(value.raw().as_bytes(), &mut reported).ok()?;
        matches!(shape, Shape::Object { .. }).then_some(reported)
    }

    /// The tokens in disjoint kinds. The prompt holds what was cached; the thoughts and what the provider's own tools put
    /// into the prompt stand beside prompt and candidates. A total above all of them is thought, too: older answers
    /// count thoughts nowhere else.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        let prompt = self.prompt.filter(|_| !self.nonsense)?;
        let cache_read = self.cached.min(prompt);
        let fresh = prompt - cache_read;
        let audio_in = self.audio_in.saturating_sub(self.audio_cached).min(fresh);
        let audio_out = self.audio_out.min(self.candidates);
        // Pictures that are made cost more than words. Those that are read cost the same, and stay with the input.
        let image_out = self.image_out.min(self.candidates - audio_out);
        let beside = self.total.saturating_sub(prompt + self.tool_prompt + self.candidates + self.thoughts);
        Some(Tokens {
            input: fresh - audio_in + self.tool_prompt,
            cache_read,
            output: self.candidates - audio_out - image_out,
            reasoning: self.thoughts + beside,
            audio: audio_in + audio_out,
            image: image_out,
            ..Tokens::default()
        })
    }

    fn count(&mut self, at: Place, object: &mut Scan<'_>) -> Result<u64, Stop> {
        let mut written = Digits(None);
        let shape = at.value(object, &mut written)?;
        Ok(counts::read(shape, written.0, &mut self.nonsense).unwrap_or(0))
    }
}

impl<'de> Reader<'de> for Reported {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let is = |known| is_spelling(name, known);
        if is("promptTokenCount") {
            self.prompt = Some(self.count(at, object)?);
        } else if is("candidatesTokenCount") || is("responseTokenCount") {
            self.candidates = self.count(at, object)?;
        } else if is("thoughtsTokenCount") {
            self.thoughts = self.count(at, object)?;
        } else if is("toolUsePromptTokenCount") {
            self.tool_prompt = self.count(at, object)?;
        } else if is("cachedContentTokenCount") {
            self.cached = self.count(at, object)?;
        } else if is("totalTokenCount") {
            self.total = self.count(at, object)?;
        } else if is("promptTokensDetails") {
            self.audio_in = Modalities::read(at, object)?.audio;
        } else if is("cacheTokensDetails") {
            self.audio_cached = Modalities::read(at, object)?.audio;
        } else if is("candidatesTokensDetails") {
            let made = Modalities::read(at, object)?;
            (self.audio_out, self.image_out) = (made.audio, made.image);
        } else {
            at.skip(object)?;
        }
        Ok(())
    }
}

/// The counts of sound and of pictures in a list of counts by modality.
#[derive(Default)]
struct Modalities {
    audio: u64,
    image: u64,
}

impl Modalities {
    fn read(at: Place, object: &mut Scan<'_>) -> Result<Self, Stop> {
        let mut found = Self::default();
        at.value(object, &mut found)?;
        Ok(found)
    }
}

impl<'de> Reader<'de> for Modalities {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut row = Row::default();
        at.value(array, &mut row)?;
        let of_it = match row.modality {
            Modality::Audio => &mut self.audio,
            Modality::Image => &mut self.image,
            Modality::Other => return Ok(()),
        };
        *of_it = of_it.saturating_add(row.count).min(MAX_COUNT);
        Ok(())
    }
}

#[derive(Default)]
struct Row {
    modality: Modality,
    count: u64,
}

impl<'de> Reader<'de> for Row {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name == "modality" {
            at.value(object, &mut self.modality)?;
        } else if is_spelling(name, "tokenCount") {
            if let Shape::Unsigned(count) = at.value(object, &mut Digits(None))? {
                self.count = count;
            }
        } else {
            at.skip(object)?;
        }
        Ok(())
    }
}

#[derive(Default)]
enum Modality {
    Audio,
    Image,
    #[default]
    Other,
}

impl Reader<'_> for Modality {
    fn text(&mut self, text: &str) {
        *self = match text {
            "AUDIO" => Modality::Audio,
            "IMAGE" => Modality::Image,
            _ => Modality::Other,
        };
    }
}

/// A count written as a string of digits.
struct Digits(Option<u64>);

impl Reader<'_> for Digits {
    fn text(&mut self, text: &str) {
        self.0 = text.parse().ok();
    }
}

/// Appends `usageMetadata`. Whatever is neither made nor thought counts as prompt: what was written to a cache has no
/// place of its own, and nothing says on which side sound was.
pub(super) fn write(tokens: &Tokens, members: &mut ObjectWriter<'_>) {
    let made = tokens.output.saturating_add(tokens.image);
    let prompt = tokens.total().saturating_sub(made).saturating_sub(tokens.reasoning);
    members.object("usageMetadata", |usage| {
        usage.plain("promptTokenCount", prompt);
        if tokens.cache_read > 0 {
            usage.plain("cachedContentTokenCount", tokens.cache_read);
        }
        usage.plain("candidatesTokenCount", made);
        if tokens.reasoning > 0 {
            usage.plain("thoughtsTokenCount", tokens.reasoning);
        }
        usage.plain("totalTokenCount", tokens.total());
        let details = [
            ("promptTokensDetails", "AUDIO", tokens.audio),
            ("candidatesTokensDetails", "IMAGE", tokens.image),
        ];
        for (side, modality, count) in details.into_iter().filter(|(_, _, count)| *count > 0) {
            usage.array(side, |rows| {
                rows.object(|row| {
                    row.text("modality", modality);
                    row.plain("tokenCount", count);
                });
            });
        }
    });
}
