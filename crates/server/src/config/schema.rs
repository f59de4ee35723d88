//! The JSON Schema of the configuration file: shapes from the raw settings, ranges from the table of bounds.

use serde_json::{Value, json};

use super::check::BOUNDS;
use super::raw::Raw;

/// The words a text setting may hold.
const WORDS: [(&str, &[&str]); 3] = [
    ("environment", &["development", "production"]),
    ("log.format", &["text", "json"]),
    ("accounts.registration", &["closed", "open"]),
];

/// The schema (draft 2020-12).
#[must_use]
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<Raw>().to_value();
    for (name, least, most) in BOUNDS {
        if let Some(property) = property(&mut schema, name) {
            let words = if property.get("type") == Some(&json!("array")) {
                [("minItems", least), ("maxItems", most)]
            } else {
                [("minimum", least), ("maximum", most)]
            };
            property.extend(words.map(|(word, bound)| (word.to_owned(), json!(bound))));
        }
    }
    for (name, words) in WORDS {
        if let Some(property) = property(&mut schema, name) {
            property.insert("enum".to_owned(), json!(words));
        }
    }
    schema
}

fn property<'a>(schema: &'a mut Value, name: &str) -> Option<&'a mut serde_json::Map<String, Value>> {
    let pointer = name.split('.').fold(String::new(), |path, part| format!("{path}/properties/{part}"));
    schema.pointer_mut(&pointer)?.as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_and_word_reaches_the_schema() {
        let schema = schema();
        for (name, least, most) in BOUNDS {
            let pointer =
                name.split('.').fold(String::new(), |path, part| format!("{path}/properties/{part}"));
            let property = schema.pointer(&pointer).unwrap();
            let (low, high) =
                if property["type"] == "array" { ("minItems", "maxItems") } else { ("minimum", "maximum") };
            assert_eq!((&property[low], &property[high]), (&json!(least), &json!(most)), "{name}");
        }
        assert_eq!(schema["properties"]["environment"]["enum"][1], "production");
        assert_eq!(schema["properties"]["log"]["properties"]["format"]["enum"][0], "text");
        assert_eq!(schema["additionalProperties"], false);
    }
}
