//! Google's own schemas, a subset of OpenAPI 3.0, as JSON Schema: types in lower case, `nullable` as a type, counts that
//! are written as strings as numbers. The order of members stays, and so does everything else.

use crate::dialect::gemini::lenient;
use crate::json::build::{self, ObjectWriter};
use crate::json::look::{Kind, Value, is_spelling};

/// Members of a schema whose value is a count, which Google's clients may write as a string.
const COUNTS: [&str; 6] =
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// Members of a schema that are spelled in two ways.
const SPELLED: [&str; 3] = ["anyOf", "propertyOrdering", "additionalProperties"];

/// The schema as JSON Schema.
pub(super) fn to_json_schema(schema: Value<'_>) -> String {
    let mut out = Vec::with_capacity(schema.raw().len());
    write(schema, &mut out);
    // All that was written came out of texts and is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

fn write(schema: Value<'_>, out: &mut Vec<u8>) {
    if schema.kind() != Kind::Object {
        out.extend_from_slice(schema.compact().as_bytes());
        return;
    }
    let members = schema.members();
    let nullable = members.get("nullable").and_then(Value::boolean).unwrap_or(false);
    build::object(out, |written| {
        for (name, value) in members.said() {
            let known = COUNTS.into_iter().chain(SPELLED).find(|known| is_spelling(name, known));
            let name = known.unwrap_or(name);
            if name != "nullable" || value.kind() != Kind::Bool {
                member(name, value, nullable, written);
            }
        }
    });
}

/// Writes one member, if there is anything to write.
fn member(name: &str, value: Value<'_>, nullable: bool, written: &mut ObjectWriter<'_>) {
    match (name, value.kind()) {
        ("type", Kind::Text) => match word(value) {
            Some(word) if nullable => written.texts(name, [word.as_str(), "null"]),
            word => written.text_if(name, word.as_deref()),
        },
        ("type", Kind::Array) => {
            let words: Vec<String> = value.items().unwrap_or_default().into_iter().filter_map(word).collect();
            written.texts(name, words.iter().map(String::as_str));
        }
        ("properties" | "$defs" | "defs" | "definitions" | "patternProperties", Kind::Object) => {
            written.object(name, |schemas| {
                for (name, schema) in value.members().said() {
                    write(schema, schemas.place(name));
                }
            });
        }
        ("items" | "additionalProperties" | "not", _) => write(value, written.place(name)),
        ("anyOf" | "oneOf" | "allOf" | "prefixItems", Kind::Array) => written.array(name, |schemas| {
            for schema in value.items().unwrap_or_default() {
                write(schema, schemas.place());
            }
        }),
        (name, Kind::Text) if COUNTS.contains(&name) => written.plain_if(name, lenient::unsigned(value)),
        _ => written.raw(name, value.compact()),
    }
}

/// The type in JSON Schema's word; none where it says nothing.
fn word(value: Value<'_>) -> Option<String> {
    let word = value.text()?.to_ascii_lowercase();
    (word != "type_unspecified" && !word.is_empty()).then_some(word)
}
