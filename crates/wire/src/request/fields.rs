//! Members of a request that the gate acts on and that several dialects share: each one's type and bounds.

use std::ops::Range;

use crate::json::{Place, Reader, Scan, Shape, Stop};

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
pub(crate) struct Kept(pub(crate) String);

impl Reader<'_> for Kept {
    fn text(&mut self, text: &str) {
        text.clone_into(&mut self.0);
    }
}

/// The model's name and where its value lies.
pub(crate) fn model_name(at: Place, object: &mut Scan<'_>) -> Result<(String, Range<usize>), Stop> {
    let mut name = Kept::default();
    match at.spanned(object, &mut name)? {
        (Shape::Text { .. }, span) => match name_problem(&name.0) {
            Some(problem) => Err(at.refuse("model", problem)),
            None => Ok((name.0, span)),
        },
        _ => Err(at.refuse("model", "must be a string")),
    }
}

/// What is wrong with a model's name, wherever it stands.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
    let hidden =
        |c: char| c.is_control() || INVISIBLE.iter().any(|&(first, last)| (first..=last).contains(&c));
    match name.len() {
        0 => Some("must not be empty"),
        bytes if bytes > MAX_MODEL_BYTES => Some("is longer than 256 bytes"),
        _ if name.contains(hidden) => Some("must not hold control or invisible characters"),
        _ => None,
    }
}

/// `true`, `false` or `null`, which is `false`.
pub(crate) fn boolean(name: &str, at: Place, object: &mut Scan<'_>) -> Result<bool, Stop> {
    match at.value(object, &mut Kept::default())? {
        Shape::Null => Ok(false),
        Shape::Bool(value) => Ok(value),
        _ => Err(at.refuse(name, "must be true or false")),
    }
}

/// An integer from 0 to `most`, or `null`.
pub(crate) fn integer(name: &str, most: u64, at: Place, object: &mut Scan<'_>) -> Result<Option<u64>, Stop> {
    match at.value(object, &mut Kept::default())? {
        Shape::Null => Ok(None),
        Shape::Unsigned(value) if value <= most => Ok(Some(value)),
        Shape::Unsigned(_) => Err(at.refuse(name, "is too large")),
        _ => Err(at.refuse(name, "must be an integer of zero or more")),
    }
}

/// A number from 0 to 2, or `null`.
pub(crate) fn temperature(at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
    match at.value(object, &mut Kept::default())? {
        Shape::Null | Shape::Unsigned(0..=2) => Ok(()),
        Shape::Float(value) if (0.0..=MAX_TEMPERATURE).contains(&value) => Ok(()),
        _ => Err(at.refuse("temperature", "must be a number from 0 to 2")),
    }
}
