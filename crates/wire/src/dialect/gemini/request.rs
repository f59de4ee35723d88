//! What a request of this protocol asks for: one strict pass that checks the members the gate acts on and leaves all
//! others untouched. Google reads each member in two spellings; one that is given in both is refused, because it could be
//! understood in two ways.

mod members;

use crate::json::look::is_spelling;
use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::name_problem;
use crate::request::rewrite::UsageAsked;
use crate::request::weight::Weight;
use crate::request::{Kind, MAX_TOOLS, Request, Unreadable};
use members::{Config, Once, Spoken, Tools};

/// Reads the body of a request whose path names the model and says whether the answer is streamed.
///
/// # Errors
/// [`Unreadable`] when the body is not strict JSON, lacks what it needs, or gives a member the gate acts on a value it
/// cannot have.
pub fn read(body: &[u8], model: &str, stream: bool) -> Result<Request, Unreadable> {
    Root::default().read(body, model, stream)
}

/// Reads the body of a request to count tokens: contents, or a whole request within the request.
///
/// # Errors
/// As [`read`].
pub fn read_count(body: &[u8], model: &str) -> Result<Request, Unreadable> {
    Root { counts: true, ..Root::default() }.read(body, model, false)
}

/// Reads the outermost object.
#[derive(Default)]
struct Root {
    /// Whether a whole request may lie within.
    counts: bool,
    once: Once,
    has_contents: bool,
    config: Config,
    functions: usize,
    weight: Weight,
}

impl Root {
    fn read(mut self, body: &[u8], model: &str, stream: bool) -> Result<Request, Unreadable> {
        let refuse = |field: &str, problem| Refused::Field { field: field.to_owned(), problem };
        if let Some(problem) = name_problem(model) {
            return Err(refuse("model", problem).into());
        }
        let shape = json::read_strict(body, &mut self)?;
        if !matches!(shape, Shape::Object { .. }) {
            return Err(Unreadable::NotAnObject);
        }
        if !self.has_contents {
            return Err(refuse("contents", "is required").into());
        }
        Ok(Request {
            model: model.to_owned(),
            stream,
            asks_usage: stream,
            max_output_tokens: self.config.max_output_tokens,
            choices: self.config.choices.max(1),
            input_bytes: self.weight.bytes,
            continues: None,
            references: self.weight.references.all()?,
            model_span: None,
            usage_asked: UsageAsked::Untouched,
        })
    }

    fn contents(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        self.has_contents = true;
        match at.value(object, &mut Spoken(&mut self.weight))? {
            Shape::Object { .. } | Shape::Text { .. } => Ok(()),
            Shape::Array { items } if items > 0 => Ok(()),
            _ => Err(at.refuse("contents", "must be a non-empty array of contents")),
        }
    }

    fn tools(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        let mut tools = Tools { weight: &mut self.weight, functions: 0 };
        let listed = match at.value(object, &mut tools)? {
            Shape::Null | Shape::Object { .. } => 0,
            Shape::Array { items } => items,
            _ => return Err(at.refuse("tools", "must be an array")),
        };
        self.functions += tools.functions;
        if listed > MAX_TOOLS || self.functions > MAX_TOOLS {
            return Err(at.refuse("tools", "has too many elements"));
        }
        Ok(())
    }
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let is = |known| is_spelling(name, known);
        let mut once = |known| self.once.check(known, known, at);
        if name == "contents" {
            once("contents")?;
            self.contents(at, object)
        } else if is("systemInstruction") {
            once("systemInstruction")?;
            at.value(object, &mut Spoken(&mut self.weight)).map(|_| ())
        } else if name == "tools" {
            once("tools")?;
            self.tools(at, object)
        } else if is("generationConfig") {
            once("generationConfig")?;
            self.config.read(&mut self.weight, at, object)
        } else if self.counts && is("generateContentRequest") {
            once("generateContentRequest")?;
            match at.value(object, self)? {
                Shape::Object { .. } | Shape::Null => Ok(()),
                _ => Err(at.refuse("generateContentRequest", "must be an object")),
            }
        } else if is("cachedContent") {
            once("cachedContent")?;
            self.weight.references.read(Kind::CachedContent, "cachedContent", at, object).map(|_| ())
        } else {
            for known in ["toolConfig", "safetySettings", "serviceTier"] {
                if is(known) {
                    once(known)?;
                }
            }
            at.skip(object)
        }
    }
}

#[cfg(test)]
mod tests;
