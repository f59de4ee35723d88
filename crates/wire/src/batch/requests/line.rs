//! One line of a file of requests: its name, its endpoint and where its body lies; and what can be wrong with it.

use domain::usage::Surface;

use super::BadLine;
use crate::batch::{BAD_ENDPOINT, endpoint};
use crate::json::{self, MAX_DEPTH, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::Kept;

/// Bytes the name of a request may have.
const MAX_CUSTOM_ID_BYTES: usize = 512;
/// Bytes of a member's name that a refusal repeats.
const SHOWN_NAME_BYTES: usize = 64;

/// What is wrong with a line, before its number is known.
pub(super) struct Fault {
    field: Option<String>,
    problem: String,
}

impl Fault {
    pub(super) fn line(problem: impl Into<String>) -> Self {
        Self { field: None, problem: problem.into() }
    }

    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: Some(field.into()), problem: problem.into() }
    }

    /// A refusal of the reader of JSON, whose text begins so many bytes into the line and is the value of `outer`.
    pub(super) fn of(refused: Refused, begins: usize, outer: &str) -> Self {
        match refused {
            Refused::NotUtf8 => Self::line("is not valid UTF-8"),
            Refused::Syntax { column, .. } => {
                Self::line(format!("is not valid JSON (column {})", begins.saturating_add(column)))
            }
            Refused::Duplicate { column, .. } => {
                let column = begins.saturating_add(column);
                Self::line(format!("has an object with the same member twice (column {column})"))
            }
            Refused::TooDeep => {
                Self::line(format!("nests arrays and objects deeper than {MAX_DEPTH} levels"))
            }
            Refused::Field { field, problem } => Self::field(format!("{outer}{field}"), problem),
        }
    }

    pub(super) fn at(self, line: u32) -> BadLine {
        BadLine { line, field: self.field, problem: self.problem }
    }
}

/// One line, taken apart.
pub(super) struct Line<'l> {
    pub(super) custom_id: String,
    pub(super) surface: Surface,
    pub(super) body: &'l [u8],
}

impl<'l> Line<'l> {
    pub(super) fn read(line: &'l [u8]) -> Result<Self, Fault> {
        let mut members = Members::default();
        let shape = json::read_strict(line, &mut members).map_err(|refused| Fault::of(refused, 0, ""))?;
        if !matches!(shape, Shape::Object { .. }) {
            return Err(Fault::line("must be a JSON object"));
        }
        let missing = |field: &str| Fault::field(field, "is required");
        let custom_id = members.custom_id.ok_or_else(|| missing("custom_id"))?;
        if !members.has_method {
            return Err(missing("method"));
        }
        let surface = members.surface.ok_or_else(|| missing("url"))?;
        let body = members.body.ok_or_else(|| missing("body"))?.as_bytes();
        Ok(Self { custom_id, surface, body })
    }
}

#[derive(Default)]
struct Members<'de> {
    custom_id: Option<String>,
    has_method: bool,
    surface: Option<Surface>,
    body: Option<&'de str>,
}

impl<'de> Reader<'de> for Members<'de> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let mut text = Kept::default();
        match name {
            "custom_id" => match at.value(object, &mut text)? {
                Shape::Text { bytes: 1..=MAX_CUSTOM_ID_BYTES } => self.custom_id = Some(text.0),
                _ => return Err(at.refuse(name, "must be a string of 1 to 512 bytes")),
            },
            "method" => match at.value(object, &mut text)? {
                Shape::Text { .. } if text.0 == "POST" => self.has_method = true,
                _ => return Err(at.refuse(name, "must be POST")),
            },
            "url" => {
                at.value(object, &mut text)?;
                let surface = endpoint(&text.0).ok_or_else(|| at.refuse(name, BAD_ENDPOINT))?;
                self.surface = Some(surface);
            }
            // Taken as it stands: the reader of its endpoint reads it next, under the same strict rules.
            "body" => self.body = Some(at.raw(object)?),
            _ => {
                let shown = name.get(..name.floor_char_boundary(SHOWN_NAME_BYTES)).unwrap_or_default();
                return Err(at.refuse(shown, "is no member of a batch's lines"));
            }
        }
        Ok(())
    }
}
