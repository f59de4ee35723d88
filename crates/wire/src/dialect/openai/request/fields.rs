//! The members of an OpenAI request that the gate acts on and that no other dialect has.

use std::ops::Range;

use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::Kind;
use crate::request::fields::Kept;
use crate::request::references::References;
use crate::request::rewrite::UsageAsked;
use crate::request::weight::Weight;

/// `messages`: each an object with a role, its content text, parts, or nothing.
pub(super) struct Messages<'w> {
    pub(super) weight: &'w mut Weight,
}

impl<'de> Reader<'de> for Messages<'_> {
    fn element(&mut self, index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut message = Message { index, has_role: false, weight: self.weight };
        let shape = at.value(array, &mut message)?;
        match shape {
            Shape::Object { .. } if message.has_role => Ok(()),
            Shape::Object { .. } => Err(at.refuse(format!("messages[{index}].role"), "is required")),
            _ => Err(at.refuse(format!("messages[{index}]"), "must be an object")),
        }
    }
}

struct Message<'w> {
    index: usize,
    has_role: bool,
    weight: &'w mut Weight,
}

impl<'de> Reader<'de> for Message<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
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
            // Holds no sound but the name of one that the model made.
            "audio" => self.weight.media(|references| at.value(object, &mut Said(references)).map(|_| ()))?,
            _ => {
                self.weight.member(name, at, object)?;
            }
        }
        Ok(())
    }
}

/// What the model said aloud in an earlier answer.
struct Said<'r>(&'r mut References);

impl<'de> Reader<'de> for Said<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "id" => self.0.read(Kind::Item, "audio.id", at, object).map(|_| ()),
            _ => at.skip(object),
        }
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
    pub(super) fn read(at: Place, object: &mut Scan<'_>) -> Result<Self, Stop> {
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
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
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
