//! How Rust files look: where modules live, what they are not called, how long they get, how they begin.

use super::sources::Source;

/// Few files may be longer than this.
const LONGEST: usize = 400;

/// Files that are longer, and why that is better than a cut.
const LONGER: [(&str, &str); 0] = [];

const NO_NAMES: [&str; 7] = ["error", "types", "utils", "common", "helpers", "manager", "service"];

/// What is wrong with the layout of a file.
pub fn breaches(file: &Source) -> Vec<String> {
    let mut found = vec![];
    let mut say = |what: String| found.push(format!("{}: {what}", file.path));
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    if name == "mod.rs" {
        say(format!("a module is `{folder}.rs` beside its folder, never `mod.rs`"));
    }
    let module = name.trim_end_matches(".rs");
    if NO_NAMES.iter().any(|no| module == *no || folder.rsplit('/').next() == Some(no)) {
        say(format!(
            "no module is called `{module}`: name what is in it, and keep an error beside its cause"
        ));
    }
    let length = file.text.lines().count();
    let excused = LONGER.iter().any(|(path, _)| *path == file.path);
    if length > LONGEST && !excused {
        say(format!(
            "{length} lines: over {LONGEST} a file needs a cut, or its reason in xtask/src/tidy/layout.rs"
        ));
    }
    // A file of unit tests belongs to the module that declares it, whose head speaks for both.
    let spoken_for = name == "tests.rs" || is_fixture(&file.path);
    if !file.text.starts_with("//! ") && !spoken_for {
        say("begins without `//!`: one to five lines on what this is and what it refuses to know".to_owned());
    }
    for (at, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("#[ignore") {
            say(format!("line {}: an ignored test is no test", at + 1));
        }
        if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
            say(format!(
                "line {}: write #[expect(lint, reason = \"...\")], which ends with its cause",
                at + 1
            ));
        }
    }
    found
}

/// Excuses whose file is gone or short again.
pub fn stale_exceptions(files: &[Source]) -> Vec<String> {
    let long = |path: &str| files.iter().any(|file| file.path == path && file.text.lines().count() > LONGEST);
    let stale = LONGER.iter().filter(|(path, _)| !long(path));
    stale
        .map(|(path, _)| format!("{path}: excused for its length, but not long; drop it from layout.rs"))
        .collect()
}

/// Programs that a compiler test is expected to refuse are shown as they would be written.
fn is_fixture(path: &str) -> bool {
    path.contains("/tests/refused/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expect: &str) {
        let found = breaches(&Source { path: path.into(), text: text.into() }).join("\n");
        let right = if expect.is_empty() { found.is_empty() } else { found.contains(expect) };
        assert!(right, "{path}: {found:?} should say {expect:?}");
    }

    #[test]
    fn each_rule_can_fail() {
        check("crates/x/src/plan.rs", "//! What.\n", "");
        check("crates/x/src/plan/mod.rs", "//! What.\n", "never `mod.rs`");
        check("crates/x/src/utils.rs", "//! What.\n", "no module is called `utils`");
        check("crates/x/src/helpers/a.rs", "//! What.\n", "no module is called");
        check("crates/x/src/plan.rs", "use a::b;\n", "begins without");
        check("crates/x/src/plan.rs", &format!("//! What.\n{}", "//\n".repeat(399)), "");
        check("crates/x/src/plan.rs", &format!("//! What.\n{}", "//\n".repeat(400)), "401 lines");
        check("crates/x/src/plan.rs", "//! What.\n    #[ignore]\n", "line 2: an ignored test");
        check("crates/x/src/plan.rs", "//! What.\n#[allow(dead_code)]\n", "line 2: write #[expect");
    }
}
