//! `generationConfig`.

use domain::chat::{Effort, Format, Json, Request, Shown, Thinking};

use super::{schema, unplaced};
use crate::dialect::gemini::lenient;
use crate::dialect::gemini::path::Path;
use crate::json::look::{Kind, Value, is_spelling};
use crate::request::Unreadable;

/// Reads `generationConfig`.
pub(super) fn generation(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if value.kind() != Kind::Object {
        return Err(path.refuse("must be an object"));
    }
    let mut config = Config::default();
    for (name, value) in value.members().said() {
        let path = path.member(name);
        if let Some(known) = KNOWN.into_iter().find(|known| is_spelling(name, known)) {
            config.member(known, value, &path, request)?;
        } else {
            unplaced(request, name);
        }
    }
    config.settle(request);
    Ok(())
}

const KNOWN: [&str; 17] = [
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "candidateCount",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "responseLogprobs",
    "logprobs",
    "responseModalities",
    "thinkingConfig",
];

/// Members that mean something only together.
#[derive(Default)]
struct Config {
    mime_type: Option<String>,
    schema: Option<Json>,
    tells_logprobs: bool,
    logprobs: u32,
}

impl Config {
    fn member(
        &mut self,
        name: &str,
        value: Value<'_>,
        path: &Path<'_>,
        request: &mut Request,
    ) -> Result<(), Unreadable> {
        let number = || value.number().map(Some).ok_or_else(|| path.refuse("must be a number"));
        let count =
            || lenient::unsigned(value).ok_or_else(|| path.refuse("must be an integer of zero or more"));
        let sampling = &mut request.sampling;
        match name {
            "temperature" => sampling.temperature = number()?,
            "topP" => sampling.top_p = number()?,
            "topK" => sampling.top_k = Some(count()?),
            "presencePenalty" => sampling.presence_penalty = number()?,
            "frequencyPenalty" => sampling.frequency_penalty = number()?,
            "seed" => {
                sampling.seed =
                    Some(lenient::signed(value).ok_or_else(|| path.refuse("must be an integer"))?);
            }
            "maxOutputTokens" => request.max_output_tokens = Some(count()?),
            "candidateCount" => {
                let choices = u32::try_from(count()?).map_err(|_| path.refuse("is too large"))?;
                request.choices = (choices > 0).then_some(choices);
            }
            "stopSequences" => request.stop = texts(value, path)?,
            "responseModalities" => {
                let words = texts(value, path)?.into_iter().map(|word| word.to_ascii_lowercase());
                request.modalities = words.filter(|word| word != "modality_unspecified").collect();
            }
            "thinkingConfig" => request.thinking = thinking(value, path)?,
            "responseMimeType" => {
                let word = value.text().ok_or_else(|| path.refuse("must be a string"))?;
                self.mime_type = Some(word.to_ascii_lowercase());
            }
            "responseSchema" | "responseJsonSchema" | "_responseJsonSchema" => {
                if value.kind() != Kind::Object {
                    return Err(path.refuse("must be an object"));
                }
                self.schema = Some(if name == "responseSchema" {
                    Json::new(schema::to_json_schema(value))
                } else {
                    value.json()
                });
            }
            "responseLogprobs" => {
                self.tells_logprobs = value.boolean().ok_or_else(|| path.refuse("must be true or false"))?;
            }
            _ => self.logprobs = u32::try_from(count()?).map_err(|_| path.refuse("is too large"))?,
        }
        Ok(())
    }

    fn settle(self, request: &mut Request) {
        request.logprobs = self.tells_logprobs.then_some(self.logprobs);
        request.format = match (self.mime_type.as_deref(), self.schema) {
            (_, Some(schema)) => Format::Schema { name: None, description: None, schema, strict: None },
            (Some("application/json"), None) => Format::Json,
            (None | Some("text/plain" | ""), None) => Format::Text,
            (Some(_), None) => {
                unplaced(request, "responseMimeType");
                Format::Text
            }
        };
    }
}

fn texts(value: Value<'_>, path: &Path<'_>) -> Result<Vec<String>, Unreadable> {
    let mut texts = Vec::new();
    for (index, item) in lenient::one_or_more(value).into_iter().enumerate() {
        texts.push(item.text().ok_or_else(|| path.item(index).refuse("must be a string"))?.into_owned());
    }
    Ok(texts)
}

/// How much the model is to think. A level that is unknown here is newer than this gate and is taken for the highest.
fn thinking(value: Value<'_>, path: &Path<'_>) -> Result<Option<Thinking>, Unreadable> {
    if value.kind() != Kind::Object {
        return Err(path.refuse("must be an object"));
    }
    let members = value.members();
    let mut thinking = Thinking::default();
    if let Some(budget) = members.get("thinkingBudget") {
        let path = path.member("thinkingBudget");
        match lenient::signed(budget).ok_or_else(|| path.refuse("must be an integer"))? {
            -1 => thinking.dynamic = true,
            tokens => {
                let tokens = u64::try_from(tokens).map_err(|_| path.refuse("must be -1 or more"))?;
                thinking.budget_tokens = Some(tokens);
            }
        }
    }
    if let Some(level) = members.get("thinkingLevel") {
        let level = level.text().ok_or_else(|| path.member("thinkingLevel").refuse("must be a string"))?;
        thinking.effort = match level.to_ascii_uppercase().as_str() {
            "" | "THINKING_LEVEL_UNSPECIFIED" => None,
            "MINIMAL" => Some(Effort::Minimal),
            "LOW" => Some(Effort::Low),
            "MEDIUM" => Some(Effort::Medium),
            "HIGH" => Some(Effort::High),
            _ => Some(Effort::Highest),
        };
    }
    thinking.shown = match members.get("includeThoughts").map(|value| (value, value.boolean())) {
        None => Shown::Default,
        Some((_, Some(true))) => Shown::Summary,
        Some((_, Some(false))) => Shown::Nothing,
        Some((_, None)) => return Err(path.member("includeThoughts").refuse("must be true or false")),
    };
    Ok((thinking != Thinking::default()).then_some(thinking))
}
