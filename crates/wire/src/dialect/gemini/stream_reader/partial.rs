//! The arguments of a call that come leaf by leaf, each under its path (`$.places[0].name`), written as the JSON text
//! they make while they come. Models write their arguments in order, so that nothing of them need be kept but the names
//! in the objects that are still open.

use std::collections::HashSet;

use crate::json::push_text;

/// Arrays and objects that may lie in each other.
const MOST_LEVELS: usize = 64;
/// Bytes of names that are kept of the objects that are open.
const MOST_NAME_BYTES: usize = 64 * 1024;
/// Elements of an array that may be passed over; they become null.
const MOST_GAP: usize = 1_024;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// What comes at a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'l> {
    /// A piece of a string; more at the same path continues it.
    Text(&'l str),
    /// JSON of a number, a boolean or null.
    Plain(&'l str),
}

/// The path cannot be read, or leads back to what is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfOrder;

#[derive(Debug)]
enum Level {
    Object { names: HashSet<String> },
    Array { next: usize },
}

/// The arguments so far.
#[derive(Debug, Default)]
pub(super) struct Partial {
    levels: Vec<Level>,
    /// The steps that led to the level that is open, and from there to the string that is open.
    steps: Vec<Step>,
    in_text: bool,
    name_bytes: usize,
}

impl Partial {
    /// Appends to `out` what the text gains by `leaf` at `path`.
    pub(super) fn grow(&mut self, path: &str, leaf: Leaf<'_>, out: &mut Vec<u8>) -> Result<(), OutOfOrder> {
        let path =
            parse(path).filter(|path| !path.is_empty() && path.len() < MOST_LEVELS).ok_or(OutOfOrder)?;
        if let (true, Leaf::Text(text)) = (self.in_text && self.steps == path, leaf) {
            push_escaped(out, text);
            return Ok(());
        }
        self.close_text(out);
        if self.levels.is_empty() {
            out.push(b'{');
            self.levels.push(Level::Object { names: HashSet::new() });
        }
        let above = path.get(..path.len() - 1).unwrap_or_default();
        let common = self.steps.iter().zip(above).take_while(|(mine, theirs)| mine == theirs).count();
        self.close_to(common, out);
        for (place, step) in path.iter().enumerate().skip(common) {
            self.enter(step, out)?;
            match path.get(place + 1) {
                Some(Step::Name(_)) => {
                    out.push(b'{');
                    self.levels.push(Level::Object { names: HashSet::new() });
                }
                Some(Step::Index(_)) => {
                    out.push(b'[');
                    self.levels.push(Level::Array { next: 0 });
                }
                None => {}
            }
        }
        match leaf {
            Leaf::Text(text) => {
                out.push(b'"');
                push_escaped(out, text);
                self.in_text = true;
                self.steps = path;
            }
            Leaf::Plain(json) => {
                out.extend_from_slice(json.as_bytes());
                self.steps = above.to_vec();
            }
        }
        Ok(())
    }

    /// Appends what closes all that is open.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.close_text(out);
        self.close_to(0, out);
        if self.levels.pop().is_some() {
            out.push(b'}');
        }
    }

    fn close_text(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.in_text) {
            out.push(b'"');
            self.steps.pop();
        }
    }

    /// Closes all levels below those that so many steps lead to.
    fn close_to(&mut self, steps: usize, out: &mut Vec<u8>) {
        while self.levels.len() > steps + 1 {
            out.push(match self.levels.pop() {
                Some(Level::Array { .. }) => b']',
                Some(Level::Object { names }) => {
                    self.name_bytes -= names.iter().map(String::len).sum::<usize>();
                    b'}'
                }
                None => return,
            });
        }
        self.steps.truncate(steps);
    }

    /// Writes what stands before a value in the innermost level.
    fn enter(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<(), OutOfOrder> {
        match (self.levels.last_mut(), step) {
            (Some(Level::Object { names }), Step::Name(name)) => {
                self.name_bytes += name.len();
                if names.contains(name) || self.name_bytes > MOST_NAME_BYTES {
                    return Err(OutOfOrder);
                }
                if !names.is_empty() {
                    out.push(b',');
                }
                push_text(out, name);
                out.push(b':');
                names.insert(name.clone());
            }
            (Some(Level::Array { next }), Step::Index(index)) => {
                let gap = index.checked_sub(*next).filter(|gap| *gap <= MOST_GAP).ok_or(OutOfOrder)?;
                for _ in 0..gap {
                    out.extend_from_slice(if *next > 0 { b",null" } else { b"null" });
                    *next += 1;
                }
                if *next > 0 {
                    out.push(b',');
                }
                *next += 1;
            }
            _ => return Err(OutOfOrder),
        }
        Ok(())
    }
}

/// `text` as it stands inside a JSON string.
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    push_text(out, text);
    out.pop();
    out.remove(start);
}

/// Takes a JSON path (RFC 9535) apart: names and indices only.
fn parse(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('.') {
            Some(name) => {
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                (Step::Name(name.to_owned()), after)
            }
            None => bracket(rest.strip_prefix('[')?)?,
        };
        if step == Step::Name(String::new()) && !rest.starts_with('[') {
            return None;
        }
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// An index or a quoted name, up to and with its bracket.
fn bracket(text: &str) -> Option<(Step, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let Some(quote) = quote else {
        let (index, after) = text.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), after));
    };
    let mut name = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.push(letters.next()?.1),
            letter if letter == quote => {
                return Some((Step::Name(name), text.get(at + 1..)?.strip_prefix(']')?));
            }
            letter => name.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests;
