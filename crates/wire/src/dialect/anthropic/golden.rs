//! Requests, answers and streams in the shapes that real traffic has, each beside a page with what must be read from it
//! and what must be written for it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::chat::Event;
use domain::chat::tool_id::Grammar;
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::{decode_answer, decode_request, encode_answer, encode_request, read, read_answer};
use crate::catalog::StreamUsage;
use crate::dialect::{self, Echo, Target};
use crate::failure::{ErrorBody, UpstreamError};
use crate::sse::Splitter;
use crate::tap::{Ending, State, Tap, UsageChunk};
use crate::translate::Translator;

const ECHO: Echo<'_> = Echo { id: "msg_ours", model: "a-model", created: 1, asks_usage: true, body: b"{}" };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/anthropic")
}

/// The sample files of this kind, by name.
fn samples(kind: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .filter(|(name, _)| name.starts_with(kind))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn check(kind: &str, extension: &str, describe: fn(&[u8]) -> String) {
    let mut wrong = String::new();
    for (name, bytes) in samples(kind, extension) {
        let found = describe(&bytes);
        let expected = std::fs::read_to_string(folder().join(format!("{name}.facts"))).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "== {name}.facts, expected:\n{expected}-- found:\n{found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Tokens in a form that further kinds of them do not change.
fn count(tokens: Option<Tokens>) -> String {
    let Some(tokens) = tokens else { return "none".to_owned() };
    let Tokens { input, cache_read, cache_write, cache_write_1h, output, reasoning, .. } = tokens;
    let read = format!("{input} + {cache_read} read + {cache_write} written + {cache_write_1h} for an hour");
    format!("{read} -> {output} + {reasoning} thought = {}", tokens.total())
}

fn describe_error(out: &mut String, error: Option<&UpstreamError>) {
    if let Some(error) = error {
        writeln!(out, "error: {:?} type {:?} code {:?}", error.message, error.kind, error.code).unwrap();
    }
}

/// What is read of a request, and how it is sent to the model it names.
fn describe_request(body: &[u8]) -> String {
    let facts = read(body).unwrap();
    let request = decode_request(body).unwrap();
    let target = Target {
        model: &facts.model,
        max_output_tokens: None,
        tool_ids: Grammar::Word,
        usage_in_streams: StreamUsage::Unasked,
        chat: Default::default(),
    };
    let sent = encode_request(&request, &target).unwrap();
    let mut out = format!("weight: {}\n", facts.input_bytes);
    for turn in &request.turns {
        writeln!(out, "{:?} {:?}", turn.role, turn.parts).unwrap();
    }
    writeln!(out, "tools: {:?}", request.tools).unwrap();
    writeln!(out, "choice: {:?} parallel {:?}", request.tool_choice, request.parallel_tool_calls).unwrap();
    writeln!(out, "thinking: {:?}\nformat: {:?}", request.thinking, request.format).unwrap();
    writeln!(out, "sampling: {:?} stop {:?}", request.sampling, request.stop).unwrap();
    writeln!(out, "unplaced: {:?}\ndropped: {:?}", request.unplaced, sent.dropped).unwrap();
    writeln!(out, "sent: {}", String::from_utf8(sent.body).unwrap()).unwrap();
    out
}

/// What is read of an answer, and how it is written again.
fn describe_answer(body: &[u8]) -> String {
    let facts = read_answer(body).unwrap();
    let mut out = format!("tokens: {}\noutput bytes: {}\n", count(facts.tokens), facts.output_bytes);
    describe_error(&mut out, facts.error.as_ref());
    let Ok(answer) = decode_answer(body) else { return out };
    for part in &answer.choices[0].parts {
        writeln!(out, "{part:?}").unwrap();
    }
    writeln!(out, "finish: {:?}", answer.choices[0].finish).unwrap();
    writeln!(out, "written: {}", String::from_utf8(encode_answer(&answer, &ECHO)).unwrap()).unwrap();
    out
}

/// The neutral events of a stream, in order.
fn neutral(stream: &[u8]) -> Vec<Event> {
    let (mut splitter, mut chunk) = (Splitter::new(1 << 20), Bytes::copy_from_slice(stream));
    let (mut reader, mut events) = (dialect::reader(Protocol::Anthropic), Vec::new());
    while let Some(event) = splitter.next(&mut chunk).unwrap() {
        let event = crate::sse::Event::read(&event);
        if !reader.is_over() && event.data.is_some() && reader.read(&event, &mut events).is_err() {
            break;
        }
    }
    reader.end(&mut events);
    events
}

/// What becomes of a stream that is written in the same protocol again, fed in pieces of so many bytes.
fn translated(stream: &[u8], size: usize) -> (String, String) {
    let mut translator = Translator::new(Protocol::Anthropic, Protocol::Anthropic, &ECHO);
    let mut out = VecDeque::new();
    for piece in stream.chunks(size) {
        translator.feed(Bytes::copy_from_slice(piece), &mut out).unwrap();
    }
    let ending = translator.end(&mut out);
    let done = matches!(ending, Ending::Done { .. });
    let mut facts =
        format!("translated: done {done}, {:?}, {}\n", translator.state(), count(translator.tokens()));
    if let Some(error) = translator.take_error() {
        describe_error(&mut facts, Some(&error));
        let body = ErrorBody {
            status: 500,
            message: "m",
            kind: "api_error",
            param: None,
            code: "c",
            request_id: "req_1",
        };
        out.push_back(translator.fail(&body));
    }
    let bytes: Vec<u8> = out.into_iter().flatten().collect();
    (facts, String::from_utf8(bytes).unwrap())
}

fn describe_stream(stream: &[u8]) -> String {
    let mut tap = Tap::new(Protocol::Anthropic, UsageChunk::Keep);
    let mut passed = VecDeque::new();
    tap.feed(Bytes::copy_from_slice(stream), &mut passed).unwrap();
    let mut out = format!(
        "tokens: {}\noutput bytes: {}\nevents: {}\nstarted: {}\n",
        count(tap.tokens()),
        tap.output_bytes(),
        tap.events(),
        tap.started()
    );
    describe_error(&mut out, tap.take_error().as_ref());
    match tap.end(&mut VecDeque::new()) {
        Ending::Done { owed: b"" } => out.push_str("relayed: done\n"),
        Ending::Done { owed } => {
            writeln!(out, "relayed: done but for {:?}", String::from_utf8_lossy(owed)).unwrap();
        }
        Ending::NoTerminal => out.push_str("relayed: no terminal event\n"),
    }
    for event in neutral(stream) {
        match event {
            Event::Used(tokens) => writeln!(out, "Used {}", count(Some(tokens))).unwrap(),
            event => writeln!(out, "{event:?}").unwrap(),
        }
    }
    let (facts, written) = translated(stream, stream.len().max(1));
    out.push_str(&facts);
    out.push_str(&written);
    out
}

#[test]
fn sample_requests_are_read_and_sent() {
    check("request", "json", describe_request);
}

#[test]
fn sample_answers_are_read_and_written() {
    check("answer", "json", describe_answer);
}

#[test]
fn sample_streams_are_read_and_written() {
    check("stream", "sse", describe_stream);
}

#[test]
fn wire_fact_37_a_stream_says_the_same_however_it_is_cut() {
    for (name, stream) in samples("stream", "sse") {
        let whole = translated(&stream, stream.len().max(1));
        for size in [1, 2, 3, 7, 100] {
            assert_eq!(translated(&stream, size), whole, "{name} in pieces of {size}");
        }
        let returns = String::from_utf8(stream).unwrap().replace('\n', "\r\n");
        assert_eq!(translated(returns.as_bytes(), 5), whole, "{name} with other line ends");
    }
}

#[test]
fn wire_fact_24_a_stream_without_its_end_is_no_success() {
    for (name, stream) in samples("stream", "sse") {
        let text = String::from_utf8(stream).unwrap();
        let Some(cut) = text.find("event: message_delta") else { continue };
        let mut translator = Translator::new(Protocol::Anthropic, Protocol::Chat, &ECHO);
        let mut out = VecDeque::new();
        translator.feed(Bytes::copy_from_slice(&text.as_bytes()[..cut]), &mut out).unwrap();
        assert_eq!(translator.end(&mut out), Ending::NoTerminal, "{name}");
        assert_eq!(translator.state(), State::Failed, "{name}");
        assert!(translator.tokens().is_some(), "{name}: what came is billed");
    }
}

#[test]
fn wire_fact_46_an_error_within_a_stream_ends_it() {
    let stream = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    for kind in ["event: error\n", ""] {
        let text = String::from_utf8(stream.to_vec()).unwrap().replace("event: error\n", kind);
        let mut translator = Translator::new(Protocol::Anthropic, Protocol::Anthropic, &ECHO);
        let mut out = VecDeque::new();
        translator.feed(Bytes::from(text.clone()), &mut out).unwrap();
        assert!(!translator.started() && translator.events() == 0 && out.is_empty());
        assert_eq!(translator.take_error().unwrap().kind.as_deref(), Some("overloaded_error"));
        let mut tap = Tap::new(Protocol::Anthropic, UsageChunk::Keep);
        tap.feed(Bytes::from(text), &mut out).unwrap();
        assert!(out.is_empty());
        assert_eq!(tap.take_error().unwrap().message, "Overloaded");
    }
}
