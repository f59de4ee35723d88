//! `input`: a text, or items that are objects; and how much of it the model will read.

use serde::de::{MapAccess, SeqAccess};

use crate::json::{Place, Reader, Shape};

/// What one picture, sound or file counts, whatever its own size, as in the other dialects.
const MEDIA_BYTES: usize = 3_000;

/// Members that hold media, inline or by reference.
const MEDIA: [&str; 5] = ["image_url", "file_data", "file_url", "file_id", "input_audio"];

/// The count so far.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Bytes of text.
    pub(super) bytes: usize,
}

impl<'de> Reader<'de> for Input {
    fn text(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        index: usize,
        at: Place<'_>,
        array: &mut A,
    ) -> Result<Option<Shape>, A::Error> {
        match at.item(array, &mut Item(self))? {
            None => Ok(None),
            Some(shape @ Shape::Object { .. }) => Ok(Some(shape)),
            Some(_) => Err(at.refuse(format!("input[{index}]"), "must be an object")),
        }
    }
}

/// One item, or anything in it.
struct Item<'i>(&'i mut Input);

impl<'de> Reader<'de> for Item<'_> {
    fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        if !MEDIA.contains(&name) {
            at.value(object, self)?;
        } else if at.value(object, &mut Uncounted)? != Shape::Null {
            self.0.bytes = self.0.bytes.saturating_add(MEDIA_BYTES);
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

struct Uncounted;

impl Reader<'_> for Uncounted {}
