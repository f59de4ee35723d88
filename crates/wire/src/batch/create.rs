//! The request to begin a batch, in one strict pass. A member that is not known here is refused: what it would change at the
//! provider is not in the books.

use domain::usage::Surface;

use super::{BAD_ENDPOINT, endpoint, is_name};
use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::Unreadable;
use crate::request::fields::Kept;

/// Notes one batch may carry: OpenAI's own limits, here and below.
const MAX_NOTES: usize = 16;
/// Bytes of a note's name.
const MAX_NOTE_NAME_BYTES: usize = 64;
/// Bytes of a note: 512 characters.
const MAX_NOTE_BYTES: usize = 2_048;
/// Bytes of the word for how long a batch may take.
const MAX_WINDOW_BYTES: usize = 8;
/// How long results may be kept, in seconds: an hour and thirty days.
const KEPT_SECONDS: std::ops::RangeInclusive<u64> = 3_600..=2_592_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The file with the requests, by the provider's name.
    pub input_file: String,
    /// The endpoint they are for.
    pub surface: Surface,
}

/// Reads the body.
///
/// # Errors
/// [`Unreadable`] when it is not strict JSON, not an object, lacks a member, has one that is not known here, or gives one a
/// value it cannot have.
pub fn read(body: &[u8]) -> Result<Create, Unreadable> {
    let mut root = Root::default();
    if !matches!(json::read_strict(body, &mut root)?, Shape::Object { .. }) {
        return Err(Unreadable::NotAnObject);
    }
    let missing = |field: &str| Refused::Field { field: field.to_owned(), problem: "is required" };
    let input_file = root.input_file.ok_or_else(|| missing("input_file_id"))?;
    let surface = root.surface.ok_or_else(|| missing("endpoint"))?;
    if !root.has_window {
        return Err(missing("completion_window").into());
    }
    Ok(Create { input_file, surface })
}

#[derive(Default)]
struct Root {
    input_file: Option<String>,
    surface: Option<Surface>,
    has_window: bool,
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let mut text = Kept::default();
        match name {
            "input_file_id" => match at.value(object, &mut text)? {
                Shape::Text { .. } if is_name(&text.0) => self.input_file = Some(text.0),
                _ => return Err(at.refuse(name, "must be the id of a file")),
            },
            "endpoint" => {
                at.value(object, &mut text)?;
                let surface = endpoint(&text.0).ok_or_else(|| at.refuse(name, BAD_ENDPOINT))?;
                self.surface = Some(surface);
            }
            "completion_window" => {
                at.value(object, &mut text)?;
                if !is_window(&text.0) {
                    return Err(at.refuse(name, "must be a time such as 24h"));
                }
                self.has_window = true;
            }
            "metadata" => match at.value(object, &mut Notes)? {
                Shape::Null => {}
                Shape::Object { members } if members <= MAX_NOTES => {}
                _ => return Err(at.refuse(name, "must be an object of at most 16 strings")),
            },
            "output_expires_after" => {
                let mut expiry = Expiry::default();
                match at.value(object, &mut expiry)? {
                    Shape::Null => {}
                    Shape::Object { .. } if expiry.has_anchor && expiry.has_seconds => {}
                    _ => return Err(at.refuse(name, "must have an anchor and seconds")),
                }
            }
            _ => return Err(at.refuse("body", "has a member that is not known here")),
        }
        Ok(())
    }
}

/// A number of hours or days: `24h`, `7d`.
fn is_window(word: &str) -> bool {
    let count = word.strip_suffix(['h', 'd']).unwrap_or_default();
    !count.is_empty() && word.len() <= MAX_WINDOW_BYTES && count.bytes().all(|byte| byte.is_ascii_digit())
}

/// The caller's own notes.
struct Notes;

impl<'de> Reader<'de> for Notes {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match at.value(object, &mut Kept::default())? {
            Shape::Text { bytes } if bytes <= MAX_NOTE_BYTES && name.len() <= MAX_NOTE_NAME_BYTES => Ok(()),
            _ => {
                Err(at
                    .refuse("metadata", "must hold strings of at most 512 characters by names of at most 64"))
            }
        }
    }
}

/// How long the results are kept.
#[derive(Default)]
struct Expiry {
    has_anchor: bool,
    has_seconds: bool,
}

impl<'de> Reader<'de> for Expiry {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let mut text = Kept::default();
        match name {
            "anchor" => match at.value(object, &mut text)? {
                Shape::Text { .. } if text.0 == "created_at" => self.has_anchor = true,
                _ => return Err(at.refuse("output_expires_after.anchor", "must be created_at")),
            },
            "seconds" => match at.value(object, &mut text)? {
                Shape::Unsigned(seconds) if KEPT_SECONDS.contains(&seconds) => self.has_seconds = true,
                _ => {
                    let problem = "must be an integer from 3600 to 2592000";
                    return Err(at.refuse("output_expires_after.seconds", problem));
                }
            },
            _ => return Err(at.refuse("output_expires_after", "can have an anchor and seconds only")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
