//! `docs/wire-facts.md`: what real traffic does, each fact with the tests that hold it. A test belongs to a fact by its
//! name, `wire_fact_NN_…`, and a fact without one is a breach.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::program::say;
use crate::tidy::sources::{self, Source};

const PAGE: &str = "docs/wire-facts.md";
const MARK: &str = "fn wire_fact_";

/// What real traffic does, in short; the number is the place in the list.
#[rustfmt::skip]
const FACTS: [&str; 50] = [
    "Gemini's calls have no id: unique ones are made, and results are led back by id, then name and order.",
    "Grammars of tool ids exclude each other: one that does not fit is replaced, the same for call and result.",
    "Gemini wants its signature back with a call: it rides in the id for callers that send back nothing else.",
    "Claude's tool turns begin with the signed thought; without it, and beside what thinking forbids, rules hold.",
    "A call without arguments has `{}`, never an empty text.",
    "Gemini may stream the arguments of a call in pieces with a path.",
    "Calls in streams get an index from 0, and id, type and name once, however the provider cuts them.",
    "Tools that the provider runs are no calls for the caller.",
    "Results of one round are one turn, right after the calls, before any text.",
    "Pictures and documents in results reach a protocol that takes text alone in the user's next turn.",
    "Every form of tool choice has its counterpart or is named.",
    "Tools come without a type, as one object, with schemas of either spelling.",
    "Tools that are no functions are refused by name, never lost.",
    "System text in mid-conversation stays where it is, or the move is named.",
    "Marks for caching stand on single blocks and stay there.",
    "A model that is not known gets what its protocol does today.",
    "Blank text is left out where it is refused; nothing is put in its place.",
    "A turn of the assistant may have no content, null, an empty text or a list.",
    "Histories that look odd are legal and stay as they are.",
    "Gemini says STOP with a call: the caller is told of tool calls. A filter is told as one.",
    "Refusals, pauses and full contexts of Claude, and interventions of guards, have their words.",
    "Words for the end that are on no list are put into order.",
    "Azure's first chunk has no choices, and a filtered choice no message.",
    "Without its end a stream is no success.",
    "Claude's input leaves the cache out: the prompt is the sum.",
    "The other way round the cached part is subtracted.",
    "Usage of a stream is cumulative: the last word counts, nothing is added.",
    "What a compaction or an adviser used is counted although it is beside the sum.",
    "Gemini's parts add up to its total; a part may be absent.",
    "Reasoning lies within the completion everywhere but at xAI.",
    "Cohere bills other numbers than it counts.",
    "Usage in a stream is always asked for, and hidden from who did not ask.",
    "Usage stands in an event of its own, in the last one, or elsewhere.",
    "Cached tokens have many names; members that are not known stay.",
    "A question for the number of tokens is relayed, not estimated.",
    "Events end with either line end; comments, pings and odd orders are legal.",
    "A border between pieces may lie anywhere, in a character too.",
    "Bedrock's events: no start for text, usage after the end, padding, exceptions under status 200.",
    "Claude's answers have several texts, and kinds of events that nobody knows yet.",
    "Items of OpenAI's responses go back word for word; numbers of events have no gaps; state binds to an account.",
    "Clients forgive members too many, and few forgive one too few.",
    "Padding that hides lengths is no part of an answer.",
    "Gemini takes no picture by address: it is refused, never fetched, never lost.",
    "A PDF is a document in every protocol; base64 comes in two alphabets.",
    "Every dialect has its own shape of an error.",
    "An error may come under status 200: at first it is a status, later an event.",
    "Advice to come back later is passed on; a bad key of the gate's is not the caller's.",
    "The upstream's head names the account: nothing of it is passed down.",
    "Names of models are parts of paths.",
    "Where the protocol is the same, bytes stay as they are.",
];

/// Writes the page anew.
pub fn write(places: &Places) -> Result<()> {
    let page = page(&sources::tracked(&places.root)?);
    std::fs::write(places.root.join(PAGE), page).context(PAGE)?;
    say(&format!("wrote {PAGE}"));
    Ok(())
}

/// Facts without a test, tests of no fact, and a page that says otherwise.
pub fn breaches(root: &Path, files: &[Source]) -> Result<Vec<String>> {
    let tests = tests(files);
    let untested = (1..=FACTS.len()).filter(|number| !tests.contains_key(number));
    let mut breaches: Vec<String> =
        untested.map(|number| format!("no test is named `wire_fact_{number:02}_…`")).collect();
    let strangers = tests.keys().filter(|number| !(1..=FACTS.len()).contains(*number));
    breaches.extend(strangers.map(|number| format!("`wire_fact_{number:02}_…`: there is no such fact")));
    if std::fs::read_to_string(root.join(PAGE)).context(PAGE)? != page(files) {
        breaches.push(format!("{PAGE} is stale: run `cargo xtask facts`"));
    }
    Ok(breaches)
}

/// The tests of each fact, by file.
fn tests(files: &[Source]) -> BTreeMap<usize, Vec<(String, String)>> {
    let mut found: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust() && file.path.starts_with("crates/")) {
        for line in file.text.lines() {
            let Some((_, rest)) = line.split_once(MARK) else { continue };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let number = name.split('_').next().and_then(|digits| digits.parse().ok());
            if let Some(number) = number {
                found.entry(number).or_default().push((file.path.clone(), format!("wire_fact_{name}")));
            }
        }
    }
    found
}

fn page(files: &[Source]) -> String {
    let tests = tests(files);
    let mut page = String::from(
        "# What real traffic does\n\n\
         This page is written by `cargo xtask facts`; do not edit it by hand. Each row is a fact about real clients and\n\
         providers, and the tests that hold it: a test belongs to a fact by its name.\n\n\
         | fact | tests |\n|---|---|\n",
    );
    for (number, fact) in (1..).zip(FACTS) {
        let of_this = tests.get(&number).map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<String> =
            of_this.iter().map(|(path, name)| format!("[`{name}`](../{path})")).collect();
        names.sort();
        let _ = writeln!(page, "| {number}. {fact} | {} |", names.join("<br>"));
    }
    page
}
