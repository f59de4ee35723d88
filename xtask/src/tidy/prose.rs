//! What no text file of the repository may hold: unowned promises, paths of somebody's machine, addresses of
//! package registries, marks of an unfinished merge.

use super::sources::Source;

/// Written in two halves, so that this file does not hold what it forbids.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
const REGISTRIES: [&str; 5] = [
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.", "org/simple"),
    concat!("index.", "crates.io"),
];
const PROMISES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// What is wrong with the words of a file.
pub fn breaches(file: &Source) -> Vec<String> {
    // Vectors are adopted as they are, and lock files are cargo's.
    if file.path.starts_with("tests/vectors/") || file.path.ends_with("Cargo.lock") {
        return vec![];
    }
    let mut found = vec![];
    for (at, line) in file.text.lines().enumerate() {
        let mut say = |what: &str| found.push(format!("{}:{}: {what}", file.path, at + 1));
        if PROMISES.iter().any(|word| is_unowned(line, word)) {
            say("a promise without an issue: write it as WORD(#123), or keep it");
        }
        if MACHINE_PATHS.iter().any(|path| line.contains(path)) {
            say("a path of somebody's machine: the repository works wherever it is cloned");
        }
        if REGISTRIES.iter().any(|host| line.contains(host)) {
            say("the address of a package registry: clients know their own, lock files leave it out");
        }
        if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
            say("a merge was not finished");
        }
    }
    // Bytes of a provider are kept as they came, inputs of a fuzz target as they are fed.
    let as_it_came = file.path.contains("/testdata/") || file.path.starts_with("fuzz/seeds/");
    if !file.text.is_empty() && !file.text.ends_with('\n') && !as_it_came {
        found.push(format!("{}: the last line has no end", file.path));
    }
    found
}

fn is_unowned(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let alone =
            |letter: Option<char>| !letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        let rest = &line[at + word.len()..];
        let owned =
            rest.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        alone(line[..at].chars().next_back()) && alone(rest.chars().next()) && !owned
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: usize) {
        let found = breaches(&Source { path: "docs/a.md".into(), text: format!("{text}\n") });
        assert_eq!(found.len(), expect, "{text}: {found:?}");
    }

    #[test]
    fn promises_have_an_issue() {
        let word = PROMISES[0];
        check(&format!("// {word}: later"), 1);
        check(&format!("// {word}(#12): later"), 0);
        check(&format!("let {word}_LIST = 1;"), 0);
    }

    #[test]
    fn machines_and_registries_stay_out() {
        check(&format!("see {}main", MACHINE_PATHS[0]), 1);
        check(&format!("https://{}/a", REGISTRIES[0]), 1);
        check("see ./main", 0);
    }

    #[test]
    fn the_last_line_ends() {
        let file = Source { path: "a.toml".into(), text: "a = 1".into() };
        assert_eq!(breaches(&file).len(), 1);
    }
}
