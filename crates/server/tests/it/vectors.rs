//! The vector files: their rows, and that each of them is either run or listed with its reason.

use std::collections::BTreeSet;

use serde_json::Value;

const NOT_APPLICABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/not-applicable.md"));

/// All rows of a file, without the mark that calms scanners.
pub fn rows(name: &str) -> Vec<Value> {
    let path = format!("{}/../../tests/vectors/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap().replace('\u{27C2}', "");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The row of this id.
pub fn row(name: &str, id: &str) -> Value {
    rows(name).into_iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{name} has no row {id}"))
}

/// Asserts that each row of a file is either named by one of these tests or listed as not applicable, not both.
pub fn all_in_one_place(name: &str, tests: &[&str]) {
    let section = NOT_APPLICABLE.split("\n## ").find(|section| section.starts_with(&format!("{name}.jsonl")));
    let listed: BTreeSet<&str> = section
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let rows = rows(name);
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    for id in &ids {
        let run = tests.iter().any(|text| text.contains(&format!("\"{id}\"")));
        assert!(run != listed.contains(id), "{id}: run {run}, listed {}", listed.contains(id));
    }
    let strange: Vec<_> = listed.difference(&ids).collect();
    assert!(strange.is_empty(), "listed, but not in {name}: {strange:?}");
}
