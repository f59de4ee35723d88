//! A caller of OpenAI's protocol, an upstream of Google's (`batchEmbedContents`).

use crate::answer::Malformed;
use crate::dialect::gemini::base64;
use crate::dialect::gemini::lenient;
use crate::dialect::{Echo, Encoded, Inexpressible};
use crate::json::build::{self, ObjectWriter};
use crate::json::look::{Kind, Object, Value};

/// Writes a request of OpenAI's protocol, whose facts were read before, for `model` of Google.
///
/// # Errors
/// [`Inexpressible`] when the input is numbers of tokens, which mean nothing to another model.
pub fn from_openai_request(body: &[u8], model: &str) -> Result<Encoded, Inexpressible> {
    let root = Value::read(body).map(Value::members).unwrap_or_default();
    let input = root.get("input").map(lenient::one_or_more).unwrap_or_default();
    let mut texts = Vec::with_capacity(input.len());
    for item in input {
        texts.push(
            item.text().ok_or_else(|| Inexpressible {
                field: "input",
                what: "an input of token numbers".to_owned(),
            })?,
        );
    }
    let dimensions = root.get("dimensions").and_then(lenient::unsigned);
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        members.array("requests", |items| {
            for text in &texts {
                items.object(|request| {
                    request.text("model", &format!("models/{model}"));
                    request.object("content", |content| {
                        content.array("parts", |parts| parts.object(|part| part.text("text", text)));
                    });
                    if let Some(dimensions) = dimensions {
                        request.plain("outputDimensionality", dimensions);
                    }
                });
            }
        });
    });
    let placed = ["model", "input", "dimensions", "encoding_format"];
    let dropped = root.said().map(|(name, _)| name).filter(|name| !placed.contains(name));
    Ok(Encoded { body: out, dropped: dropped.map(str::to_owned).collect() })
}

/// Writes Google's answer for a caller of OpenAI's protocol, in the encoding that the request in `echo` asks for. Where
/// Google does not say how many tokens were read, the answer says zero, for clients demand a number.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn to_openai_answer(body: &[u8], echo: &Echo<'_>) -> Result<Vec<u8>, Malformed> {
    let root = Value::read(body).ok_or(Malformed::NotJson)?.members();
    let rows = match root.get("embedding") {
        Some(only) => vec![only],
        None => root.get("embeddings").ok_or(Malformed::NotAnAnswer)?.items().unwrap_or_default(),
    };
    let mut vectors = Vec::with_capacity(rows.len());
    for row in rows {
        let values = row.members().get("values").filter(|values| values.kind() == Kind::Array);
        vectors.push(values.ok_or(Malformed::NotAnAnswer)?);
    }
    let asked = Value::read(echo.body).map(Value::members).unwrap_or_default();
    let in_base64 = asked.text("encoding_format").is_some_and(|format| format == "base64");
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        members.text("object", "list");
        members.array("data", |items| {
            for (index, values) in vectors.iter().enumerate() {
                items.object(|row| {
                    row.text("object", "embedding");
                    row.plain("index", index);
                    if in_base64 {
                        row.text("embedding", &packed(*values));
                    } else {
                        row.raw("embedding", values.raw());
                    }
                });
            }
        });
        members.text("model", echo.model);
        usage(&root, members);
    });
    Ok(out)
}

fn usage(root: &Object<'_>, members: &mut ObjectWriter<'_>) {
    let reported = root.object("usageMetadata").unwrap_or_default();
    let tokens = reported.get("promptTokenCount").and_then(lenient::unsigned).unwrap_or(0);
    members.object("usage", |usage| {
        usage.plain("prompt_tokens", tokens);
        usage.plain("total_tokens", tokens);
    });
}

/// The numbers as OpenAI packs them: single precision, little end first, in base64.
fn packed(values: Value<'_>) -> String {
    let numbers =
        values.items().unwrap_or_default().into_iter().filter_map(|value| value.raw().parse::<f32>().ok());
    base64::encode(&numbers.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())
}
