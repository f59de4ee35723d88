//! Requests, answers and streams in the shapes that callers and providers send, each beside a page with what they mean
//! in neutral form.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use domain::chat::Answer;

use super::round_trips::events_of;
use super::{decode_answer, decode_request, golden};
use crate::strategies::gather;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/openai")
}

fn check(folder: &Path, samples: Vec<(String, Vec<u8>)>, describe: impl Fn(&[u8]) -> String) {
    let mut wrong = String::new();
    for (name, bytes) in samples {
        let found = format!("{}\n", describe(&bytes));
        let expected = std::fs::read_to_string(folder.join(format!("{name}.neutral"))).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "== {name}.neutral, expected:\n{expected}-- found:\n{found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The answer, and of its tokens the kinds that were used.
fn describe(mut answer: Answer) -> String {
    let tokens = golden::describe_tokens(answer.tokens.take());
    format!("{answer:#?}\nused: {tokens}")
}

/// The samples that are conversations and end well.
fn conversations(extension: &str) -> Vec<(String, Vec<u8>)> {
    let others =
        ["embeddings", "completions", "stream_completions", "chat_error", "stream_error", "stream_cut"];
    let mut samples = golden::samples(extension);
    samples.retain(|(name, _)| !others.iter().any(|other| name.starts_with(other)));
    samples
}

#[test]
fn sample_requests_mean_what_their_pages_say() {
    let folder = folder().join("requests");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut samples: Vec<(String, Vec<u8>)> = files
        .filter(|path| path.extension().is_some_and(|found| found == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    samples.sort();
    assert!(!samples.is_empty());
    check(&folder, samples, |body| {
        super::read(domain::usage::Surface::Chat, body).unwrap();
        format!("{:#?}", decode_request(body).unwrap())
    });
}

#[test]
fn sample_answers_mean_what_their_pages_say() {
    check(&folder(), conversations("json"), |body| describe(decode_answer(body).unwrap()));
}

#[test]
fn sample_streams_mean_what_their_pages_say() {
    check(&folder(), conversations("sse"), |stream| {
        let lines = String::from_utf8(stream.to_vec()).unwrap().replace("\r\n", "\n");
        describe(gather(&events_of(lines.as_bytes())))
    });
}
