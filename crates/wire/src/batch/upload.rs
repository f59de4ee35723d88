//! The form with which a file is brought: what it is for, what it is called and where in the form it lies. Whatever two
//! readers could understand differently is refused.

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use crate::surfaces::{BadForm, Boundary, Parts};

/// Bytes the name of a file may have.
const MAX_FILENAME_BYTES: usize = 512;
/// Bytes of the word for what a file is for.
const MAX_PURPOSE_BYTES: usize = 64;
/// How long a file may be kept, in seconds: OpenAI's own bounds, an hour and thirty days.
const KEPT_SECONDS: std::ops::RangeInclusive<u32> = 3_600..=2_592_000;

/// The parts a form may have.
const KNOWN: [&str; 4] = ["purpose", "file", "expires_after[anchor]", "expires_after[seconds]"];

/// A form that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// What the file is for, in the caller's word.
    pub purpose: String,
    /// What the caller calls it.
    pub filename: String,
    /// Where its content lies in the form.
    pub content: Range<usize>,
    /// The boundary without its line end.
    boundary: Boundary,
    /// Where the head of the file's part says how long the content is, if it does.
    length: Option<Range<usize>>,
}

/// Reads the form.
///
/// # Errors
/// [`BadForm`] when it can be read in two ways, lacks a part, or has one that is not known here or twice.
pub fn read(boundary: &Boundary, body: &[u8]) -> Result<Upload, BadForm> {
    let parts = Parts::read(boundary, body)?;
    if let Some(at) = parts.names().find(|name| !KNOWN.contains(name)) {
        // The part's own name is not repeated: it may be long, and hold anything.
        let problem = if at.starts_with("expires_after") {
            "can have an anchor and seconds only"
        } else {
            "can only go with purpose and expires_after"
        };
        return Err(refuse(if at.starts_with("expires_after") { "expires_after" } else { "file" }, problem));
    }
    let purpose = parts.text("purpose")?.ok_or_else(|| refuse("purpose", "is required"))?;
    let is_word =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if !(1..=MAX_PURPOSE_BYTES).contains(&purpose.len()) || !purpose.bytes().all(is_word) {
        return Err(refuse("purpose", "must be a word of small letters"));
    }
    match (parts.text("expires_after[anchor]")?, parts.text("expires_after[seconds]")?) {
        (None, None) => {}
        (Some("created_at"), Some(seconds)) => {
            if !seconds.parse().is_ok_and(|seconds: u32| KEPT_SECONDS.contains(&seconds)) {
                return Err(refuse("expires_after[seconds]", "must be an integer from 3600 to 2592000"));
            }
        }
        (Some(_), Some(_)) => return Err(refuse("expires_after[anchor]", "must be created_at")),
        _ => return Err(refuse("expires_after", "must have an anchor and seconds")),
    }
    let file = parts.part("file")?.ok_or_else(|| refuse("file", "is required"))?;
    let filename = file.filename.ok_or_else(|| refuse("file", "must be a file"))?;
    if !(1..=MAX_FILENAME_BYTES).contains(&filename.len()) {
        return Err(refuse("file", "must have a name of 1 to 512 bytes"));
    }
    Ok(Upload {
        purpose: purpose.to_owned(),
        filename: filename.to_owned(),
        content: file.span.clone(),
        boundary: boundary.clone(),
        length: file.length.clone(),
    })
}

impl Upload {
    /// The form with another content: byte for byte `body` (the one that was read) but for the content, and for its length
    /// where the form tells it. `None` for a content that would not stay within its part.
    #[must_use]
    pub fn rewrite(&self, body: &[u8], content: &[u8]) -> Option<Bytes> {
        let line = self.boundary.line();
        let ends_part = |at: usize| {
            at.checked_sub(1).is_none_or(|before| matches!(content.get(before), Some(b'\n' | b'\r')))
        };
        if memmem::find_iter(content, line.as_bytes()).any(ends_part) {
            return None;
        }
        let after = body.get(self.content.end..)?;
        let mut out = Vec::with_capacity(body.len().saturating_add(content.len()));
        match &self.length {
            None => out.extend_from_slice(body.get(..self.content.start)?),
            Some(digits) => {
                out.extend_from_slice(body.get(..digits.start)?);
                out.extend_from_slice(content.len().to_string().as_bytes());
                out.extend_from_slice(body.get(digits.end..self.content.start)?);
            }
        }
        out.extend_from_slice(content);
        out.extend_from_slice(after);
        Some(out.into())
    }
}

fn refuse(field: &'static str, problem: &'static str) -> BadForm {
    BadForm::Field { field, problem }
}

#[cfg(test)]
mod tests;
