//! Other gateways that `bench/peers.toml` names. It reads the list and leaves out whose program is not installed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use crate::program::{on_path, say};

/// One other gateway, as the list has it.
#[derive(Debug)]
pub struct Peer {
    /// Its name in the table.
    pub name: String,
    /// The words that start it.
    pub command: Vec<String>,
    /// Variables of its environment.
    pub environment: BTreeMap<String, String>,
    /// Where it takes chat calls.
    pub url: String,
    /// The key it is called with.
    pub bearer: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// Those of the list whose program is here.
pub fn installed(list: &Path) -> Result<Vec<Peer>> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let mut peers = listed(&text)?;
    peers.retain(|peer| {
        let here = peer.command.first().is_some_and(|program| {
            if program.contains('/') { Path::new(program).is_file() } else { on_path(program).is_some() }
        });
        if !here {
            say(&format!("{} is not installed, and left out", peer.name));
        }
        here
    });
    Ok(peers)
}

fn listed(text: &str) -> Result<Vec<Peer>> {
    let table: Table = text.parse().context("the list of peers is no TOML")?;
    let rows = match table.get("peer") {
        None => return Ok(vec![]),
        Some(rows) => rows.as_array().context("`peer` is a list: [[peer]]")?,
    };
    rows.iter().map(peer).collect()
}

fn peer(row: &Value) -> Result<Peer> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").context("a peer has no name")?;
    let words =
        row.get("command").and_then(Value::as_array).with_context(|| format!("{name}: no command"))?;
    let command: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
    let command = command.filter(|words| !words.is_empty());
    let url = text("url").with_context(|| format!("{name}: no url"))?;
    if !url.starts_with("http://127.0.0.1:") {
        bail!("{name}: the url begins with http://127.0.0.1:");
    }
    Ok(Peer {
        command: command.with_context(|| format!("{name}: the command is a list of words"))?,
        environment: pairs(row, "environment").into_iter().collect(),
        url,
        bearer: text("bearer").unwrap_or_else(|| "none".to_owned()),
        headers: pairs(row, "headers"),
        name,
    })
}

fn pairs(row: &Value, name: &str) -> Vec<(String, String)> {
    let table = row.get(name).and_then(Value::as_table);
    let pair = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    table.into_iter().flatten().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_row_of_the_list() {
        let row = r#"[[peer]]
name = "other"
command = ["other", "--listen", "127.0.0.1:@PORT@"]
environment = { UPSTREAM = "@UPSTREAM@" }
url = "http://127.0.0.1:@PORT@/v1/chat/completions"
headers = { x-one = "1" }"#;
        let peers = listed(row).unwrap();
        assert_eq!((peers[0].command.len(), peers[0].bearer.as_str()), (3, "none"));
        assert_eq!(peers[0].headers, [("x-one".to_owned(), "1".to_owned())]);
        assert!(listed(&row.replace("127.0.0.1:@PORT@/", "example.com/")).is_err());
        assert!(listed("# none").unwrap().is_empty());
    }

    #[test]
    fn the_shipped_list_is_read() {
        let shipped = include_str!("../../../bench/peers.toml");
        listed(shipped).unwrap();
        let example = shipped.lines().skip_while(|line| !line.contains("[[peer]]"));
        let example: Vec<&str> = example.map(|line| line.trim_start_matches("# ")).collect();
        assert_eq!(listed(&example.join("\n")).unwrap().len(), 1);
    }
}
