//! The list of models as Google's clients read it.

use crate::json::build::{self, ObjectWriter};

/// One model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'r> {
    /// Its name, without the `models/` before it.
    pub id: &'r str,
    /// Its name for people.
    pub display_name: &'r str,
    /// Most tokens of a prompt.
    pub input_token_limit: Option<u64>,
    /// Most tokens of an answer.
    pub output_token_limit: Option<u64>,
    /// What can be asked of it: `generateContent`, `countTokens`, `embedContent`, …
    pub methods: &'r [&'r str],
}

/// The body of the answer that lists `rows`, all on one page.
#[must_use]
pub fn write<'r>(rows: impl IntoIterator<Item = Row<'r>>) -> Vec<u8> {
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        members.array("models", |items| {
            for row in rows {
                items.object(|members| write_members(&row, members));
            }
        });
    });
    out
}

/// The body of the answer about one model.
#[must_use]
pub fn write_one(row: &Row<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    build::object(&mut out, |members| write_members(row, members));
    out
}

fn write_members(row: &Row<'_>, members: &mut ObjectWriter<'_>) {
    members.text("name", &format!("models/{}", row.id));
    members.text("displayName", row.display_name);
    if let Some(limit) = row.input_token_limit {
        members.plain("inputTokenLimit", limit);
    }
    if let Some(limit) = row.output_token_limit {
        members.plain("outputTokenLimit", limit);
    }
    members.texts("supportedGenerationMethods", row.methods.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_googles_names() {
        let row = Row {
            id: "openai/gpt-5",
            display_name: "GPT-5",
            input_token_limit: Some(400_000),
            output_token_limit: None,
            methods: &["generateContent", "countTokens"],
        };
        let one = concat!(
            r#"{"name":"models/openai/gpt-5","displayName":"GPT-5","inputTokenLimit":400000,"#,
            r#""supportedGenerationMethods":["generateContent","countTokens"]}"#
        );
        assert_eq!(String::from_utf8(write_one(&row)).unwrap(), one);
        assert_eq!(String::from_utf8(write([row])).unwrap(), format!(r#"{{"models":[{one}]}}"#));
    }
}
