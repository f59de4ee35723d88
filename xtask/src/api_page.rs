//! `cargo xtask api`: writes the description of the admin API anew where it is kept, and the table of who may call what
//! into its page. It reads the description as any client does and knows nothing of how it is made.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::places::Places;
use crate::program::{cargo, run, say};

const DOCUMENT: &str = "docs/openapi.json";
const PAGE: &str = "docs/admin-api.md";
/// What stands above the table, and what after it.
const HEAD: &str = "| operation | what it does | who may |\n|---|---|---|\n";
/// How to mend what is stale.
const MEND: &str = "`cargo xtask api` writes it anew";

/// Writes both.
pub fn write(places: &Places) -> Result<()> {
    run(cargo(&places.root).args(["build", "--bin", "portcullis"]))?;
    let said = Command::new(places.debug_binary()).arg("openapi").output()?;
    if !said.status.success() {
        bail!("portcullis openapi: {}", String::from_utf8_lossy(&said.stderr));
    }
    std::fs::write(places.root.join(DOCUMENT), &said.stdout)?;
    let table = table(&serde_json::from_slice(&said.stdout)?)?;
    let page = std::fs::read_to_string(places.root.join(PAGE)).context(PAGE)?;
    let old = kept(&page).with_context(|| format!("{PAGE} has no table that begins with {HEAD}"))?;
    std::fs::write(places.root.join(PAGE), page.replacen(old, &table, 1))?;
    say(&format!("{DOCUMENT} and the table of {PAGE} are written"));
    Ok(())
}

/// Says when the page's table is not the description's.
pub fn breaches(root: &Path) -> Result<Vec<String>> {
    let document = std::fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    compare(&serde_json::from_str(&document)?, &page)
}

fn compare(document: &Value, page: &str) -> Result<Vec<String>> {
    let fresh = kept(page) == Some(table(document)?.as_str());
    Ok(if fresh { vec![] } else { vec![format!("{PAGE}: the table is not that of {DOCUMENT}; {MEND}")] })
}

/// The table as the page has it.
fn kept(page: &str) -> Option<&str> {
    let from = page.find(HEAD)?;
    let rows = page.get(from..)?;
    let end = rows.find("\n\n").map_or(rows.len(), |end| end + 1);
    rows.get(..end)
}

fn table(document: &Value) -> Result<String> {
    let mut rows = String::from(HEAD);
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for (method, operation) in item.as_object().context("a path without methods")? {
            let name = format!("{} {}", method.to_uppercase(), path.trim_start_matches("/api/v1"));
            let summary = operation["summary"].as_str().with_context(|| format!("{name} has no summary"))?;
            let who = who(&operation["x-access"]).with_context(|| format!("who may call {name}?"))?;
            rows += &format!("| `{name}` | {} | {who} |\n", summary.trim());
        }
    }
    Ok(rows)
}

/// A rule in words.
fn who(access: &Value) -> Option<String> {
    let roles: Vec<&str> = access["roles"].as_array()?.iter().filter_map(Value::as_str).collect();
    let all = ["owner", "admin", "member", "auditor"].iter().all(|role| roles.contains(role));
    let roles = if all { "any member".to_owned() } else { roles.join(", ") };
    Some(match access["rule"].as_str()? {
        "public" => "anybody".to_owned(),
        "token" => "who holds the token".to_owned(),
        "person" => "who is logged in".to_owned(),
        "operator" => "operator".to_owned(),
        "operator_in_person" => "operator, logged in".to_owned(),
        "impersonator" => "who acts as somebody else".to_owned(),
        "operator_or" => format!("operator; {roles}"),
        "org" => roles,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        let operation = |rule: &str, roles: &[&str]| json!({"summary": "Do it", "x-access": {"rule": rule, "roles": roles}});
        json!({"paths": {
            "/api/v1/keys": {"get": operation("org", &["owner", "admin", "member", "auditor"])},
            "/api/v1/usage": {"get": operation("operator_or", &["owner"])},
        }})
    }

    const ROWS: &str = "| `GET /keys` | Do it | any member |\n| `GET /usage` | Do it | operator; owner |\n";

    #[test]
    fn the_page_and_the_description_agree() {
        let page = format!("Text.\n\n{HEAD}{ROWS}\nMore.\n");
        assert_eq!(compare(&document(), &page).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_stale_or_cannot_be_read_is_told() {
        let check = |page: &str| assert_eq!(compare(&document(), page).unwrap().len(), 1, "{page}");
        check("");
        check(&format!("{HEAD}\n"));
        check(&format!("{HEAD}{ROWS}| `GET /more` | | |\n"));
        let unknown =
            json!({"paths": {"/x": {"get": {"summary": "x", "x-access": {"rule": "new", "roles": []}}}}});
        assert!(compare(&unknown, "").is_err());
    }
}
