//! The files that belong to the repository, and a Rust file cut into what runs and what only tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::program::output;

/// One text file of the repository.
pub struct Source {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file only tests.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.starts_with("tests/") || self.path.ends_with("/tests.rs")
    }

    /// The numbered lines that run in the product: no comments, and nothing from the test module on, which by
    /// convention closes a file.
    pub fn product_lines(&self) -> Vec<(usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = (0..lines.len()).find(|&at| begins_test_module(&lines[at..])).unwrap_or(lines.len());
        let code = lines[..end].iter().enumerate().map(|(at, line)| (at + 1, without_comment(line)));
        code.filter(|(_, line)| !line.trim().is_empty()).collect()
    }
}

/// All text files that git tracks or would track.
pub fn tracked(root: &Path) -> Result<Vec<Source>> {
    let mut list = Command::new("git");
    list.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut files = vec![];
    for path in output(&mut list)?.split_terminator('\0') {
        let full = root.join(path);
        // A file deleted in the work tree is still listed until it is staged.
        if !full.is_file() {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| format!("cannot read {path}"))?;
        // What is not text (an image, a fixture of raw bytes) has no rules here.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

/// The Rust files under a folder.
pub fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn begins_test_module(lines: &[&str]) -> bool {
    lines[0] == "#[cfg(test)]" && lines.get(1).is_some_and(|next| next.starts_with("mod "))
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split(" // ").next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_is_product() {
        let text = "//! Doc.\nlet a = 1; // why\n// note\n\n#[cfg(test)]\nmod tests {\n    forbidden();\n}\n";
        let source = Source { path: "crates/x/src/a.rs".into(), text: text.into() };
        assert_eq!(source.product_lines(), [(2, "let a = 1;")]);
    }
}
