//! Reading JSON without building it: one borrowed pass in which readers take the members they act on. Strict
//! reading refuses what two parsers could understand differently; open reading takes a provider's word as it
//! is. Refuses to know what any member means.

pub(crate) mod build;
pub(crate) mod look;
mod members;
mod place;
mod scan;

use place::Rules;
pub use place::{Place, Reader, Shape};
use scan::written_bytes;
pub use scan::{Scan, Stop};

/// How deep arrays and objects may lie in each other, the outermost counted as one.
pub const MAX_DEPTH: u8 = 64;

/// Why a text was refused. Never holds any of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Some byte sequence is not UTF-8.
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    /// Not one JSON text: a fault of grammar, a number that no double can hold, a lone surrogate, or bytes
    /// after the end.
    #[error("the body is not valid JSON (line {line}, column {column})")]
    Syntax {
        /// Line of the fault, from 1.
        line: usize,
        /// Byte in that line, from 1.
        column: usize,
    },
    /// An object names a member twice, compared after unescaping.
    #[error("an object in the body has the same member twice (line {line}, column {column})")]
    Duplicate {
        /// Line of the second name, from 1.
        line: usize,
        /// Byte in that line, from 1.
        column: usize,
    },
    /// Arrays and objects lie deeper than [`MAX_DEPTH`].
    #[error("the body nests arrays and objects deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A reader refused a member.
    #[error("{field} {problem}")]
    Field {
        /// Where: `messages[2].role`.
        field: String,
        /// What it must be.
        problem: &'static str,
    },
}

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON text")]
pub struct NotJson;

/// Why a reading stopped.
#[derive(Debug)]
enum Fault {
    Duplicate,
    TooDeep,
    Syntax,
    Field(String, &'static str),
}

/// Reads the whole of `body` into `reader` and says what its outermost value was.
///
/// # Errors
/// [`Refused`], which also carries what `reader` refused through [`Place::refuse`].
pub fn read_strict<'de, R: Reader<'de>>(body: &'de [u8], reader: &mut R) -> Result<Shape, Refused> {
    let mut scan = Scan::new(std::str::from_utf8(body).map_err(|_| Refused::NotUtf8)?);
    let read = Place::outermost(Rules::Strict).value(&mut scan, reader);
    read.and_then(|shape| scan.end().map(|()| shape)).map_err(|Stop(fault)| {
        let (line, column) = scan.line_and_column();
        match *fault {
            Fault::Syntax => Refused::Syntax { line, column },
            Fault::Duplicate => Refused::Duplicate { line, column },
            Fault::TooDeep => Refused::TooDeep,
            Fault::Field(field, problem) => Refused::Field { field, problem },
        }
    })
}

/// Reads the whole of `text` into `reader`, forgiving: of two equal members both are offered to `reader`, and
/// what no reader takes is only skimmed.
///
/// # Errors
/// [`NotJson`] when it is not one JSON text.
pub fn read_open<'de, R: Reader<'de>>(text: &'de [u8], reader: &mut R) -> Result<Shape, NotJson> {
    let mut scan = Scan::new(std::str::from_utf8(text).map_err(|_| NotJson)?);
    let read = Place::outermost(Rules::Open).value(&mut scan, reader);
    read.and_then(|shape| scan.end().map(|()| shape)).map_err(|_| NotJson)
}

/// Appends `text` to `out` as a JSON string with its quotes.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, from) = rest.split_at(written_bytes(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = from.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0x0f)]);
            }
        }
        rest = after;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
