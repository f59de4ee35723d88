//! Two schemas that must both hold, as one. What cannot be joined with certainty is refused.

use serde_json::{Map, Value};

use super::Impossible;

/// Keywords that describe and do not restrict.
const DESCRIBING: [&str; 15] = [
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "discriminator",
    "strict",
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
];

/// A schema whose instances are instances of `left` and of `right`.
pub(super) fn both(left: &Value, right: &Value) -> Result<Value, Impossible> {
    match (left, right) {
        (Value::Bool(true), other) | (other, Value::Bool(true)) => Ok(other.clone()),
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Ok(Value::Bool(false)),
        (Value::Object(left), Value::Object(right)) => objects(left, right).map(Value::Object),
        _ => Err(Impossible::Malformed("schema")),
    }
}

fn objects(left: &Map<String, Value>, right: &Map<String, Value>) -> Result<Map<String, Value>, Impossible> {
    let mut merged = left.clone();
    for (keyword, theirs) in right {
        let joined = match left.get(keyword) {
            None => theirs.clone(),
            Some(ours) => join(keyword, ours, theirs)?,
        };
        merged.insert(keyword.clone(), joined);
    }
    Ok(merged)
}

fn join(keyword: &str, ours: &Value, theirs: &Value) -> Result<Value, Impossible> {
    match (keyword, ours, theirs) {
        _ if ours == theirs || DESCRIBING.contains(&keyword) => Ok(theirs.clone()),
        ("required", Value::Array(ours), Value::Array(theirs)) => {
            let new = theirs.iter().filter(|name| !ours.contains(name));
            Ok(Value::Array(ours.iter().chain(new).cloned().collect()))
        }
        ("properties", Value::Object(ours), Value::Object(theirs)) => {
            let mut merged = ours.clone();
            for (name, their_schema) in theirs {
                let joined = match ours.get(name) {
                    None => their_schema.clone(),
                    Some(our_schema) => both(our_schema, their_schema)?,
                };
                merged.insert(name.clone(), joined);
            }
            Ok(Value::Object(merged))
        }
        ("additionalProperties", ours, theirs) => both(ours, theirs),
        _ => Err(Impossible::Unsupported("two different values of one keyword")),
    }
}
