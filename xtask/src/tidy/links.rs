//! Links between the documents: a relative link leads to a file, and its fragment to a heading there.

use std::path::Path;

use super::sources::Source;

/// The links of a Markdown file that lead nowhere.
pub fn breaches(root: &Path, file: &Source) -> Vec<String> {
    if !file.path.ends_with(".md") {
        return vec![];
    }
    let folder = root.join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
    let mut found = vec![];
    for (line, target) in links(&file.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
        let full = if path.is_empty() { root.join(&file.path) } else { folder.join(path) };
        let leads = if fragment.is_empty() {
            full.exists()
        } else {
            std::fs::read_to_string(&full)
                .is_ok_and(|text| headings(&text).iter().any(|slug| slug == fragment))
        };
        if !leads {
            found.push(format!("{}:{line}: the link to `{target}` leads nowhere", file.path));
        }
    }
    found
}

/// The targets of inline links with their line numbers, outside code blocks.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = vec![];
    for (at, line) in prose_lines(text) {
        let mut rest = line;
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let Some(end) = rest.find(')') else { break };
            found.push((at, &rest[..end]));
            rest = &rest[end..];
        }
    }
    found
}

/// The fragments that the headings of a document answer to, in the way forges make them.
fn headings(text: &str) -> Vec<String> {
    let titles = prose_lines(text).filter_map(|(_, line)| line.strip_prefix('#'));
    titles.map(|title| slug(title.trim_start_matches('#').trim())).collect()
}

fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((at + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_outside_code_are_found() {
        let text = "[a](b.md) and [c](d.md#e)\n```\n[x](y)\n```\n";
        assert_eq!(links(text), [(1, "b.md"), (1, "d.md#e")]);
    }

    #[test]
    fn headings_become_fragments() {
        assert_eq!(
            headings("# Keys, limits & more\n```\n# no\n```\n## `make run`\n"),
            ["keys-limits--more", "make-run"]
        );
    }

    #[test]
    fn a_link_to_nothing_is_told() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let check = |text: &str| breaches(root, &Source { path: "a.md".into(), text: text.into() }).len();
        assert_eq!(check("[a](Cargo.toml) [b](https://example.com/x)"), 0);
        assert_eq!(check("[a](Cargo.yaml)"), 1);
        assert_eq!(check("[a](Cargo.toml#no-such-heading)"), 1);
    }
}
