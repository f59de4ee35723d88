//! How much text a model will read: a rough count of bytes for estimates, never for refusals.

use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::references::{self, Kind, References};

/// What one picture, sound or file counts, whatever its own size: about 750 tokens, the middle of what
/// providers charge for an ordinary picture.
pub(crate) const MEDIA_BYTES: usize = 3_000;

/// What a number counts where token numbers may stand in place of text: one token.
const TOKEN_BYTES: usize = 4;

/// Parts that hold media, inline or by reference: their text is not read as text.
const MEDIA: [&str; 6] = ["image_url", "input_audio", "file", "audio", "video_url", "image"];

/// What of a value is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Counted {
    /// The strings, and numbers as tokens.
    #[default]
    Text,
    /// Names of members, too: tools and schemas are shown to the model whole.
    Everything,
    /// Nothing: within media.
    Nothing,
}

/// The count so far.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    /// Bytes counted.
    pub(crate) bytes: usize,
    /// Kept things that were named.
    pub(crate) references: References,
    counted: Counted,
    /// What a text names that comes next.
    naming: Option<(Kind, &'static str)>,
    /// Whether this is a description of values, in which nothing is named.
    describing: bool,
}

impl Weight {
    /// Counts the value of the member just named, with the names in it.
    pub(crate) fn everything(&mut self, at: Place, object: &mut Scan<'_>) -> Result<Shape, Stop> {
        self.within(Counted::Everything, |weight| at.value(object, weight))
    }

    /// Counts media and reads what it names.
    pub(crate) fn media<T>(&mut self, read: impl FnOnce(&mut References) -> T) -> T {
        self.bytes = self.bytes.saturating_add(MEDIA_BYTES);
        read(&mut self.references)
    }

    /// Counts the value of the member just named, which describes what values look like, with the names in it.
    pub(crate) fn description(&mut self, at: Place, object: &mut Scan<'_>) -> Result<Shape, Stop> {
        let outer = std::mem::replace(&mut self.describing, true);
        let shape = self.everything(at, object);
        self.describing = outer;
        shape
    }

    fn within<T>(&mut self, counted: Counted, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.counted, counted);
        let value = read(self);
        self.counted = outer;
        value
    }
}

impl<'de> Reader<'de> for Weight {
    fn text(&mut self, text: &str) {
        if self.counted != Counted::Nothing {
            self.bytes = self.bytes.saturating_add(text.len());
        }
        if let Some((kind, field)) = self.naming {
            self.references.add(kind, field, text);
        }
    }

    fn number(&mut self) {
        if self.counted != Counted::Nothing {
            self.bytes = self.bytes.saturating_add(TOKEN_BYTES);
        }
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let counted = match self.counted {
            Counted::Text if MEDIA.contains(&name) => {
                self.bytes = self.bytes.saturating_add(MEDIA_BYTES);
                Counted::Nothing
            }
            Counted::Everything => {
                self.bytes = self.bytes.saturating_add(name.len());
                Counted::Everything
            }
            counted => counted,
        };
        // Elsewhere than in definitions, callers choose some names themselves.
        let is_definition = counted == Counted::Everything;
        let describing = self.describing || (is_definition && references::describes(name));
        let naming = match name {
            _ if describing => None,
            "model" if is_definition => Some(references::TOOL_MODEL),
            _ => references::named(name),
        };
        let outer = (
            std::mem::replace(&mut self.describing, describing),
            std::mem::replace(&mut self.naming, naming),
        );
        let read = self.within(counted, |weight| at.value(object, weight));
        (self.describing, self.naming) = outer;
        read.map(|_| ())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}
