//! The members of a request that the gate acts on.

use serde::de::{Error, MapAccess, SeqAccess};

use crate::dialect::gemini::raw::is_spelling;
use crate::json::{Place, Reader, Shape};
use crate::request::fields::{integer, temperature};
use crate::request::weight::{MEDIA_BYTES, Weight};
use crate::request::{MAX_CHOICES, MAX_LOGPROBS, MAX_STOPS, MAX_TOKENS};

/// The members of one object that were read, by their first spelling.
#[derive(Default)]
pub(super) struct Once(Vec<&'static str>);

impl Once {
    /// Notes one, and refuses it when it is there already.
    pub(super) fn check<E: Error>(
        &mut self,
        name: &'static str,
        field: &str,
        at: Place<'_>,
    ) -> Result<(), E> {
        if self.0.contains(&name) {
            return Err(at.refuse(field, "must not be given in both spellings"));
        }
        self.0.push(name);
        Ok(())
    }
}

/// Counts the text of contents: not their media, which count as such, nor signatures, which nobody reads as text.
pub(super) struct Spoken<'w>(pub(super) &'w mut Weight);

impl<'de> Reader<'de> for Spoken<'_> {
    fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    fn number(&mut self) {
        self.0.number();
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        if is_spelling(name, "inlineData") || is_spelling(name, "fileData") {
            self.0.bytes = self.0.bytes.saturating_add(MEDIA_BYTES);
            return at.skip(object);
        }
        if is_spelling(name, "thoughtSignature") || name == "role" {
            return at.skip(object);
        }
        at.value(object, self).map(|_| ())
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        _index: usize,
        at: Place<'_>,
        array: &mut A,
    ) -> Result<Option<Shape>, A::Error> {
        at.item(array, self)
    }
}

/// `tools`: all of it is shown to the model.
pub(super) struct Tools<'w> {
    pub(super) weight: &'w mut Weight,
    /// Functions declared in them.
    pub(super) functions: usize,
}

impl<'de> Reader<'de> for Tools<'_> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        let shape = self.weight.everything(at, object)?;
        if let (Shape::Array { items }, true) = (shape, is_spelling(name, "functionDeclarations")) {
            self.functions += items;
        }
        Ok(())
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        _index: usize,
        at: Place<'_>,
        array: &mut A,
    ) -> Result<Option<Shape>, A::Error> {
        at.item(array, self)
    }
}

/// What is taken of `generationConfig`.
#[derive(Default)]
pub(super) struct Config {
    pub(super) max_output_tokens: Option<u64>,
    pub(super) choices: u64,
    once: Once,
}

impl Config {
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        weight: &mut Weight,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        match at.value(object, &mut Within { config: self, weight })? {
            Shape::Object { .. } | Shape::Null => Ok(()),
            _ => Err(at.refuse("generationConfig", "must be an object")),
        }
    }
}

struct Within<'c> {
    config: &'c mut Config,
    weight: &'c mut Weight,
}

impl<'de> Reader<'de> for Within<'_> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        const ACTED_ON: [&str; 9] = [
            "maxOutputTokens",
            "candidateCount",
            "temperature",
            "stopSequences",
            "responseSchema",
            "responseJsonSchema",
            "responseLogprobs",
            "thinkingConfig",
            "logprobs",
        ];
        let Some(known) = ACTED_ON.into_iter().find(|known| is_spelling(name, known)) else {
            return at.skip(object);
        };
        let field = format!("generationConfig.{known}");
        self.config.once.check(known, &field, at)?;
        match known {
            "maxOutputTokens" => {
                self.config.max_output_tokens = integer(&field, MAX_TOKENS, at, object)?;
                Ok(())
            }
            "candidateCount" => {
                self.config.choices = integer(&field, MAX_CHOICES, at, object)?.unwrap_or(1);
                Ok(())
            }
            "logprobs" => integer(&field, MAX_LOGPROBS, at, object).map(|_| ()),
            "temperature" => temperature(at, object),
            "stopSequences" => match at.value(object, &mut Weight::default())? {
                Shape::Null | Shape::Text { .. } => Ok(()),
                Shape::Array { items } if items <= MAX_STOPS => Ok(()),
                Shape::Array { .. } => Err(at.refuse(field, "has too many elements")),
                _ => Err(at.refuse(field, "must be an array of strings")),
            },
            "responseSchema" | "responseJsonSchema" => self.weight.everything(at, object).map(|_| ()),
            _ => at.skip(object),
        }
    }
}
