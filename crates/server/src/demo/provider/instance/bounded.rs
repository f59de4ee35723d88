//! The smallest strings and numbers within a schema's bounds.

use serde_json::{Map, Number, Value, json};

use super::Impossible;

/// What a string says when nothing else is asked of it.
const WORD: &str = "demo";
/// Longest string, and most items, that a schema may demand.
const MAX_SIZE: usize = 4_096;
/// An example of each format: <https://json-schema.org/draft/2020-12/json-schema-validation#section-7>.
const FORMATS: [(&str, &str); 15] = [
    ("date-time", "2026-01-01T00:00:00Z"),
    ("date", "2026-01-01"),
    ("time", "00:00:00Z"),
    ("duration", "P1D"),
    ("email", "demo@example.com"),
    ("idn-email", "demo@example.com"),
    ("hostname", "example.com"),
    ("idn-hostname", "example.com"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("uri", "https://example.com/"),
    ("uri-reference", "https://example.com/"),
    ("iri", "https://example.com/"),
    ("uuid", "00000000-0000-4000-8000-000000000000"),
    ("json-pointer", "/demo"),
];

/// A count such as `minItems`.
pub(super) fn size(schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<usize>, Impossible> {
    let Some(value) = schema.get(keyword) else { return Ok(None) };
    let size = value.as_u64().ok_or(Impossible::Malformed(keyword))?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // An upper bound may be as large as it likes; a lower one is built.
    if size > MAX_SIZE && keyword.starts_with("min") {
        return Err(Impossible::Unsupported(keyword));
    }
    Ok(Some(size))
}

/// A string.
pub(super) fn string(schema: &Map<String, Value>) -> Result<Value, Impossible> {
    let shortest = size(schema, "minLength")?.unwrap_or(0);
    let longest = size(schema, "maxLength")?.unwrap_or(usize::MAX);
    if shortest > longest {
        return Err(Impossible::Nothing);
    }
    if let Some(format) = schema.get("format") {
        let format = format.as_str().ok_or(Impossible::Malformed("format"))?;
        let known = FORMATS.into_iter().find(|(name, _)| *name == format);
        let (_, example) = known.ok_or(Impossible::Unsupported("format"))?;
        let fits = (shortest..=longest).contains(&example.len());
        return if fits { Ok(json!(example)) } else { Err(Impossible::Unsupported("format")) };
    }
    let length = WORD.len().clamp(shortest, longest);
    Ok(json!(WORD.chars().chain(std::iter::repeat('x')).take(length).collect::<String>()))
}

/// A whole number.
pub(super) fn integer(schema: &Map<String, Value>) -> Result<Value, Impossible> {
    let step = limit(schema, "multipleOf")?.unwrap_or(1.0);
    if step.fract() != 0.0 {
        return Err(Impossible::Unsupported("multipleOf"));
    }
    Range::read(schema)?.stepped(step)
}

/// A number.
pub(super) fn number(schema: &Map<String, Value>) -> Result<Value, Impossible> {
    let range = Range::read(schema)?;
    match limit(schema, "multipleOf")? {
        Some(step) => range.stepped(step),
        None => range.any(),
    }
}

fn limit(schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<f64>, Impossible> {
    schema.get(keyword).map(|value| value.as_f64().ok_or(Impossible::Malformed(keyword))).transpose()
}

struct Range {
    least: f64,
    most: f64,
    above: f64,
    below: f64,
}

impl Range {
    fn read(schema: &Map<String, Value>) -> Result<Self, Impossible> {
        Ok(Self {
            least: limit(schema, "minimum")?.unwrap_or(f64::NEG_INFINITY),
            most: limit(schema, "maximum")?.unwrap_or(f64::INFINITY),
            above: limit(schema, "exclusiveMinimum")?.unwrap_or(f64::NEG_INFINITY),
            below: limit(schema, "exclusiveMaximum")?.unwrap_or(f64::INFINITY),
        })
    }

    fn holds(&self, number: f64) -> bool {
        (self.least..=self.most).contains(&number) && number > self.above && number < self.below
    }

    /// Zero, or the multiple of `step` nearest to it.
    fn stepped(&self, step: f64) -> Result<Value, Impossible> {
        if step <= 0.0 {
            return Err(Impossible::Malformed("multipleOf"));
        }
        let lowest = (self.low() / step).ceil();
        let highest = (self.high() / step).floor();
        let candidates = [0.0, lowest, lowest + 1.0, highest, highest - 1.0];
        self.first(candidates.map(|multiple| multiple * step))
    }

    /// Zero, or a number near the bound that is nearest to it.
    fn any(&self) -> Result<Value, Impossible> {
        let (low, high) = (self.low(), self.high());
        self.first([0.0, low, high, low + 1.0, high - 1.0, low + (high - low) / 2.0])
    }

    fn low(&self) -> f64 {
        self.least.max(self.above)
    }

    fn high(&self) -> f64 {
        self.most.min(self.below)
    }

    fn first(&self, candidates: impl IntoIterator<Item = f64>) -> Result<Value, Impossible> {
        let found = candidates.into_iter().find(|&number| number.is_finite() && self.holds(number));
        found.and_then(written).map(Value::Number).ok_or(Impossible::Nothing)
    }
}

/// A number as JSON, without a decimal point where it is whole: many readers take `1.0` for no integer.
fn written(number: f64) -> Option<Number> {
    // Adding zero turns a negative zero into a plain one.
    let number = number + 0.0;
    if number.fract() == 0.0 { format!("{number:.0}").parse().ok() } else { Number::from_f64(number) }
}
