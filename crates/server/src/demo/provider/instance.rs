//! The smallest valid instance of a JSON schema: required members only, arrays as short as allowed, the first of
//! several alternatives that works. Keywords it cannot honour are refused by name, never ignored; those that only
//! describe are ignored (JSON Schema 2020-12).

use std::cell::Cell;

use serde_json::{Map, Value, json};

mod bounded;
mod merge;

/// Deepest nesting of schemas followed.
const MAX_DEPTH: usize = 64;
/// Most values in one instance, and most schemas looked at for it.
const MAX_STEPS: usize = 10_000;
/// Keywords that restrict an instance in ways that are not built.
const REFUSED: [&str; 12] = [
    "not",
    "if",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "patternProperties",
    "propertyNames",
    "contains",
    "pattern",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
];

/// Why no instance is made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Impossible {
    /// A keyword that is not built, or not with this value.
    #[error("the demo provider does not build `{0}`")]
    Unsupported(&'static str),
    /// A `$ref` that leads nowhere in this document.
    #[error("a `$ref` leads nowhere")]
    Unresolved,
    /// Required members that contain themselves, or a schema too large.
    #[error("it has no end within bounds")]
    Endless,
    /// No value satisfies it.
    #[error("no value satisfies it")]
    Nothing,
    /// Not a schema.
    #[error("`{0}` does not have the form of JSON Schema")]
    Malformed(&'static str),
}

/// The smallest valid instance of `schema`.
pub(super) fn of(schema: &Value) -> Result<Value, Impossible> {
    Maker { root: schema, steps: Cell::new(0) }.make(schema, &Trail::default())
}

struct Maker<'a> {
    root: &'a Value,
    steps: Cell<usize>,
}

/// How a schema was reached: how deep, and through which references.
#[derive(Clone, Default)]
struct Trail {
    depth: usize,
    references: Vec<String>,
}

impl Trail {
    fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, references: self.references.clone() }
    }

    fn through(&self, reference: &str) -> Result<Self, Impossible> {
        if self.references.iter().any(|seen| seen == reference) {
            return Err(Impossible::Endless);
        }
        let mut trail = self.deeper();
        trail.references.push(reference.to_owned());
        Ok(trail)
    }
}

impl Maker<'_> {
    fn make(&self, schema: &Value, trail: &Trail) -> Result<Value, Impossible> {
        self.steps.set(self.steps.get() + 1);
        if trail.depth > MAX_DEPTH || self.steps.get() > MAX_STEPS {
            return Err(Impossible::Endless);
        }
        let schema = match schema {
            Value::Bool(true) => return Ok(json!("demo")),
            Value::Bool(false) => return Err(Impossible::Nothing),
            Value::Object(schema) => schema,
            _ => return Err(Impossible::Malformed("schema")),
        };
        if let Some(keyword) = REFUSED.into_iter().find(|&keyword| schema.contains_key(keyword)) {
            return Err(Impossible::Unsupported(keyword));
        }
        if let Some(value) = schema.get("const") {
            return Ok(value.clone());
        }
        if let Some(values) = schema.get("enum") {
            let values = values.as_array().ok_or(Impossible::Malformed("enum"))?;
            return values.first().cloned().ok_or(Impossible::Nothing);
        }
        if let Some(reference) = schema.get("$ref") {
            let reference = reference.as_str().ok_or(Impossible::Malformed("$ref"))?;
            let target = self.resolve(reference)?;
            let merged = merge::both(target, &without(schema, "$ref"))?;
            return self.make(&merged, &trail.through(reference)?);
        }
        if let Some(parts) = schema.get("allOf") {
            return self.make(&self.all_of(schema, parts)?, &trail.deeper());
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(alternatives) = schema.get(keyword) {
                return self.first_of(&without(schema, keyword), keyword, alternatives, trail);
            }
        }
        match kind(schema)? {
            "object" => self.object(schema, trail),
            "array" => self.array(schema, trail),
            "string" => bounded::string(schema),
            "integer" => bounded::integer(schema),
            "number" => bounded::number(schema),
            "boolean" => Ok(json!(false)),
            "null" => Ok(Value::Null),
            _ => Err(Impossible::Malformed("type")),
        }
    }

    fn resolve(&self, reference: &str) -> Result<&Value, Impossible> {
        let pointer = reference.strip_prefix('#').ok_or(Impossible::Unresolved)?;
        self.root.pointer(pointer).ok_or(Impossible::Unresolved)
    }

    fn all_of(&self, schema: &Map<String, Value>, parts: &Value) -> Result<Value, Impossible> {
        let mut merged = without(schema, "allOf");
        for part in parts.as_array().ok_or(Impossible::Malformed("allOf"))? {
            // Two references cannot stand side by side in one schema, so each is followed before it is merged.
            let part = match part.get("$ref").and_then(Value::as_str) {
                Some(reference) => merge::both(self.resolve(reference)?, &part_without_reference(part))?,
                None => part.clone(),
            };
            merged = merge::both(&merged, &part)?;
        }
        Ok(merged)
    }

    fn first_of(
        &self,
        rest: &Value,
        keyword: &'static str,
        alternatives: &Value,
        trail: &Trail,
    ) -> Result<Value, Impossible> {
        let mut why = Impossible::Nothing;
        for alternative in alternatives.as_array().ok_or(Impossible::Malformed(keyword))? {
            match merge::both(rest, alternative).and_then(|merged| self.make(&merged, &trail.deeper())) {
                Ok(value) => return Ok(value),
                Err(refused) => why = refused,
            }
        }
        Err(why)
    }

    fn object(&self, schema: &Map<String, Value>, trail: &Trail) -> Result<Value, Impossible> {
        let required = match schema.get("required") {
            None => &[],
            Some(names) => names.as_array().ok_or(Impossible::Malformed("required"))?.as_slice(),
        };
        let mut object = Map::new();
        for name in required {
            let name = name.as_str().ok_or(Impossible::Malformed("required"))?;
            let member = schema
                .get("properties")
                .and_then(|properties| properties.get(name))
                .or_else(|| schema.get("additionalProperties"))
                .unwrap_or(&Value::Bool(true));
            object.insert(name.to_owned(), self.make(member, &trail.deeper())?);
        }
        let fewest = bounded::size(schema, "minProperties")?.unwrap_or(0);
        if fewest > object.len() {
            return Err(Impossible::Unsupported("minProperties"));
        }
        match bounded::size(schema, "maxProperties")? {
            Some(most) if object.len() > most => Err(Impossible::Nothing),
            _ => Ok(Value::Object(object)),
        }
    }

    fn array(&self, schema: &Map<String, Value>, trail: &Trail) -> Result<Value, Impossible> {
        let length = bounded::size(schema, "minItems")?.unwrap_or(0);
        if bounded::size(schema, "maxItems")?.is_some_and(|most| length > most) {
            return Err(Impossible::Nothing);
        }
        if length > 1 && schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            return Err(Impossible::Unsupported("uniqueItems"));
        }
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = schema.get("items").unwrap_or(&Value::Bool(true));
        let items = (0..length).map(|at| self.make(first.get(at).unwrap_or(rest), &trail.deeper()));
        items.collect::<Result<Vec<Value>, Impossible>>().map(Value::Array)
    }
}

fn without(schema: &Map<String, Value>, keyword: &str) -> Value {
    Value::Object(schema.iter().filter(|(name, _)| *name != keyword).map(clone_member).collect())
}

fn part_without_reference(part: &Value) -> Value {
    part.as_object().map_or(Value::Bool(true), |part| without(part, "$ref"))
}

fn clone_member((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// The type to make: the one that is said (the first that is not null, of several), or the one that the other
/// keywords are about. A schema that says nothing gets a string.
fn kind(schema: &Map<String, Value>) -> Result<&str, Impossible> {
    const SIGNS: [(&str, &str); 13] = [
        ("properties", "object"),
        ("required", "object"),
        ("additionalProperties", "object"),
        ("minProperties", "object"),
        ("items", "array"),
        ("prefixItems", "array"),
        ("minItems", "array"),
        ("minimum", "number"),
        ("maximum", "number"),
        ("exclusiveMinimum", "number"),
        ("exclusiveMaximum", "number"),
        ("multipleOf", "number"),
        ("minLength", "string"),
    ];
    match schema.get("type") {
        Some(Value::String(kind)) => Ok(kind),
        Some(Value::Array(kinds)) => {
            let kinds = || kinds.iter().filter_map(Value::as_str);
            kinds()
                .find(|&kind| kind != "null")
                .or_else(|| kinds().next())
                .ok_or(Impossible::Malformed("type"))
        }
        Some(_) => Err(Impossible::Malformed("type")),
        None => {
            let sign = SIGNS.into_iter().find(|(keyword, _)| schema.contains_key(*keyword));
            Ok(sign.map_or("string", |(_, kind)| kind))
        }
    }
}

#[cfg(test)]
mod tests;
