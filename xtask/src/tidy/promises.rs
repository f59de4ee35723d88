//! Pages that promise something: each line of the OWASP mapping names a test that exists, each risk has a line, and the
//! security policy says what it must. What the tests show is not known here.

use std::path::Path;

use anyhow::{Context, Result};

/// The mapping.
const MAPPING: &str = "docs/owasp-api-top-10.md";
/// The risks of the list of 2023.
const RISKS: u32 = 10;
/// The security policy.
const POLICY: &str = "SECURITY.md";
/// What the policy promises, in its words.
const PROMISES: [(&str, &str); 6] = [
    ("an answer within 48 hours", "48 hours"),
    ("a judgement within 5 days", "5 days"),
    ("a fix of what is critical within 14 days", "14 days"),
    ("publication within 90 days", "90 days"),
    ("safe harbour", "## Safe harbour"),
    ("which versions are mended", "## Versions"),
];

/// The promises that are not kept.
pub fn breaches(root: &Path) -> Result<Vec<String>> {
    let read = |page: &str| {
        std::fs::read_to_string(root.join(page)).with_context(|| format!("{page} cannot be read"))
    };
    let exists = |path: &str, name: &str| {
        let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        ["fn ", "def "].iter().any(|word| text.contains(&format!("{word}{name}(")))
    };
    let mut found = of_mapping(&read(MAPPING)?, exists);
    let policy = read(POLICY)?;
    let broken = PROMISES.iter().filter(|(_, words)| !policy.contains(words));
    found.extend(broken.map(|(promise, words)| format!("{POLICY}: it lacks {promise} (`{words}`)")));
    Ok(found)
}

fn of_mapping(page: &str, exists: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = vec![];
    let sections: Vec<&str> = page.split("\n## API").skip(1).collect();
    for risk in 1..=RISKS {
        let section = sections.iter().find(|section| section.starts_with(&format!("{risk} ")));
        let rows = section.into_iter().flat_map(|section| section.lines());
        let rows: Vec<&str> =
            rows.filter(|line| line.starts_with("| ") && !line.ends_with("| test |")).collect();
        if rows.is_empty() {
            found.push(format!("{MAPPING}: API{risk} has no line"));
        }
        for row in rows {
            let named = row.rsplit('`').nth(1).and_then(|test| test.split_once("::"));
            match named {
                Some((path, name)) if exists(path, name) => {}
                _ => found.push(format!("{MAPPING}: there is no such test: {row}")),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_its_test_and_a_risk_without_a_line_are_told() {
        let section = |risk: u32, test: &str| {
            format!("\n## API{risk} A risk\n\n| what is held | test |\n|---|---|\n| It holds. | `{test}` |\n")
        };
        let check = |page: &str, expect: usize| {
            let found = of_mapping(page, |path, name| (path, name) == ("a.rs", "b"));
            assert_eq!(found.len(), expect, "{found:?}");
        };
        let whole: String = (1..=RISKS).map(|risk| section(risk, "a.rs::b")).collect();
        check(&whole, 0);
        check(&whole.replacen("a.rs::b", "a.rs::c", 1), 1);
        check(&whole.replacen("a.rs::b", "a.rs", 1), 1);
        check(&whole.replace("## API7", "## API17"), 1);
        check("", 10);
    }
}
