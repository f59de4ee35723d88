//! The members of a request that the gate acts on: each one's type and bounds.

use std::ops::Range;

use serde::de::{MapAccess, SeqAccess};

use super::super::rewrite::UsageAsked;
use super::weight::Weight;
use crate::json::{Place, Reader, Shape};

/// Bytes a model's name may have.
const MAX_MODEL_BYTES: usize = 256;

/// Highest sampling temperature of the protocol.
const MAX_TEMPERATURE: f64 = 2.0;

/// Characters that change how others are shown or cannot be seen, beside the control characters: soft hyphen,
/// Arabic and Mongolian marks, zero-width and bidirectional characters, separators, byte order mark,
/// annotations and tags.
const INVISIBLE: [(char, char); 9] = [
    ('\u{00ad}', '\u{00ad}'),
    ('\u{061c}', '\u{061c}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{e0000}', '\u{e007f}'),
];

/// Keeps a string.
#[derive(Default)]
struct Kept(String);

impl Reader<'_> for Kept {
    fn text(&mut self, text: &str) {
        text.clone_into(&mut self.0);
    }
}

/// The model's name and where its value lies.
pub(super) fn model_name<'de, A: MapAccess<'de>>(
    at: Place<'_>,
    object: &mut A,
) -> Result<(String, Range<usize>), A::Error> {
    let mut name = Kept::default();
    let hidden =
        |c: char| c.is_control() || INVISIBLE.iter().any(|&(first, last)| (first..=last).contains(&c));
    match at.spanned(object, &mut name)? {
        (Shape::Text { bytes: 0 }, _) => Err(at.refuse("model", "must not be empty")),
        (Shape::Text { bytes }, _) if bytes > MAX_MODEL_BYTES => {
            Err(at.refuse("model", "is longer than 256 bytes"))
        }
        (Shape::Text { .. }, _) if name.0.contains(hidden) => {
            Err(at.refuse("model", "must not hold control or invisible characters"))
        }
        (Shape::Text { .. }, span) => Ok((name.0, span)),
        _ => Err(at.refuse("model", "must be a string")),
    }
}

/// `true`, `false` or `null`, which is `false`.
pub(super) fn boolean<'de, A: MapAccess<'de>>(
    name: &str,
    at: Place<'_>,
    object: &mut A,
) -> Result<bool, A::Error> {
    match at.value(object, &mut Kept::default())? {
        Shape::Null => Ok(false),
        Shape::Bool(value) => Ok(value),
        _ => Err(at.refuse(name, "must be true or false")),
    }
}

/// An integer from 0 to `most`, or `null`.
pub(super) fn integer<'de, A: MapAccess<'de>>(
    name: &str,
    most: u64,
    at: Place<'_>,
    object: &mut A,
) -> Result<Option<u64>, A::Error> {
    match at.value(object, &mut Kept::default())? {
        Shape::Null => Ok(None),
        Shape::Unsigned(value) if value <= most => Ok(Some(value)),
        Shape::Unsigned(_) => Err(at.refuse(name, "is too large")),
        _ => Err(at.refuse(name, "must be an integer of zero or more")),
    }
}

/// A number from 0 to 2, or `null`.
pub(super) fn temperature<'de, A: MapAccess<'de>>(at: Place<'_>, object: &mut A) -> Result<(), A::Error> {
    match at.value(object, &mut Kept::default())? {
        Shape::Null | Shape::Unsigned(0..=2) => Ok(()),
        Shape::Float(value) if (0.0..=MAX_TEMPERATURE).contains(&value) => Ok(()),
        _ => Err(at.refuse("temperature", "must be a number from 0 to 2")),
    }
}

/// `messages`: each an object with a role, its content text, parts, or nothing.
pub(super) struct Messages<'w> {
    pub(super) weight: &'w mut Weight,
}

impl<'de> Reader<'de> for Messages<'_> {
    fn element<A: SeqAccess<'de>>(
        &mut self,
        index: usize,
        at: Place<'_>,
        array: &mut A,
    ) -> Result<Option<Shape>, A::Error> {
        let mut message = Message { index, has_role: false, weight: self.weight };
        let shape = at.item(array, &mut message)?;
        match shape {
            None => Ok(None),
            Some(Shape::Object { .. }) if message.has_role => Ok(shape),
            Some(Shape::Object { .. }) => Err(at.refuse(format!("messages[{index}].role"), "is required")),
            Some(_) => Err(at.refuse(format!("messages[{index}]"), "must be an object")),
        }
    }
}

struct Message<'w> {
    index: usize,
    has_role: bool,
    weight: &'w mut Weight,
}

impl<'de> Reader<'de> for Message<'_> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        let index = self.index;
        match name {
            "role" => match at.value(object, &mut Kept::default())? {
                Shape::Text { bytes } if bytes > 0 => self.has_role = true,
                _ => return Err(at.refuse(format!("messages[{index}].role"), "must be a string")),
            },
            "content" => match at.value(object, self.weight)? {
                Shape::Text { .. } | Shape::Array { .. } | Shape::Null => {}
                _ => {
                    let problem = "must be a string, an array of parts, or null";
                    return Err(at.refuse(format!("messages[{index}].content"), problem));
                }
            },
            _ => {
                self.weight.member(name, at, object)?;
            }
        }
        Ok(())
    }
}

/// `stream_options`: whether usage is asked for, and where that would be written.
#[derive(Default)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
    span: Option<Range<usize>>,
    members: usize,
    is_object: bool,
    flag: Option<Range<usize>>,
}

impl StreamOptions {
    pub(super) fn read<'de, A: MapAccess<'de>>(at: Place<'_>, object: &mut A) -> Result<Self, A::Error> {
        let mut options = Self::default();
        let (shape, span) = at.spanned(object, &mut options)?;
        match shape {
            Shape::Null => {}
            Shape::Object { members } => (options.is_object, options.members) = (true, members),
            _ => return Err(at.refuse("stream_options", "must be an object")),
        }
        options.span = Some(span);
        Ok(options)
    }

    /// How `body`, whose answer is streamed, must be changed so that usage is asked for.
    pub(super) fn asked(&self, body: &[u8]) -> UsageAsked {
        match (&self.span, &self.flag) {
            (_, Some(_)) if self.include_usage => UsageAsked::Untouched,
            (_, Some(flag)) => UsageAsked::Flag(flag.clone()),
            (Some(span), None) if !self.is_object => UsageAsked::Options(span.clone()),
            (Some(span), None) if self.members == 0 => UsageAsked::Options(span.clone()),
            (Some(span), None) => UsageAsked::FirstOption(span.start + 1),
            (None, None) => {
                let brace = body.iter().position(|&byte| byte == b'{').unwrap_or_default();
                UsageAsked::FirstMember(brace + 1)
            }
        }
    }
}

impl<'de> Reader<'de> for StreamOptions {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        if name != "include_usage" {
            return at.skip(object);
        }
        let (shape, span) = at.spanned(object, &mut Kept::default())?;
        match shape {
            Shape::Null => {}
            Shape::Bool(value) => self.include_usage = value,
            _ => return Err(at.refuse("stream_options.include_usage", "must be true or false")),
        }
        self.flag = Some(span);
        Ok(())
    }
}
