//! The file of requests for a batch: one request a line, each read as strictly as one that comes alone, all of them to one
//! endpoint and one model. Only the model changes on the way to a provider; every other byte stays.

mod line;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use domain::usage::Surface;
use memchr::memchr;

use crate::dialect::{openai, responses};
use crate::json::push_text;
use crate::request::{Continued, Kind, MAX_REFERENCES, Reference, Request, Unreadable};
use crate::surfaces;
use line::{Fault, Line};

/// Requests one batch may have: OpenAI's own limit.
pub const MAX_LINES: u32 = 50_000;

/// What a file of requests asks for. The file itself stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// The endpoint of all of them.
    pub surface: Surface,
    /// The model of all of them as the caller wrote it.
    pub model: String,
    /// How many there are, at least 1.
    pub count: u32,
    /// Bytes of text the model will read in all, for estimates.
    pub input_bytes: u64,
    /// What they name that a provider's account keeps, each thing once and by the first line that names it.
    pub references: Vec<Named>,
    models: Vec<Range<usize>>,
}

/// Something kept that a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The line, from 1.
    pub line: u32,
    /// What it names.
    pub reference: Reference,
}

/// A line that is refused, and the file with it. Its display is the message for the caller and holds nothing of the file
/// but names of members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadLine {
    /// The line, from 1.
    pub line: u32,
    /// The member at fault, `body.messages`; none where it is the line as a whole.
    pub field: Option<String>,
    problem: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(formatter, "line {}: {field} {}", self.line, self.problem),
            None => write!(formatter, "line {} {}", self.line, self.problem),
        }
    }
}

/// Reads a file of requests.
///
/// # Errors
/// [`BadLine`] for the first line that is not a request of its own, has a name that another has, or another endpoint or
/// model than the first.
pub fn read(bytes: &[u8]) -> Result<Lines, BadLine> {
    let end = bytes
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .map_or(0, |last| last + 1);
    let mut file = File::default();
    let (mut start, mut number) = (0, 1);
    loop {
        let rest = bytes.get(start..end).unwrap_or_default();
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        file.add(start, line).map_err(|fault| fault.at(number))?;
        start += length + 1;
        if start >= end {
            break;
        }
        number += 1;
    }
    let Some((surface, model)) = file.shared else { return Err(Fault::line("is empty").at(number)) };
    Ok(Lines {
        surface,
        model,
        count: number,
        input_bytes: file.input_bytes,
        references: file.references,
        models: file.models,
    })
}

impl Lines {
    /// The file for a provider: byte for byte `bytes` (the one that was read) except that the model of each line is `model`.
    #[must_use]
    pub fn rewrite(&self, bytes: &[u8], model: &str) -> Bytes {
        let mut name = Vec::with_capacity(model.len() + 2);
        push_text(&mut name, model);
        let added = self.models.len().saturating_mul(name.len());
        let mut out = Vec::with_capacity(bytes.len().saturating_add(added));
        let mut copied = 0;
        for span in &self.models {
            out.extend_from_slice(bytes.get(copied..span.start).unwrap_or_default());
            out.extend_from_slice(&name);
            copied = span.end;
        }
        out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        out.into()
    }
}

/// What was read so far.
#[derive(Default)]
struct File {
    shared: Option<(Surface, String)>,
    names: HashSet<String>,
    kept: HashSet<(Kind, String)>,
    references: Vec<Named>,
    models: Vec<Range<usize>>,
    input_bytes: u64,
}

impl File {
    /// Adds the line that begins so many bytes into the file.
    fn add(&mut self, start: usize, line: &[u8]) -> Result<(), Fault> {
        let number = u32::try_from(self.models.len()).unwrap_or(u32::MAX).saturating_add(1);
        if number > MAX_LINES {
            return Err(Fault::line(format!("is one too many: a batch has at most {MAX_LINES} requests")));
        }
        if line.trim_ascii().is_empty() {
            return Err(Fault::line("is empty"));
        }
        // Within a line it would be white space to one reader and a line end to another.
        if line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r') {
            return Err(Fault::line("has a carriage return that does not end it"));
        }
        let Line { custom_id, surface, body } = Line::read(line)?;
        let begins = body.as_ptr().addr().saturating_sub(line.as_ptr().addr());
        let request = read_body(surface, body).map_err(|unreadable| match unreadable {
            Unreadable::Json(refused) => Fault::of(refused, begins, "body."),
            Unreadable::NotAnObject => Fault::field("body", "must be an object"),
        })?;
        forbid(&request)?;
        if !self.names.insert(custom_id) {
            return Err(Fault::field("custom_id", "is that of an earlier line"));
        }
        let (first_surface, first_model) =
            self.shared.get_or_insert_with(|| (surface, request.model.clone()));
        if *first_surface != surface {
            return Err(Fault::field("url", "must be the same in all lines"));
        }
        if *first_model != request.model {
            return Err(Fault::field("body.model", "must be the same in all lines"));
        }
        let span = request.model_span.ok_or_else(|| Fault::field("body.model", "is required"))?;
        let from = start.saturating_add(begins);
        self.models.push(from.saturating_add(span.start)..from.saturating_add(span.end));
        self.input_bytes =
            self.input_bytes.saturating_add(u64::try_from(request.input_bytes).unwrap_or(u64::MAX));
        for reference in request.references {
            if self.kept.insert((reference.kind, reference.id.clone())) {
                if self.references.len() >= MAX_REFERENCES {
                    let problem = "names one kept thing too many: a batch names at most 1000";
                    return Err(Fault::field(format!("body.{}", reference.field), problem));
                }
                self.references.push(Named { line: number, reference });
            }
        }
        Ok(())
    }
}

fn read_body(surface: Surface, body: &[u8]) -> Result<Request, Unreadable> {
    match surface {
        Surface::Responses => responses::read(body),
        Surface::Moderations => surfaces::read(surface, body).map(|asked| asked.request),
        _ => openai::read(surface, body),
    }
}

/// Refuses what has no meaning in a batch, or one that the books could not follow.
fn forbid(request: &Request) -> Result<(), Fault> {
    match &request.continues {
        _ if request.stream => Err(Fault::field("body.stream", "must not be true in a batch")),
        Some(Continued::Answer(_)) => {
            Err(Fault::field("body.previous_response_id", "cannot be used in a batch"))
        }
        Some(Continued::Conversation(_)) => {
            Err(Fault::field("body.conversation", "cannot be used in a batch"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
