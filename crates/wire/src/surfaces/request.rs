//! What the JSON of such a request asks for, in one strict pass.

use std::ops::Range;

use domain::price::Units;
use domain::usage::Surface;

use super::Asked;
use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::{Kept, boolean, integer, model_name};
use crate::request::rewrite::UsageAsked;
use crate::request::weight::Weight;
use crate::request::{MAX_CHOICES, Request, Unreadable};

/// Documents one search covers, as Cohere counts them.
const DOCUMENTS_PER_SEARCH: u64 = 100;
/// Documents one request may ask to rank: Cohere's own limit.
const MAX_DOCUMENTS: usize = 10_000;

/// Reads the body of a request to `surface`.
///
/// # Errors
/// [`Unreadable`] when the body is not strict JSON, not an object, lacks the model or its input, or gives a member the gate
/// acts on a value it cannot have.
pub fn read(surface: Surface, body: &[u8]) -> Result<Asked, Unreadable> {
    let mut root = Root::new(surface);
    let shape = json::read_strict(body, &mut root)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Unreadable::NotAnObject);
    }
    let field = |field: &str, problem| Refused::Field { field: field.to_owned(), problem };
    let (model, model_span) = root.model.ok_or_else(|| field("model", "is required"))?;
    if !root.has_input {
        return Err(field(root.input, "is required").into());
    }
    if surface == Surface::Rerank && root.documents == 0 {
        return Err(field("documents", "is required").into());
    }
    if root.stream && root.choices > 1 {
        return Err(field("n", "must be 1 where the answer is streamed").into());
    }
    let units = match surface {
        Surface::Images => Units { pictures: root.choices, ..Units::default() },
        Surface::Speech => Units { characters: root.characters, ..Units::default() },
        Surface::Rerank => {
            Units { searches: root.documents.div_ceil(DOCUMENTS_PER_SEARCH), ..Units::default() }
        }
        _ => Units::default(),
    };
    let request = Request {
        model,
        stream: root.stream,
        asks_usage: root.stream,
        max_output_tokens: None,
        choices: root.choices,
        input_bytes: root.weight.bytes,
        continues: None,
        references: Vec::new(),
        model_span: Some(model_span),
        usage_asked: UsageAsked::Untouched,
    };
    Ok(Asked { request, units })
}

/// Reads the outermost object.
struct Root {
    surface: Surface,
    /// The member that holds the input.
    input: &'static str,
    model: Option<(String, Range<usize>)>,
    stream: bool,
    choices: u64,
    characters: u64,
    documents: u64,
    has_input: bool,
    weight: Weight,
}

impl Root {
    fn new(surface: Surface) -> Self {
        let input = match surface {
            Surface::Images => "prompt",
            Surface::Rerank => "query",
            _ => "input",
        };
        Self {
            surface,
            input,
            model: None,
            stream: false,
            choices: 1,
            characters: 0,
            documents: 0,
            has_input: false,
            weight: Weight::default(),
        }
    }

    fn input(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        self.has_input = true;
        if self.surface == Surface::Moderations {
            return match at.value(object, &mut self.weight)? {
                Shape::Text { .. } => Ok(()),
                Shape::Array { items } if items > 0 => Ok(()),
                _ => Err(at.refuse(self.input, "must be a string or a non-empty array")),
            };
        }
        let mut text = Kept::default();
        if !matches!(at.value(object, &mut text)?, Shape::Text { .. }) {
            return Err(at.refuse(self.input, "must be a string"));
        }
        self.characters = u64::try_from(text.0.chars().count()).unwrap_or(u64::MAX);
        self.weight.bytes = self.weight.bytes.saturating_add(text.0.len());
        Ok(())
    }
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match (self.surface, name) {
            (_, "model") => self.model = Some(model_name(at, object)?),
            (Surface::Images, "stream") => self.stream = boolean(name, at, object)?,
            (Surface::Images, "n") => {
                self.choices = integer(name, MAX_CHOICES, at, object)?.unwrap_or(1).max(1)
            }
            (Surface::Speech, "stream_format") => {
                let mut format = Kept::default();
                match at.value(object, &mut format)? {
                    Shape::Null => {}
                    Shape::Text { .. } if matches!(format.0.as_str(), "audio" | "sse") => {
                        self.stream = format.0 == "sse";
                    }
                    _ => return Err(at.refuse(name, "must be \"audio\" or \"sse\"")),
                }
            }
            (Surface::Speech, "instructions") => {
                at.value(object, &mut self.weight)?;
            }
            (Surface::Rerank, "documents") => match at.value(object, &mut self.weight)? {
                Shape::Array { items } if (1..=MAX_DOCUMENTS).contains(&items) => {
                    self.documents = u64::try_from(items).unwrap_or(u64::MAX);
                }
                _ => return Err(at.refuse(name, "must be an array of 1 to 10,000 documents")),
            },
            (_, name) if name == self.input => self.input(at, object)?,
            _ => at.skip(object)?,
        }
        Ok(())
    }
}
