//! The members of a request that the gate acts on.

use crate::json::look::is_spelling;
use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::fields::{Kept, integer, temperature};
use crate::request::references::References;
use crate::request::weight::Weight;
use crate::request::{Kind, MAX_CHOICES, MAX_LOGPROBS, MAX_STOPS, MAX_TOKENS};

/// The members of one object that were read, by their first spelling.
#[derive(Default)]
pub(super) struct Once(Vec<&'static str>);

impl Once {
    /// Notes one, and refuses it when it is there already.
    pub(super) fn check(&mut self, name: &'static str, field: &str, at: Place) -> Result<(), Stop> {
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

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if is_spelling(name, "inlineData") {
            return self.0.media(|_| at.skip(object));
        }
        if is_spelling(name, "fileData") {
            return self.0.media(|references| at.value(object, &mut FileData(references)).map(|_| ()));
        }
        if is_spelling(name, "thoughtSignature") || name == "role" {
            return at.skip(object);
        }
        at.value(object, self).map(|_| ())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}

/// `fileData`: the address of a file.
struct FileData<'r>(&'r mut References);

impl<'de> Reader<'de> for FileData<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if !is_spelling(name, "fileUri") {
            return at.skip(object);
        }
        let mut address = Kept::default();
        at.value(object, &mut address)?;
        if !is_elsewhere(&address.0) {
            self.0.add(Kind::File, "fileData.fileUri", &address.0);
        }
        Ok(())
    }
}

/// Whether this is plainly an address on the open web. All else is a file that Google keeps for the account, or one in a
/// bucket, which is read with the rights of the account.
fn is_elsewhere(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
        && host.bytes().all(is_plain)
        && !host.contains("googleapis")
}

/// `tools`: all of it is shown to the model.
pub(super) struct Tools<'w> {
    pub(super) weight: &'w mut Weight,
    /// Functions declared in them.
    pub(super) functions: usize,
}

impl<'de> Reader<'de> for Tools<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if is_spelling(name, "functionDeclarations") {
            if let Shape::Array { items } = self.weight.description(at, object)? {
                self.functions += items;
            }
            return Ok(());
        }
        if self.weight.everything(at, object)? != Shape::Null && name == "retrieval" {
            // Whatever it searches belongs to the account, by one of many names.
            self.weight.references.add(Kind::VectorStore, "tools.retrieval", name);
        }
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
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
    pub(super) fn read(&mut self, weight: &mut Weight, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
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
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
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
