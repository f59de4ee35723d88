//! Forms with files (RFC 7578), taken apart strictly: whatever two readers could understand differently is refused, so that
//! the gate and the upstream see the same parts. Nothing is copied. Refuses to know what any part means.

use std::ops::Range;

use memchr::memmem;

/// Characters of a boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// Parts of one form.
const MAX_PARTS: usize = 128;
/// Bytes of the head of one part.
const MAX_HEAD_BYTES: usize = 4_096;

/// The line between the parts of one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(String);

/// Why a form is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadParts {
    #[error("the body does not begin with the boundary that its content type names")]
    NoBegin,
    #[error("the body ends before its last boundary")]
    NoEnd,
    #[error("something follows the last boundary of the body")]
    Epilogue,
    #[error("a boundary of the body is followed by something other than a line end")]
    BadDelimiter,
    #[error("the body has more than {MAX_PARTS} parts")]
    TooManyParts,
    #[error("a part of the body has a head that is too long, or none that ends")]
    LongHead,
    #[error("a part of the body has a head that is malformed, or that can be read in two ways")]
    BadHead,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<'b> {
    pub(super) name: &'b str,
    /// What the sender calls it, if it is a file.
    pub(crate) filename: Option<&'b str>,
    pub(super) value: &'b [u8],
    /// Where the value lies in the body.
    pub(crate) span: Range<usize>,
    /// Where its head says how long the value is, if it does: the digits.
    pub(crate) length: Option<Range<usize>>,
}

impl Boundary {
    /// The boundary that a media type names; `None` when it is no form, or names none or more than one.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        let (essence, mut rest) = media_type.split_once(';')?;
        if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let mut found = None;
        loop {
            let (name, value) = rest.split_once('=')?;
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => value.find([';', ' ', '\t']).map_or((value, ""), |end| value.split_at(end)),
            };
            if name.trim().eq_ignore_ascii_case("boundary") && found.replace(value).is_some() {
                return None;
            }
            let after = after.trim_start();
            match after.strip_prefix(';') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return None,
            }
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
        found
            .filter(|word| (1..=LONGEST_BOUNDARY).contains(&word.len()) && word.bytes().all(allowed))
            .map(|word| Self(word.to_owned()))
    }

    /// The media type of a form with this boundary.
    #[must_use]
    pub fn media_type(&self) -> String {
        format!("multipart/form-data; boundary=\"{}\"", self.0)
    }

    /// What a line that divides two parts begins with.
    pub(crate) fn line(&self) -> String {
        format!("--{}", self.0)
    }

    /// The parts of `body` in their order.
    pub(super) fn parts<'b>(&self, body: &'b [u8]) -> Result<Vec<Part<'b>>, BadParts> {
        let delimiter = format!("\r\n{}", self.line());
        let finder = memmem::Finder::new(delimiter.as_bytes());
        let first = delimiter.as_bytes().get(2..).unwrap_or_default();
        if !body.starts_with(first) {
            return Err(BadParts::NoBegin);
        }
        let (mut parts, mut at) = (Vec::new(), first.len());
        loop {
            let rest = body.get(at..).unwrap_or_default();
            match rest {
                [b'-', b'-'] | [b'-', b'-', b'\r', b'\n'] => return Ok(parts),
                [b'-', b'-', ..] => return Err(BadParts::Epilogue),
                [b'\r', b'\n', ..] => at += 2,
                [] | [b'\r'] | [b'-'] => return Err(BadParts::NoEnd),
                _ => return Err(BadParts::BadDelimiter),
            }
            if parts.len() >= MAX_PARTS {
                return Err(BadParts::TooManyParts);
            }
            let rest = body.get(at..).unwrap_or_default();
            let window = rest.get(..rest.len().min(MAX_HEAD_BYTES)).unwrap_or_default();
            let head_end = memmem::find(window, b"\r\n\r\n").ok_or(BadParts::LongHead)?;
            let head = Head::read(rest.get(..head_end).unwrap_or_default()).ok_or(BadParts::BadHead)?;
            // The line end before a boundary belongs to it, also where it is the one that ends an empty value's head.
            let start = at + head_end + 4;
            let value = body.get(start..).unwrap_or_default();
            let length = finder.find(value).ok_or(BadParts::NoEnd)?;
            if head.length.is_some_and(|(_, declared)| declared != length) {
                return Err(BadParts::BadHead);
            }
            let value = value.get(..length).unwrap_or_default();
            let span = start..start + length;
            let declared = head.length.map(|(digits, _)| {
                let first = digits.as_ptr().addr().saturating_sub(body.as_ptr().addr());
                first..first + digits.len()
            });
            parts.push(Part { name: head.name, filename: head.filename, value, span, length: declared });
            at = start + length + delimiter.len();
        }
    }
}

/// The head of a part.
struct Head<'b> {
    name: &'b str,
    filename: Option<&'b str>,
    /// How long the value is said to be, as it is written and as a number.
    length: Option<(&'b str, usize)>,
}

impl<'b> Head<'b> {
    fn read(head: &'b [u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?;
        let (mut disposition, mut kind, mut length) = (None, None, None);
        for line in head.split("\r\n") {
            // A bare line end, or a line that goes on, is where readers differ.
            if line.contains(|character: char| character.is_control() && character != '\t') {
                return None;
            }
            let (name, value) = line.split_once(':')?;
            let value = value.trim_matches([' ', '\t']);
            let earlier = if name.eq_ignore_ascii_case("content-disposition") {
                disposition.replace(value)
            } else if name.eq_ignore_ascii_case("content-type") {
                kind.replace(value)
            } else if name.eq_ignore_ascii_case("content-length") {
                length.replace(value)
            } else {
                return None;
            };
            if earlier.is_some() {
                return None;
            }
        }
        let length = match length {
            None => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some((digits, digits.parse().ok()?))
            }
            Some(_) => return None,
        };
        let (name, filename) = named(disposition?)?;
        Some(Self { name, filename, length })
    }
}

/// The name of a part, and that of the file it is, from its disposition.
fn named(disposition: &str) -> Option<(&str, Option<&str>)> {
    let (kind, mut rest) = disposition.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut file) = (None, None);
    loop {
        let (parameter, after) = rest.split_once('=')?;
        let parameter = parameter.trim();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.find([';', ' ', '\t']).map_or((after, ""), |end| after.split_at(end)),
        };
        // Some readers take a backslash for itself, others for a mark of what follows.
        let ambiguous = value.ends_with('\\') || value.contains('"');
        let earlier = if parameter.eq_ignore_ascii_case("name") && !value.contains('\\') {
            name.replace(value)
        } else if parameter.eq_ignore_ascii_case("filename") {
            file.replace(value)
        } else if parameter.eq_ignore_ascii_case("filename*") {
            None
        } else {
            return None;
        };
        if ambiguous || earlier.is_some() {
            return None;
        }
        let after = after.trim_start();
        match after.strip_prefix(';') {
            Some(more) => rest = more,
            None if after.is_empty() => break,
            None => return None,
        }
    }
    name.map(|name| (name, file))
}
