//! A scanner of JSON texts (RFC 8259): it stands somewhere in a text and takes the next piece of it when it is asked to.
//! Strings without escapes are lent from the text. Refuses to know what is read, and any rule beyond the grammar.

mod number;
mod run;
mod string;

use std::borrow::Cow;

use super::members::Names;
use super::{Fault, Shape};
use run::few_plain_bytes;
pub(super) use run::written_bytes;

/// The reading is over: something was refused.
#[derive(Debug)]
pub struct Stop(pub(super) Box<Fault>);

/// A text that is being read.
#[derive(Debug)]
pub struct Scan<'de> {
    text: &'de str,
    /// What comes next; where a fault was found, the byte behind it.
    at: usize,
    /// Where the name taken last ended.
    name_end: usize,
    /// What the last string with escapes says.
    unescaped: String,
    /// The arrays and objects around what is skimmed, by their opening bytes.
    enclosing: Vec<u8>,
    /// Of the objects around what is read.
    pub(super) names: Names<'de>,
}

impl<'de> Scan<'de> {
    /// Stands before the one value in `text`.
    pub(super) fn new(text: &'de str) -> Self {
        let (unescaped, enclosing, names) = (String::new(), Vec::new(), Names::default());
        let mut scan = Self { text, at: 0, name_end: 0, unescaped, enclosing, names };
        scan.pass_blanks();
        scan
    }

    /// How many bytes have been taken.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The line in which the last byte taken stands, and its place in that line, both from one.
    pub(super) fn line_and_column(&self) -> (usize, usize) {
        let before = self.text.as_bytes().get(..self.at).unwrap_or_default();
        let line = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let lines = memchr::memchr_iter(b'\n', before).count();
        (lines + 1, self.at - line)
    }

    /// The text from `start` to where this stands.
    pub(super) fn since(&self, start: usize) -> &'de str {
        // Both are places beside bytes that are whole characters.
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The next byte, not taken.
    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte beyond white space, not taken.
    pub(super) fn pass_blanks(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Takes the next byte.
    fn take(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        self.at += 1;
        Some(byte)
    }

    /// All bytes that come.
    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// A fault of grammar in the byte taken last.
    #[cold]
    fn fault(&self) -> Stop {
        Stop(Box::new(Fault::Syntax))
    }

    /// A fault of grammar in the byte that comes next.
    #[cold]
    fn fault_ahead(&mut self) -> Stop {
        self.at = self.text.len().min(self.at + 1);
        self.fault()
    }

    /// Nothing but white space may be left.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        match self.pass_blanks() {
            None => Ok(()),
            Some(_) => Err(self.fault_ahead()),
        }
    }

    /// Takes the opening byte of the array or object that stands here.
    pub(super) fn enter(&mut self) {
        self.at += 1;
    }

    /// Whether an array, of which `before` elements have come, has one more, which stands here then.
    pub(super) fn next_element(&mut self, before: usize) -> Result<bool, Stop> {
        match self.pass_blanks() {
            Some(b']') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if before > 0 => self.at += 1,
            Some(_) if before == 0 => return Ok(true),
            _ => return Err(self.fault_ahead()),
        }
        match self.pass_blanks() {
            Some(b']') | None => Err(self.fault_ahead()),
            Some(_) => Ok(true),
        }
    }

    /// Takes the name of the next member of an object of which `before` have come, so that its value stands here; `None`
    /// after the last.
    #[inline]
    pub(super) fn next_name(&mut self, before: usize) -> Result<Option<Cow<'de, str>>, Stop> {
        match self.plain_name(before) {
            Some(name) => Ok(Some(Cow::Borrowed(name))),
            None => self.any_name(before),
        }
    }

    /// The same for a name as machines write most: short, and without white space or escapes. Takes nothing else.
    fn plain_name(&mut self, before: usize) -> Option<&'de str> {
        let mut rest = self.text.get(self.at..)?;
        if before > 0 {
            rest = rest.strip_prefix(',')?;
        }
        rest = rest.strip_prefix('"')?;
        let (name, after) = rest.split_at_checked(few_plain_bytes(rest.as_bytes())?)?;
        let after = after.strip_prefix("\":")?;
        self.at = self.text.len() - after.len();
        self.name_end = self.at - 1;
        self.pass_blanks();
        Some(name)
    }

    fn any_name(&mut self, before: usize) -> Result<Option<Cow<'de, str>>, Stop> {
        if !self.next_quote(before)? {
            return Ok(None);
        }
        let name = match self.plain_string() {
            Some(name) => Cow::Borrowed(name),
            None => {
                self.unescape()?;
                Cow::Owned(self.unescaped.clone())
            }
        };
        self.name_end = self.at;
        self.colon()?;
        Ok(Some(name))
    }

    /// The name taken last is one too many.
    #[cold]
    pub(super) fn duplicate(&mut self) -> Stop {
        self.at = self.name_end;
        Stop(Box::new(Fault::Duplicate))
    }

    /// Takes the quote that opens the next name, if there is one.
    fn next_quote(&mut self, before: usize) -> Result<bool, Stop> {
        let mut next = self.pass_blanks();
        if next == Some(b',') && before > 0 {
            self.at += 1;
            next = self.pass_blanks();
        } else if next == Some(b'}') {
            self.at += 1;
            return Ok(false);
        } else if before > 0 {
            return Err(self.fault_ahead());
        }
        if next != Some(b'"') {
            return Err(self.fault_ahead());
        }
        self.at += 1;
        Ok(true)
    }

    /// Takes the colon after a name, and stands before the value.
    fn colon(&mut self) -> Result<(), Stop> {
        if self.pass_blanks() != Some(b':') {
            return Err(self.fault_ahead());
        }
        self.at += 1;
        self.pass_blanks();
        Ok(())
    }

    /// What the string that stands here says.
    pub(super) fn text(&mut self) -> Result<&str, Stop> {
        self.at += 1;
        if let Some(text) = self.plain_string() {
            return Ok(text);
        }
        self.unescape()?;
        Ok(&self.unescaped)
    }

    /// What is neither string, number, array nor object.
    pub(super) fn literal(&mut self) -> Result<Shape, Stop> {
        match self.byte() {
            Some(b'n') => self.word(b"null").map(|()| Shape::Null),
            Some(b't') => self.word(b"true").map(|()| Shape::Bool(true)),
            Some(b'f') => self.word(b"false").map(|()| Shape::Bool(false)),
            _ => Err(self.fault_ahead()),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Stop> {
        for &letter in word {
            if self.take() != Some(letter) {
                return Err(self.fault());
            }
        }
        Ok(())
    }

    /// Passes over the value that stands here. Only its grammar counts: a number may be of any size, and half of a
    /// surrogate pair may be escaped.
    pub(super) fn skim(&mut self) -> Result<(), Stop> {
        match self.byte() {
            Some(b'[' | b'{') => self.skim_nested(),
            _ => self.skim_plain(),
        }
    }

    fn skim_plain(&mut self) -> Result<(), Stop> {
        match self.byte() {
            Some(b'"') => {
                self.at += 1;
                self.skim_string()
            }
            Some(b'-' | b'0'..=b'9') => self.skim_number(),
            _ => self.literal().map(|_| ()),
        }
    }

    /// The same for an array or object, however deep others lie in it.
    fn skim_nested(&mut self) -> Result<(), Stop> {
        self.enclosing.clear();
        loop {
            // Members or elements that have come of the innermost array or object: none or some.
            let mut before = 1;
            if let Some(frame @ (b'[' | b'{')) = self.byte() {
                self.at += 1;
                self.enclosing.push(frame);
                before = 0;
            } else {
                self.skim_plain()?;
            }
            while !self.goes_on(before)? {
                self.enclosing.pop();
                before = 1;
            }
            if self.enclosing.is_empty() {
                return Ok(());
            }
        }
    }

    /// Whether the innermost array or object that is skimmed has another value, which stands here then; true also where
    /// none is left.
    fn goes_on(&mut self, before: usize) -> Result<bool, Stop> {
        match self.enclosing.last().copied() {
            None => Ok(true),
            Some(b'[') => self.next_element(before),
            Some(_) if self.next_quote(before)? => {
                self.skim_string()?;
                self.colon().map(|()| true)
            }
            Some(_) => Ok(false),
        }
    }
}
