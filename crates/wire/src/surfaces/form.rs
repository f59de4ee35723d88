//! What a form with files asks for: a picture to be changed, or sound to be written down.

use std::ops::Range;

use bytes::Bytes;
use domain::price::Units;
use domain::usage::Surface;

use super::Asked;
use super::multipart::{BadParts, Boundary, Part};
use crate::request::fields::name_problem;
use crate::request::rewrite::UsageAsked;
use crate::request::{MAX_CHOICES, Request};

/// A form that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What it asks for.
    pub asked: Asked,
    model_span: Range<usize>,
}

/// A form that is refused. Its display is the message for the caller and holds nothing of the body but names of parts that
/// are known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadForm {
    /// It does not come apart.
    #[error("{0}")]
    Parts(String),
    /// A part is missing, there twice, or has a value it cannot have.
    #[error("{field} {problem}")]
    Field {
        /// The part.
        field: &'static str,
        /// What it must be.
        problem: &'static str,
    },
}

impl BadForm {
    /// The part at fault, for `error.param`.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            BadForm::Parts(_) => None,
            BadForm::Field { field, .. } => Some(field),
        }
    }
}

impl From<BadParts> for BadForm {
    fn from(parts: BadParts) -> Self {
        Self::Parts(parts.to_string())
    }
}

/// Reads a form for `surface`.
///
/// # Errors
/// [`BadForm`] when it can be read in two ways, lacks the model or a file, or gives a part the gate acts on a value it
/// cannot have.
pub fn read_form(surface: Surface, boundary: &Boundary, body: &[u8]) -> Result<Form, BadForm> {
    let parts = Parts::read(boundary, body)?;
    let file = match surface {
        Surface::Transcriptions => "file",
        _ => "image",
    };
    let is_file = |part: &Part<'_>| {
        part.filename.is_some() && (part.name == file || part.name.strip_suffix("[]") == Some(file))
    };
    let files = parts.0.iter().filter(|part| is_file(part)).count();
    if files == 0 || (surface == Surface::Transcriptions && files > 1) {
        return Err(BadForm::Field { field: file, problem: "must be a file" });
    }
    let model_span = parts.part("model")?.ok_or_else(|| problem("model", "is required"))?.span.clone();
    let model = parts.text("model")?.unwrap_or_default();
    if let Some(trouble) = name_problem(model) {
        return Err(problem("model", trouble));
    }
    let stream = match parts.text("stream")? {
        None | Some("" | "false" | "False") => false,
        Some("true" | "True") => true,
        Some(_) => return Err(problem("stream", "must be true or false")),
    };
    let prompt = parts.text("prompt")?.unwrap_or_default();
    let choices = match parts.text("n")? {
        None | Some("") => 1,
        Some(_) if surface == Surface::Transcriptions => 1,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|count| (1..=MAX_CHOICES).contains(count))
            .ok_or_else(|| problem("n", "must be an integer from 1 to 128"))?,
    };
    if stream && choices > 1 {
        return Err(problem("n", "must be 1 where the answer is streamed"));
    }
    let pictures = if surface == Surface::ImageEdits { choices } else { 0 };
    let request = Request {
        model: model.to_owned(),
        stream,
        asks_usage: stream,
        max_output_tokens: None,
        choices,
        input_bytes: prompt.len(),
        continues: None,
        references: Vec::new(),
        model_span: None,
        usage_asked: UsageAsked::Untouched,
    };
    Ok(Form { asked: Asked { request, units: Units { pictures, ..Units::default() } }, model_span })
}

impl Form {
    /// The body for an upstream: byte for byte `body` (the one that was read) but for the model. `None` for a model whose
    /// name would not stay within its part.
    #[must_use]
    pub fn rewrite(&self, body: &[u8], model: &str) -> Option<Bytes> {
        if name_problem(model).is_some() {
            return None;
        }
        let (before, after) = (body.get(..self.model_span.start)?, body.get(self.model_span.end..)?);
        Some([before, model.as_bytes(), after].concat().into())
    }
}

/// The parts of a form.
pub(crate) struct Parts<'b>(Vec<Part<'b>>);

impl<'b> Parts<'b> {
    /// Takes a form apart.
    pub(crate) fn read(boundary: &Boundary, body: &'b [u8]) -> Result<Self, BadForm> {
        Ok(Self(boundary.parts(body)?))
    }

    /// The name of every part.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'b str> {
        self.0.iter().map(|part| part.name)
    }

    /// The part of this name, which may be there once.
    pub(crate) fn part(&self, name: &'static str) -> Result<Option<&Part<'b>>, BadForm> {
        let mut found = self.0.iter().filter(|part| part.name == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(problem(name, "must be there only once")),
            (part, None) => Ok(part),
        }
    }

    /// The text of the part of this name.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&'b str>, BadForm> {
        let Some(part) = self.part(name)? else { return Ok(None) };
        if part.filename.is_some() {
            return Err(problem(name, "must not be a file"));
        }
        std::str::from_utf8(part.value).map(Some).map_err(|_| problem(name, "must be UTF-8"))
    }
}

fn problem(field: &'static str, problem: &'static str) -> BadForm {
    BadForm::Field { field, problem }
}
