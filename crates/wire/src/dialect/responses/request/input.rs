//! `input`: a text, or items that are objects; and how much of it the model will read.

use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::Kind;
use crate::request::fields::Kept;
use crate::request::references::{References, named};

/// What one picture, sound or file counts, whatever its own size, as in the other dialects.
const MEDIA_BYTES: usize = 3_000;

/// Members that hold media, inline or by reference.
const MEDIA: [&str; 5] = ["image_url", "file_data", "file_url", "file_id", "input_audio"];

/// The count so far.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Bytes of text.
    pub(super) bytes: usize,
    /// Kept things that items name.
    pub(super) references: References,
}

impl<'de> Reader<'de> for Input {
    fn text(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
    }

    fn element(&mut self, index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut item = Outermost { within: Item(self), kind: None, id: String::new(), has_role: false };
        let shape = at.value(array, &mut item)?;
        item.note();
        match shape {
            Shape::Object { .. } => Ok(()),
            _ => Err(at.refuse(format!("input[{index}]"), "must be an object")),
        }
    }
}

/// One item. By its type, or without a type and a role, it is only the name of one that the provider keeps.
struct Outermost<'i> {
    within: Item<'i>,
    kind: Option<String>,
    id: String,
    has_role: bool,
}

impl Outermost<'_> {
    fn note(self) {
        let is_reference = match self.kind.as_deref() {
            Some(kind) => kind == "item_reference",
            None => !self.has_role,
        };
        if is_reference {
            self.within.0.references.add(Kind::Item, "input.id", &self.id);
        }
    }

    /// The text of the member just named, which is counted.
    fn text_of(&mut self, at: Place, object: &mut Scan<'_>) -> Result<Option<String>, Stop> {
        let mut text = Kept::default();
        let shape = at.value(object, &mut text)?;
        self.within.text(&text.0);
        Ok(matches!(shape, Shape::Text { .. }).then_some(text.0))
    }
}

impl<'de> Reader<'de> for Outermost<'_> {
    fn text(&mut self, text: &str) {
        self.within.text(text);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "type" => self.kind = self.text_of(at, object)?,
            "id" => self.id = self.text_of(at, object)?.unwrap_or_default(),
            _ => {
                self.has_role |= name == "role";
                self.within.member(name, at, object)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        self.within.element(index, at, array)
    }
}

/// One item, or anything in it.
struct Item<'i>(&'i mut Input);

impl<'de> Reader<'de> for Item<'_> {
    fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let is_media = MEDIA.contains(&name);
        let shape = match named(name) {
            Some((kind, field)) => self.0.references.read(kind, field, at, object)?,
            None if is_media => at.value(object, &mut Uncounted)?,
            None => at.value(object, self)?,
        };
        if is_media && shape != Shape::Null {
            self.0.bytes = self.0.bytes.saturating_add(MEDIA_BYTES);
        }
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}

struct Uncounted;

impl Reader<'_> for Uncounted {}
