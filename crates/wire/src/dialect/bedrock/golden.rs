//! Answers and streams in the shapes that Bedrock sends, each beside what must be read from it. A stream is written down as
//! its messages, a type and a payload to a line.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::chat::tool_id::Grammar;
use domain::chat::{Answer, Event};
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::frames::tests::{event, message};
use super::{Frames, StreamReader, decode_answer, read_answer};
use crate::catalog::StreamUsage;
use crate::dialect::{Echo, ReadStream as _, Stopped, Target};
use crate::tap::{Ending, MAX_EVENT_BYTES};
use crate::translate::Translator;

pub(crate) fn target() -> Target<'static> {
    Target {
        model: "anthropic.claude-opus-4-8",
        max_output_tokens: None,
        tool_ids: Grammar::Word,
        usage_in_streams: StreamUsage::OnRequest,
        chat: crate::dialect::openai::ChatForm::default(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bedrock")
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

/// The messages that are written down so.
pub(crate) fn framed(written: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    for line in written.lines() {
        let (kind, payload) = line.split_once(' ').unwrap();
        stream.extend(match kind.strip_prefix("exception:") {
            Some(exception) => {
                let headers = [(":exception-type", exception), (":message-type", "exception")];
                message(&headers, payload.as_bytes())
            }
            None => event(kind, payload),
        });
    }
    stream
}

/// What is read from a stream, and how it ended.
pub(crate) fn read_stream(stream: &[u8]) -> (Vec<Event>, String) {
    let (mut frames, mut reader, mut events) =
        (Frames::new(MAX_EVENT_BYTES), StreamReader::default(), Vec::new());
    let mut chunk = Bytes::copy_from_slice(stream);
    while let Some(frame) = frames.next(&mut chunk).unwrap() {
        match reader.read(&frame.event(), &mut events) {
            Ok(()) if reader.is_over() => return (events, "done".to_owned()),
            Ok(()) => {}
            Err(Stopped::Failed(error)) => return (events, format!("{error:?}")),
            Err(Stopped::Broken(broken)) => return (events, format!("{broken:?}")),
        }
    }
    let complete = reader.end(&mut events);
    (events, if complete { "done at its end" } else { "no terminal event" }.to_owned())
}

fn describe_tokens(tokens: Tokens) -> String {
    let Tokens { input, cache_read, cache_write, output, .. } = tokens;
    format!("{input} in, {cache_read} read, {cache_write} written, {output} out, {} in all", tokens.total())
}

fn describe_answer(body: &[u8]) -> String {
    let facts = read_answer(body).unwrap();
    let tokens = facts.tokens.map(describe_tokens);
    let mut out = format!("tokens: {tokens:?}\noutput bytes: {}\n", facts.output_bytes);
    if let Some(error) = facts.error {
        writeln!(out, "error: {error:?}").unwrap();
        return out;
    }
    let Answer { id, model, choices, tokens: _, service_tier } = decode_answer(body).unwrap();
    writeln!(out, "id: {id:?} model: {model:?} service tier: {service_tier:?}").unwrap();
    for choice in choices {
        for part in choice.parts {
            writeln!(out, "{part:?}").unwrap();
        }
        writeln!(out, "{:?}", choice.finish).unwrap();
    }
    out
}

fn describe_stream(written: &[u8]) -> String {
    let (events, ending) = read_stream(&framed(std::str::from_utf8(written).unwrap()));
    let mut out = String::new();
    for event in events {
        match event {
            Event::Used(tokens) => writeln!(out, "Used: {}", describe_tokens(tokens)),
            event => writeln!(out, "{event:?}"),
        }
        .unwrap();
    }
    writeln!(out, "ending: {ending}").unwrap();
    out
}

fn check(extension: &str, describe: fn(&[u8]) -> String) {
    let mut wrong = String::new();
    for (name, bytes) in samples(extension) {
        let found = describe(&bytes);
        let expected = std::fs::read_to_string(folder().join(format!("{name}.neutral"))).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "== {name}.neutral, expected:\n{expected}-- found:\n{found}").unwrap();
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
    check("events", describe_stream);
}

#[test]
fn frames_of_another_maker_are_read() {
    // Put together apart from this code, and read by Amazon's own library as what stands beside them.
    for (name, recorded) in samples("frames") {
        let written = std::fs::read_to_string(folder().join(format!("{name}.events"))).unwrap();
        assert_eq!(read_stream(&recorded), read_stream(&framed(&written)), "{name}");
    }
}

/// What a caller gets of a stream that comes in pieces of `size` bytes, and how it ended.
fn translated(stream: &[u8], size: usize, caller: Protocol) -> (Vec<u8>, Ending) {
    let echo = Echo { id: "call_1", model: "m", created: 1_700_000_000, asks_usage: true, body: b"{}" };
    let mut translator = Translator::new(Protocol::Bedrock, caller, &echo);
    let mut out = VecDeque::new();
    for piece in stream.chunks(size) {
        translator.feed(Bytes::copy_from_slice(piece), &mut out).unwrap();
    }
    let ending = translator.end(&mut out);
    (out.iter().flatten().copied().collect(), ending)
}

#[test]
fn wire_fact_37_every_caller_gets_the_same_however_the_stream_is_cut() {
    for (name, written) in samples("events") {
        let stream = framed(std::str::from_utf8(&written).unwrap());
        for caller in [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini] {
            let whole = translated(&stream, stream.len(), caller);
            for size in [1, 7, 100] {
                assert_eq!(translated(&stream, size, caller), whole, "{name} for {caller:?} by {size}");
            }
        }
    }
}

#[test]
fn the_same_answer_is_the_same_streamed_or_whole() {
    for name in ["text", "tools"] {
        let whole = std::fs::read(folder().join(format!("answer_{name}.json"))).unwrap();
        let whole = decode_answer(&whole).unwrap();
        let written = std::fs::read_to_string(folder().join(format!("stream_{name}.events"))).unwrap();
        let mut streamed = crate::strategies::gather(&read_stream(&framed(&written)).0);
        assert_eq!(streamed.tokens, whole.tokens);
        assert_eq!(streamed.choices[0].finish, whole.choices[0].finish);
        let kinds = |answer: &Answer| {
            let parts = answer.choices[0].parts.iter().map(std::mem::discriminant);
            parts.collect::<Vec<_>>()
        };
        assert_eq!(kinds(&streamed), kinds(&whole));
        streamed.choices.clear();
    }
}
