//! The list of models as clients of each dialect read it.

use domain::protocol::Dialect;

use crate::dialect::gemini::models;
use crate::json::push_text;

/// A model that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name a request uses: `provider/model`.
    pub name: String,
    /// Who offers it.
    pub provider: String,
    /// Tokens of context, when known.
    pub context_tokens: Option<u32>,
    /// Most tokens of output, when known.
    pub max_output_tokens: Option<u32>,
}

/// All of them, in `dialect`.
#[must_use]
pub fn write_list(dialect: Dialect, rows: &[Listed]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 160 * rows.len());
    let write_one: fn(&mut Vec<u8>, &Listed) = match dialect {
        Dialect::OpenAi => {
            out.extend_from_slice(br#"{"object":"list","data":["#);
            openai
        }
        Dialect::Anthropic => {
            out.extend_from_slice(br#"{"data":["#);
            anthropic
        }
        Dialect::Google => return models::write(rows.iter().map(google)),
    };
    for (index, model) in rows.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_one(&mut out, model);
    }
    out.push(b']');
    if dialect == Dialect::Anthropic {
        let mut bound = |name: &[u8], model: Option<&Listed>| {
            out.extend_from_slice(name);
            match model {
                Some(model) => push_text(&mut out, &model.name),
                None => out.extend_from_slice(b"null"),
            }
        };
        bound(br#","has_more":false,"first_id":"#, rows.first());
        bound(br#","last_id":"#, rows.last());
    }
    out.push(b'}');
    out
}

/// One of them, in `dialect`.
#[must_use]
pub fn write_one(dialect: Dialect, model: &Listed) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    match dialect {
        Dialect::OpenAi => openai(&mut out, model),
        Dialect::Anthropic => anthropic(&mut out, model),
        Dialect::Google => return models::write_one(&google(model)),
    }
    out
}

/// The catalogue knows no date of birth; clients need the member.
fn openai(out: &mut Vec<u8>, model: &Listed) {
    out.extend_from_slice(br#"{"id":"#);
    push_text(out, &model.name);
    out.extend_from_slice(br#","object":"model","created":0,"owned_by":"#);
    push_text(out, &model.provider);
    out.push(b'}');
}

fn anthropic(out: &mut Vec<u8>, model: &Listed) {
    out.extend_from_slice(br#"{"type":"model","id":"#);
    push_text(out, &model.name);
    out.extend_from_slice(br#","display_name":"#);
    push_text(out, &model.name);
    out.extend_from_slice(br#","created_at":"1970-01-01T00:00:00Z""#);
    number(out, b"max_input_tokens", model.context_tokens);
    number(out, b"max_tokens", model.max_output_tokens);
    out.push(b'}');
}

fn google(model: &Listed) -> models::Row<'_> {
    models::Row {
        id: &model.name,
        display_name: &model.name,
        input_token_limit: model.context_tokens.map(u64::from),
        output_token_limit: model.max_output_tokens.map(u64::from),
        methods: &["generateContent", "countTokens"],
    }
}

/// A member, if there is a value for it.
fn number(out: &mut Vec<u8>, name: &[u8], value: Option<u32>) {
    let Some(value) = value else { return };
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Listed> {
        let row = |name: &str, context_tokens| Listed {
            name: name.to_owned(),
            provider: "openai".to_owned(),
            context_tokens,
            max_output_tokens: None,
        };
        vec![row("openai/a", Some(8_192)), row("openai/b \"x\"", None)]
    }

    fn check(dialect: Dialect, models: &[Listed], expect: &serde_json::Value) {
        let found: serde_json::Value = serde_json::from_slice(&write_list(dialect, models)).unwrap();
        assert_eq!(&found, expect);
    }

    #[test]
    fn each_dialect_has_its_own_list() {
        use serde_json::json;
        check(
            Dialect::OpenAi,
            &rows(),
            &json!({"object": "list", "data": [
                {"id": "openai/a", "object": "model", "created": 0, "owned_by": "openai"},
                {"id": "openai/b \"x\"", "object": "model", "created": 0, "owned_by": "openai"},
            ]}),
        );
        let born = "1970-01-01T00:00:00Z";
        check(
            Dialect::Anthropic,
            &rows(),
            &json!({"data": [
                {"type": "model", "id": "openai/a", "display_name": "openai/a", "created_at": born,
                 "max_input_tokens": 8_192},
                {"type": "model", "id": "openai/b \"x\"", "display_name": "openai/b \"x\"", "created_at": born},
            ], "has_more": false, "first_id": "openai/a", "last_id": "openai/b \"x\""}),
        );
        let methods = json!(["generateContent", "countTokens"]);
        check(
            Dialect::Google,
            &rows()[..1],
            &json!({"models": [{"name": "models/openai/a", "displayName": "openai/a", "inputTokenLimit": 8_192,
                "supportedGenerationMethods": methods}]}),
        );
        check(
            Dialect::Anthropic,
            &[],
            &json!({"data": [], "has_more": false, "first_id": null, "last_id": null}),
        );
    }
}
