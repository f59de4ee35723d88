//! `docs/errors.md` and the table of codes in `domain` are one: the page holds a row for each code, as it is.

use std::path::Path;

use anyhow::{Context, Result, bail};

const TABLE: &str = "crates/domain/src/code.rs";
const PAGE: &str = "docs/errors.md";
/// Cells of a row that come from the table; the rest explains.
const CELLS: usize = 7;

/// Rows that the page lacks, or has and should not.
pub fn breaches(root: &Path) -> Result<Vec<String>> {
    let table = std::fs::read_to_string(root.join(TABLE)).context(TABLE)?;
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    compare(&table, &page)
}

fn compare(table: &str, page: &str) -> Result<Vec<String>> {
    let wanted: Vec<String> = table.lines().filter_map(page_row).collect();
    if wanted.is_empty() {
        bail!("{TABLE} has no rows that xtask can read");
    }
    let shown: Vec<String> = page.lines().filter_map(first_cells).collect();
    let missing = wanted.iter().filter(|row| !shown.contains(row));
    let missing = missing.map(|row| format!("{PAGE}: the row `{row} …` of {TABLE} is missing"));
    let extra = shown.iter().filter(|row| !wanted.contains(row));
    let extra = extra.map(|row| format!("{PAGE}: `{row} …` is not a row of {TABLE}"));
    Ok(missing.chain(extra).collect())
}

/// `row(Code::X, 401, "word", "type", "code", "type", "STATUS", Retry::Never),` as the beginning of a row of the page.
fn page_row(line: &str) -> Option<String> {
    let inner = line.trim().strip_prefix("row(Code::")?.strip_suffix("),")?;
    let cells: Vec<&str> = inner.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
    let [_, status, word, kind, code, anthropic, google, retry] = cells.as_slice() else { return None };
    let retry = if *retry == "Retry::Later" { "yes" } else { "no" };
    Some(format!("| {status} | `{word}` | `{kind}` | `{code}` | `{anthropic}` | `{google}` | {retry} |"))
}

/// The first seven cells of a row that begins with a status.
fn first_cells(line: &str) -> Option<String> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let is_status = cells.first()?.len() == 3 && cells.first()?.bytes().all(|byte| byte.is_ascii_digit());
    (is_status && cells.len() > CELLS).then(|| format!("| {} |", cells[..CELLS].join(" | ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "    row(Code::RateLimited,  429, \"rate_limited\", \"rate_limit_error\", \"rate_limited\", \"rate_limit_error\", \"RESOURCE_EXHAUSTED\", Retry::Later),\n";

    #[test]
    fn the_page_and_the_table_agree() {
        let row = "| 429 | `rate_limited` | `rate_limit_error` | `rate_limited` | `rate_limit_error` | `RESOURCE_EXHAUSTED` | yes |";
        assert_eq!(compare(TABLE, &format!("| status | x |\n{row} A limit. |\n")).unwrap(), [""; 0]);
    }

    #[test]
    fn a_row_too_few_or_too_many_is_told() {
        assert_eq!(compare(TABLE, "").unwrap().len(), 1);
        let other = "| 418 | `teapot` | `a` | `b` | `c` | `D` | no | Never. |";
        assert_eq!(compare(TABLE, other).unwrap().len(), 2);
        assert!(compare("", other).is_err());
    }
}
