//! The rows of the shared test vectors, ready for use: marks removed, generated parts written out.

use serde_json::Value;

/// The rows of one file.
pub(crate) fn rows(text: &str) -> Vec<Value> {
    let clean = text.replace("\\u27c2", "").replace('\u{27c2}', "");
    let rows: Vec<Value> = clean.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!rows.is_empty());
    rows
}

/// `text` with each `__GEN_<unit>x<count>__` written out.
pub(crate) fn expand(text: &str) -> String {
    let Some((before, rest)) = text.split_once("__GEN_") else { return text.to_owned() };
    let (generator, after) = rest.split_once("__").unwrap();
    let (unit, count) = generator.rsplit_once('x').unwrap();
    format!("{before}{}{}", unit.repeat(count.parse().unwrap()), expand(after))
}
