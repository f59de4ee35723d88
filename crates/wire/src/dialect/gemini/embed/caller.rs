//! A caller of Google's protocol, an upstream of OpenAI's.

use crate::answer::Malformed;
use crate::dialect::Encoded;
use crate::dialect::gemini::lenient;
use crate::dialect::gemini::path::Path;
use crate::json::build::{self, ObjectWriter};
use crate::json::look::{Kind, Object, Value, is_spelling};
use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::name_problem;
use crate::request::rewrite::UsageAsked;
use crate::request::weight::Weight;
use crate::request::{Request, Unreadable};

/// How many embeddings the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// One (`embedContent`).
    One,
    /// A list of them (`batchEmbedContents`).
    Many,
}

/// Reads the facts of a request for embeddings of `model`, which its path names.
///
/// # Errors
/// [`Unreadable`] when it is not strict JSON or lacks what is to be embedded.
pub fn read(body: &[u8], model: &str) -> Result<Request, Unreadable> {
    let refuse = |field: &str, problem| Refused::Field { field: field.to_owned(), problem };
    if let Some(problem) = name_problem(model) {
        return Err(refuse("model", problem).into());
    }
    let mut root = Root::default();
    if !matches!(json::read_strict(body, &mut root)?, Shape::Object { .. }) {
        return Err(Unreadable::NotAnObject);
    }
    if !root.has_content {
        return Err(refuse("content", "is required").into());
    }
    Ok(Request {
        model: model.to_owned(),
        stream: false,
        asks_usage: false,
        max_output_tokens: None,
        choices: 1,
        input_bytes: root.weight.bytes,
        continues: None,
        references: Vec::new(),
        model_span: None,
        usage_asked: UsageAsked::Untouched,
    })
}

#[derive(Default)]
struct Root {
    has_content: bool,
    weight: Weight,
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name != "content" && name != "requests" {
            return at.skip(object);
        }
        self.has_content |=
            !matches!(at.value(object, &mut self.weight)?, Shape::Null | Shape::Array { items: 0 });
        Ok(())
    }
}

/// Writes a caller's request, whose facts were read before, for `model` of an upstream of OpenAI's protocol.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have, or when there is something other than text to embed.
pub fn to_openai(body: &[u8], model: &str) -> Result<Encoded, Unreadable> {
    let root = Value::read(body).filter(|root| root.kind() == Kind::Object);
    let root = root.ok_or(Unreadable::NotAnObject)?.members();
    let mut wanted = Wanted::default();
    match root.get("requests") {
        Some(requests) => {
            let path = Path::Root;
            let path = path.member("requests");
            for (index, request) in lenient::one_or_more(requests).into_iter().enumerate() {
                wanted.take_in(&request.members(), &path.item(index))?;
            }
        }
        None => wanted.take_in(&root, &Path::Root)?,
    }
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        members.text("model", model);
        members.texts("input", wanted.texts.iter().map(String::as_str));
        if let Some(Some(dimensions)) = wanted.dimensions {
            members.plain("dimensions", dimensions);
        }
        members.text("encoding_format", "float");
    });
    Ok(Encoded { body: out, dropped: wanted.dropped })
}

#[derive(Default)]
struct Wanted {
    texts: Vec<String>,
    /// Of the first; all others must agree.
    dimensions: Option<Option<u64>>,
    dropped: Vec<String>,
}

impl Wanted {
    fn take_in(&mut self, request: &Object<'_>, path: &Path<'_>) -> Result<(), Unreadable> {
        let content = request.get("content").ok_or_else(|| path.member("content").refuse("is required"))?;
        self.texts.push(text(content, &path.member("content"))?);
        let config = request.object("embedContentConfig").unwrap_or_default();
        let asked = request.get("outputDimensionality").or_else(|| config.get("outputDimensionality"));
        let path = path.member("outputDimensionality");
        let dimensions = match asked {
            None => None,
            Some(value) => Some(lenient::unsigned(value).ok_or_else(|| path.refuse("must be an integer"))?),
        };
        if *self.dimensions.get_or_insert(dimensions) != dimensions {
            return Err(path.refuse("must be the same in all requests"));
        }
        for (name, _) in request.said().chain(config.said()) {
            const PLACED: [&str; 4] = ["model", "content", "outputDimensionality", "embedContentConfig"];
            let is_placed = PLACED.iter().any(|known| is_spelling(name, known));
            if !is_placed && !self.dropped.iter().any(|known| known == name) {
                self.dropped.push(name.to_owned());
            }
        }
        Ok(())
    }
}

/// The text of a content. Google makes one embedding of all its parts.
fn text(content: Value<'_>, path: &Path<'_>) -> Result<String, Unreadable> {
    if let Some(text) = content.text() {
        return Ok(text.into_owned());
    }
    let parts = content.members().get("parts").map(lenient::one_or_more).unwrap_or_default();
    let mut texts = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let of = path.member("parts");
        let text = part.text().or_else(|| part.members().text("text"));
        texts.push(text.ok_or_else(|| of.item(index).refuse("must be text for this model"))?);
    }
    if texts.is_empty() {
        return Err(path.refuse("must hold parts"));
    }
    Ok(texts.join("\n"))
}

/// Writes the embeddings of an upstream of OpenAI's protocol for a caller.
///
/// # Errors
/// [`Malformed`] when they are none.
pub fn from_openai(body: &[u8], asked: Asked) -> Result<Vec<u8>, Malformed> {
    let root = Value::read(body).ok_or(Malformed::NotJson)?.members();
    let mut rows: Vec<(u64, Value<'_>)> = Vec::new();
    for (place, row) in
        root.get("data").ok_or(Malformed::NotAnAnswer)?.items().unwrap_or_default().into_iter().enumerate()
    {
        let row = row.members();
        let values = row.get("embedding").filter(|values| values.kind() == Kind::Array);
        let index = row.get("index").and_then(lenient::unsigned);
        let index = index.unwrap_or_else(|| u64::try_from(place).unwrap_or(u64::MAX));
        rows.push((index, values.ok_or(Malformed::NotAnAnswer)?));
    }
    rows.sort_by_key(|(index, _)| *index);
    let usage = root.object("usage").unwrap_or_default();
    let tokens = usage.get("prompt_tokens").and_then(lenient::unsigned);
    let values = |members: &mut ObjectWriter<'_>, values: Value<'_>| members.raw("values", values.raw());
    let mut out = Vec::new();
    let first = rows.first().map(|(_, first)| *first).ok_or(Malformed::NotAnAnswer)?;
    build::object(&mut out, |members| {
        match asked {
            Asked::One => members.object("embedding", |members| values(members, first)),
            Asked::Many => members.array("embeddings", |items| {
                for (_, row) in &rows {
                    items.object(|members| values(members, *row));
                }
            }),
        }
        if let Some(tokens) = tokens {
            members.object("usageMetadata", |usage| {
                usage.plain("promptTokenCount", tokens);
                usage.plain("totalTokenCount", tokens);
            });
        }
    });
    Ok(out)
}
