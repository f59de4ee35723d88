//! Answers and streams in the shapes that providers send, each beside a page with the facts that must be read
//! from it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::price::Tokens;
use domain::protocol::Protocol;
use domain::usage::Surface;

use super::read_answer;
use crate::failure::UpstreamError;
use crate::tap::{Ending, Tap, UsageChunk};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/openai")
}

/// The sample files with this extension, by name.
pub(crate) fn samples(extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn describe_error(out: &mut String, error: Option<&UpstreamError>) {
    if let Some(error) = error {
        writeln!(out, "error: {:?} type {:?} code {:?}", error.message, error.kind, error.code).unwrap();
    }
}

/// The kinds that were used, and their sum.
pub(super) fn describe_tokens(tokens: Option<Tokens>) -> String {
    let Some(tokens) = tokens else { return "none".to_owned() };
    let kinds = [
        ("input", tokens.input),
        ("cache read", tokens.cache_read),
        ("cache written", tokens.cache_write),
        ("output", tokens.output),
        ("reasoning", tokens.reasoning),
        ("audio", tokens.audio),
    ];
    let used = kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{kind} {count}, "));
    format!("{}in all {}", used.collect::<String>(), tokens.total())
}

fn describe_answer(name: &str, body: &[u8]) -> String {
    let surface = match name.split('_').next() {
        Some("embeddings") => Surface::Embeddings,
        Some("completions") => Surface::Completions,
        _ => Surface::Chat,
    };
    let answer = read_answer(surface, body).unwrap();
    let tokens = describe_tokens(answer.tokens);
    let mut out = format!("tokens: {tokens}\noutput bytes: {}\n", answer.output_bytes);
    describe_error(&mut out, answer.error.as_ref());
    out
}

fn describe_stream(_name: &str, stream: &[u8]) -> String {
    let mut tap = Tap::new(Protocol::Chat, UsageChunk::Hide);
    let mut passed = VecDeque::new();
    tap.feed(Bytes::copy_from_slice(stream), &mut passed).unwrap();
    let bytes: usize = passed.iter().map(Bytes::len).sum();
    let mut out = format!(
        "tokens: {}\noutput bytes: {}\nevents: {}\nstarted: {}\nwithheld bytes: {}\n",
        describe_tokens(tap.tokens()),
        tap.output_bytes(),
        tap.events(),
        tap.started(),
        stream.len() - bytes
    );
    describe_error(&mut out, tap.take_error().as_ref());
    let ending = match tap.end(&mut VecDeque::new()) {
        Ending::Done { owed: b"" } => "done",
        Ending::Done { .. } => "done but for its mark",
        Ending::NoTerminal => "no terminal event",
    };
    writeln!(out, "ending: {ending}").unwrap();
    out
}

fn check(extension: &str, describe: fn(&str, &[u8]) -> String) {
    let mut wrong = String::new();
    for (name, bytes) in samples(extension) {
        let found = describe(&name, &bytes);
        let expected = std::fs::read_to_string(folder().join(format!("{name}.facts"))).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "== {name}.facts, expected:\n{expected}-- found:\n{found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn sample_answers_are_read() {
    check("json", describe_answer);
}

#[test]
fn sample_streams_are_read() {
    check("sse", describe_stream);
}
