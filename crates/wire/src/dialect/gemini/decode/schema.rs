//! Google's own schemas, a subset of OpenAPI 3.0, as JSON Schema: types in lower case, `nullable` as a type, counts that
//! are written as strings as numbers. The order of members stays, and so does everything else.

use crate::dialect::gemini::raw::{Kind, Raw, is_spelling};
use crate::json::push_text;

/// Members of a schema whose value is a count, which Google's clients may write as a string.
const COUNTS: [&str; 6] =
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// Members of a schema that are spelled in two ways.
const SPELLED: [&str; 3] = ["anyOf", "propertyOrdering", "additionalProperties"];

/// The schema as JSON Schema.
pub(super) fn to_json_schema(schema: Raw<'_>) -> String {
    let mut out = Vec::with_capacity(schema.json().len());
    write(schema, &mut out);
    // All that was written came out of texts and is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

fn write(schema: Raw<'_>, out: &mut Vec<u8>) {
    if schema.kind() != Kind::Object {
        out.extend_from_slice(schema.json().as_bytes());
        return;
    }
    let members = schema.object();
    let nullable = members.get("nullable").and_then(Raw::boolean).unwrap_or(false);
    let mut first = true;
    out.push(b'{');
    for (name, value) in members.members() {
        let known = COUNTS.into_iter().chain(SPELLED).find(|known| is_spelling(name, known));
        let name = known.unwrap_or(name);
        if name == "nullable" && value.kind() == Kind::Bool {
            continue;
        }
        let start = out.len();
        if !first {
            out.push(b',');
        }
        push_text(out, name);
        out.push(b':');
        if member(name, value, nullable, out) {
            first = false;
        } else {
            out.truncate(start);
        }
    }
    out.push(b'}');
}

/// Writes the value of one member, and says whether there was anything to write.
fn member(name: &str, value: Raw<'_>, nullable: bool, out: &mut Vec<u8>) -> bool {
    match (name, value.kind()) {
        ("type", Kind::Text) => return word(value, nullable, out),
        ("type", Kind::Array) => list(value, out, |item, out| {
            word(item, false, out);
        }),
        ("properties" | "$defs" | "defs" | "definitions" | "patternProperties", Kind::Object) => {
            out.push(b'{');
            for (index, (name, schema)) in value.object().members().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_text(out, name);
                out.push(b':');
                write(schema, out);
            }
            out.push(b'}');
        }
        ("items" | "additionalProperties" | "not", _) => write(value, out),
        ("anyOf" | "oneOf" | "allOf" | "prefixItems", Kind::Array) => list(value, out, write),
        (name, Kind::Text) if COUNTS.contains(&name) => {
            let Some(count) = value.unsigned() else { return false };
            out.extend_from_slice(count.to_string().as_bytes());
        }
        _ => out.extend_from_slice(value.json().as_bytes()),
    }
    true
}

fn list(value: Raw<'_>, out: &mut Vec<u8>, write: impl Fn(Raw<'_>, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in value.items().into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn word(value: Raw<'_>, nullable: bool, out: &mut Vec<u8>) -> bool {
    let word = value.text().unwrap_or_default().to_ascii_lowercase();
    if word == "type_unspecified" || word.is_empty() {
        return false;
    }
    if nullable {
        out.push(b'[');
        push_text(out, &word);
        out.extend_from_slice(b",\"null\"]");
    } else {
        push_text(out, &word);
    }
    true
}
