//! What a batch leaves behind: a file with an answer or a failure in each line, in any order, read as it comes in with the
//! memory of one line. No text of it is kept.

use domain::price::Tokens;
use domain::protocol::Protocol;
use domain::usage::Surface;
use memchr::memchr;

use crate::answer::{Answer, Malformed};
use crate::dialect;
use crate::json::{self, Place, Reader as JsonReader, Scan, Shape, Stop};
use crate::request::fields::Kept;
use crate::surfaces;

/// Bytes one line may have; a longer one is passed over and counted.
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// What the lines say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Results {
    /// What the provider says was used, in disjoint kinds.
    pub tokens: Tokens,
    /// Of these, what was used by lines whose prompt is a long one to [`Reader::stepped`].
    pub beyond: Tokens,
    /// Lines with an answer.
    pub answered: u64,
    /// Lines with a failure.
    pub failed: u64,
    /// Lines that are neither, or too long to be read.
    pub unreadable: u64,
    /// Of the lines with an answer, those that do not say what was used.
    pub uncounted: u64,
    /// Bytes of text written in those, for an estimate.
    pub uncounted_bytes: u64,
}

/// Reads the lines of one file, or of several one after another.
#[derive(Debug)]
pub struct Reader {
    surface: Surface,
    from_prompt_tokens: u64,
    line: Vec<u8>,
    is_too_long: bool,
    results: Results,
}

impl Reader {
    /// A reader of answers to this endpoint.
    #[must_use]
    pub fn new(surface: Surface) -> Self {
        Self::stepped(surface, u64::MAX)
    }

    /// The same where prompts of so many tokens or more are billed by other prices, line by line.
    #[must_use]
    pub fn stepped(surface: Surface, from_prompt_tokens: u64) -> Self {
        let (line, results) = (Vec::new(), Results::default());
        Self { surface, from_prompt_tokens, line, is_too_long: false, results }
    }

    /// Reads on. Pieces may be cut anywhere.
    pub fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(length) = memchr(b'\n', rest) {
            let (end, after) = rest.split_at(length);
            self.end_line(end);
            rest = after.get(1..).unwrap_or_default();
        }
        self.keep(rest);
    }

    /// Ends a file whose last line may lack its line end; the next piece begins another.
    pub fn end_file(&mut self) {
        self.end_line(b"");
    }

    /// What all of it says.
    #[must_use]
    pub fn finish(mut self) -> Results {
        self.end_file();
        self.results
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, part: &[u8]) {
        if self.is_too_long {
            return;
        }
        if self.line.len().saturating_add(part.len()) > MAX_LINE_BYTES {
            self.is_too_long = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    /// Reads the line that ends with this part.
    fn end_line(&mut self, part: &[u8]) {
        if self.line.is_empty() && !self.is_too_long && part.len() <= MAX_LINE_BYTES {
            return self.add(part);
        }
        self.keep(part);
        if std::mem::take(&mut self.is_too_long) {
            self.results.unreadable += 1;
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        self.add(&line);
        line.clear();
        self.line = line;
    }
}

impl Reader {
    fn add(&mut self, line: &[u8]) {
        let before = self.results.tokens;
        self.results.tokens = Tokens::default();
        self.results.add(self.surface, line);
        let used = self.results.tokens;
        if used.prompt() >= self.from_prompt_tokens {
            self.results.beyond = self.results.beyond.plus(&used);
        }
        self.results.tokens = before.plus(&used);
    }
}

impl Results {
    fn add(&mut self, surface: Surface, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let mut outer = Line::default();
        if !matches!(json::read_open(line, &mut outer), Ok(Shape::Object { .. })) {
            self.unreadable += 1;
            return;
        }
        let answer = outer.response.body.map(|body| read_answer(surface, body.as_bytes()));
        let failed =
            outer.has_error || outer.response.status.is_some_and(|status| !(200..300).contains(&status));
        if let Some(Ok(Answer { tokens: Some(tokens), .. })) = &answer {
            self.tokens = self.tokens.plus(tokens);
        }
        match answer {
            _ if failed => self.failed += 1,
            Some(Ok(Answer { error: Some(_), .. })) => self.failed += 1,
            Some(Ok(answer)) => {
                self.answered += 1;
                // Nobody counts the tokens of a moderation.
                if answer.tokens.is_none() && surface != Surface::Moderations {
                    self.uncounted += 1;
                    self.uncounted_bytes = self.uncounted_bytes.saturating_add(answer.output_bytes);
                }
            }
            Some(Err(_)) | None => self.unreadable += 1,
        }
    }
}

fn read_answer(surface: Surface, body: &[u8]) -> Result<Answer, Malformed> {
    match surface {
        Surface::Moderations => surfaces::read_answer(surface, body).map(|reported| reported.answer),
        _ => dialect::read_answer(surface.protocol().unwrap_or(Protocol::Chat), surface, body),
    }
}

/// One line: `response` with what the endpoint answered, or `error` where the request was never made.
#[derive(Default)]
struct Line<'de> {
    response: Response<'de>,
    has_error: bool,
}

impl<'de> JsonReader<'de> for Line<'de> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "response" => at.value(object, &mut self.response).map(|_| ()),
            "error" => {
                self.has_error = at.value(object, &mut Kept::default())? != Shape::Null;
                Ok(())
            }
            _ => at.skip(object),
        }
    }
}

#[derive(Default)]
struct Response<'de> {
    status: Option<u64>,
    body: Option<&'de str>,
}

impl<'de> JsonReader<'de> for Response<'de> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "status_code" => {
                if let Shape::Unsigned(status) = at.value(object, &mut Kept::default())? {
                    self.status = Some(status);
                }
                Ok(())
            }
            // Taken as it stands: the reader of its endpoint reads it next.
            "body" => {
                self.body = Some(at.raw(object)?);
                Ok(())
            }
            _ => at.skip(object),
        }
    }
}

#[cfg(test)]
mod tests;
