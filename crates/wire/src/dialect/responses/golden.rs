//! Requests, answers and streams in the shapes that clients and servers send, each beside pages of what must be read from
//! it and of what it becomes when it is written again.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::chat::{self, tool_id::Grammar};
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::{
    StreamReader, StreamWriter, decode_answer, decode_request, encode_answer, encode_request, read,
    read_answer,
};
use crate::catalog::StreamUsage;
use crate::dialect::{Echo, ReadStream as _, Stopped, Target, WriteStream as _};
use crate::failure::{ErrorBody, UpstreamError};
use crate::sse::{Event, Splitter};
use crate::tap::{Ending, MAX_LARGE_EVENT_BYTES, Tap, UsageChunk};
use crate::translate::Translator;

/// What an answer is written for in these samples.
pub(super) const ECHO: Echo<'_> = Echo {
    id: "req_1",
    model: "any",
    created: 1_790_000_000,
    asks_usage: true,
    body: br#"{"model":"any","input":"Hello","temperature":0.5,"tools":[{"type":"function","name":"clock","parameters":{"type":"object"}}],"store":true,"metadata":{"z":"1","a":"2"}}"#,
};

/// What a request is written for in these samples.
pub(super) fn target() -> Target<'static> {
    Target {
        model: "gpt-5.6-terra",
        max_output_tokens: None,
        tool_ids: Grammar::Short,
        usage_in_streams: StreamUsage::Unasked,
        chat: Default::default(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/responses")
}

/// The samples of this kind, by name.
pub(super) fn samples(kind: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .filter_map(|(name, path)| Some((name.strip_suffix(extension)?.to_owned(), path)))
        .filter(|(name, _)| name.starts_with(kind) && !name.contains('.'))
        .map(|(name, path)| (name, std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

pub(super) fn sample(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

#[derive(Default)]
struct Pages(String);

impl Pages {
    /// Holds `found` against the page of this name.
    fn hold(&mut self, page: &str, found: &str) {
        let path = folder().join(page);
        let expected = std::fs::read_to_string(path).unwrap_or_default();
        if found != expected {
            writeln!(self.0, "== {page}, expected:\n{expected}\n-- found:\n{found}").unwrap();
        }
    }

    #[track_caller]
    fn close(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

#[test]
fn sample_requests_are_read_and_written() {
    let mut pages = Pages::default();
    for (name, body) in samples("request_", ".json") {
        read(&body).unwrap();
        let request = decode_request(&body).unwrap();
        let encoded = encode_request(&request, &target()).unwrap();
        let written = String::from_utf8(encoded.body).unwrap();
        serde_json::from_str::<serde_json::Value>(&written).unwrap();
        pages.hold(&format!("{name}.written.json"), &format!("{written}\n"));
        pages.hold(&format!("{name}.dropped"), &format!("{}\n", encoded.dropped.join("\n")));
    }
    pages.close();
}

fn counts(tokens: Option<Tokens>) -> String {
    let Some(tokens) = tokens else { return "none".to_owned() };
    let Tokens { input, cache_read, cache_write, output, reasoning, .. } = tokens;
    format!("in {input} cached {cache_read} written {cache_write} out {output} thought {reasoning}")
}

fn describe_error(out: &mut String, error: Option<&UpstreamError>) {
    if let Some(error) = error {
        writeln!(out, "error: {:?} type {:?} code {:?}", error.message, error.kind, error.code).unwrap();
    }
}

#[test]
fn sample_answers_are_read_and_written() {
    let mut pages = Pages::default();
    for (name, body) in samples("answer_", ".json") {
        let facts = read_answer(&body).unwrap();
        let mut found = format!("tokens: {}\noutput bytes: {}\n", counts(facts.tokens), facts.output_bytes);
        describe_error(&mut found, facts.error.as_ref());
        pages.hold(&format!("{name}.facts"), &found);
        let Ok(answer) = decode_answer(&body) else {
            assert!(facts.error.is_some(), "{name}");
            continue;
        };
        let written = String::from_utf8(encode_answer(&answer, &ECHO)).unwrap();
        pages.hold(&format!("{name}.written.json"), &format!("{written}\n"));
    }
    pages.close();
}

fn describe_relay(stream: &[u8]) -> String {
    let mut tap = Tap::new(Protocol::Responses, UsageChunk::Hide);
    let mut passed = VecDeque::new();
    tap.feed(Bytes::copy_from_slice(stream), &mut passed).unwrap();
    let bytes: usize = passed.iter().map(Bytes::len).sum();
    let mut out = format!(
        "tokens: {}\noutput bytes: {}\nevents: {}\nstarted: {}\nwithheld bytes: {}\n",
        counts(tap.tokens()),
        tap.output_bytes(),
        tap.events(),
        tap.started(),
        stream.len() - bytes
    );
    describe_error(&mut out, tap.take_error().as_ref());
    let ending = match tap.end(&mut VecDeque::new()) {
        Ending::Done { .. } => "done",
        Ending::NoTerminal => "no terminal event",
    };
    writeln!(out, "ending: {ending}").unwrap();
    out
}

/// What a stream becomes when it is fed in these pieces: its neutral events, and the stream that is written of them.
pub(super) fn translated<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (String, String) {
    let (mut reader, mut writer) = (StreamReader::default(), StreamWriter::new(&ECHO));
    let mut splitter = Splitter::new(MAX_LARGE_EVENT_BYTES);
    let (mut told, mut written, mut events) = (String::new(), Vec::new(), Vec::new());
    'all: for piece in pieces {
        let mut chunk = Bytes::copy_from_slice(piece);
        while let Some(bytes) = splitter.next(&mut chunk).unwrap() {
            let event = Event::read(&bytes);
            if event.data.is_none() {
                continue;
            }
            let read = reader.read(&event, &mut events);
            for event in events.drain(..) {
                match &event {
                    chat::Event::Used(tokens) => writeln!(told, "Used {}", counts(Some(*tokens))).unwrap(),
                    event => writeln!(told, "{event:?}").unwrap(),
                }
                writer.write(event, &mut written);
            }
            if let Err(Stopped::Failed(error)) = &read {
                describe_error(&mut told, Some(error));
                writer.fail(&error_body(error), &mut written);
                break 'all;
            }
            read.unwrap();
            if reader.is_over() {
                writer.finish(&mut written);
                break 'all;
            }
        }
    }
    let complete = reader.end(&mut events);
    writeln!(told, "complete: {complete}").unwrap();
    (told, String::from_utf8(written).unwrap())
}

fn error_body(error: &UpstreamError) -> ErrorBody<'_> {
    ErrorBody {
        status: 502,
        message: &error.message,
        kind: "api_error",
        param: None,
        code: "provider_error",
        request_id: "req_1",
    }
}

#[test]
fn sample_streams_are_read_and_written() {
    let mut pages = Pages::default();
    for (name, stream) in samples("stream_", ".sse") {
        pages.hold(&format!("{name}.facts"), &describe_relay(&stream));
        let (neutral, written) = translated([&stream[..]]);
        pages.hold(&format!("{name}.neutral"), &neutral);
        pages.hold(&format!("{name}.written.sse"), &written);
    }
    pages.close();
}

/// However the bytes are cut, within events and characters too, the same comes out.
#[test]
fn wire_fact_37_borders_between_reads_change_nothing() {
    for (name, stream) in samples("stream_", ".sse") {
        let whole = translated([&stream[..]]);
        assert_eq!(translated(stream.chunks(1)), whole, "{name}");
        for size in [2, 3, 7, 64, 511] {
            assert_eq!(translated(stream.chunks(size)), whole, "{name} by {size}");
        }
        for caller in [Protocol::Chat, Protocol::Anthropic, Protocol::Gemini] {
            let whole = relayed(caller, [&stream[..]]);
            let by_event: Vec<&[u8]> = super::round_trips::events(&stream);
            assert_eq!(relayed(caller, by_event), whole, "{name} for {caller:?}");
            for size in [1, 3, 64] {
                assert_eq!(relayed(caller, stream.chunks(size)), whole, "{name} for {caller:?} by {size}");
            }
        }
    }
}

/// What a caller of another protocol gets of a stream that is fed in these pieces, and how it ends.
fn relayed<'b>(caller: Protocol, pieces: impl IntoIterator<Item = &'b [u8]>) -> (String, String) {
    let mut translator = Translator::new(Protocol::Responses, caller, &ECHO);
    let mut out = VecDeque::new();
    for piece in pieces {
        translator.feed(Bytes::copy_from_slice(piece), &mut out).unwrap();
    }
    let ending = format!("{:?} {:?}", translator.end(&mut out), translator.tokens());
    let bytes: Vec<u8> = out.iter().flat_map(|bytes| bytes.iter().copied()).collect();
    (String::from_utf8(bytes).unwrap(), ending)
}
