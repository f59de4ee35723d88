//! Requests, answers and streams in the shapes that Google and its clients send, each beside a page with what must be
//! read from it (`.neutral`) and what this gate writes of it (`.written`).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::chat::tool_id::Grammar;
use domain::chat::{Answer, Event};
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::{StreamReader, decode_answer, decode_request, encode_answer, encode_request, read, read_answer};
use crate::catalog::StreamUsage;
use crate::dialect::{Echo, ReadStream, Stopped, Target};
use crate::sse;
use crate::strategies::gather;
use crate::tap::{Ending, MAX_LARGE_EVENT_BYTES, Tap, UsageChunk};
use crate::translate::Translator;

pub(crate) const ECHO: Echo<'_> =
    Echo { id: "resp_1", model: "echoed-model", created: 1_790_000_000, asks_usage: true, body: b"{}" };

pub(crate) fn target(model: &str) -> Target<'_> {
    Target {
        model,
        max_output_tokens: None,
        tool_ids: Grammar::Any,
        usage_in_streams: StreamUsage::Unasked,
        chat: crate::dialect::openai::ChatForm::default(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gemini")
}

/// The sample files whose names begin and end so.
pub(crate) fn samples(start: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .filter(|(name, _)| name.starts_with(start))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// One sample.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The neutral events of a whole stream, and whether it was complete.
pub(crate) fn events(stream: &[u8]) -> Result<(Vec<Event>, bool), Stopped> {
    let mut reader = StreamReader::default();
    let mut splitter = sse::Splitter::new(MAX_LARGE_EVENT_BYTES);
    let mut chunk = Bytes::copy_from_slice(stream);
    let mut out = Vec::new();
    while let Some(event) = splitter.next(&mut chunk).unwrap() {
        let event = sse::Event::read(&event);
        if event.data.as_deref().is_some_and(|data| !data.trim_ascii().is_empty()) {
            reader.read(&event, &mut out)?;
        }
    }
    let complete = reader.end(&mut out);
    Ok((out, complete))
}

/// The answer that a stream makes.
pub(crate) fn gathered(stream: &[u8]) -> Answer {
    let (events, complete) = events(stream).unwrap();
    assert!(complete);
    gather(&events)
}

/// The kinds that Google reports.
fn counted(tokens: Option<Tokens>) -> String {
    tokens.map_or("nothing".to_owned(), |tokens| {
        let Tokens { input, cache_read, output, reasoning, audio, .. } = tokens;
        format!("input {input}, cached {cache_read}, output {output}, reasoning {reasoning}, audio {audio}")
    })
}

/// An answer, its tokens told apart from the rest.
fn described(mut answer: Answer) -> String {
    let tokens = counted(answer.tokens.take());
    format!("used: {tokens}\n{answer:#?}\n")
}

/// What a caller of `caller` gets of `stream`, fed in pieces of `size` bytes.
pub(crate) fn translated(stream: &[u8], caller: Protocol, size: usize) -> (Vec<u8>, String) {
    let mut translator = Translator::new(Protocol::Gemini, caller, &ECHO);
    let mut out = VecDeque::new();
    for piece in stream.chunks(size) {
        if translator.feed(Bytes::copy_from_slice(piece), &mut out).is_err() {
            break;
        }
    }
    let complete = matches!(translator.end(&mut out), Ending::Done { .. });
    let facts = format!(
        "used: {}\nevents: {}\nstarted: {}\nerror: {:?}\ncomplete: {complete}\n",
        counted(translator.tokens()),
        translator.events(),
        translator.started(),
        translator.take_error(),
    );
    (out.into_iter().flatten().collect(), facts)
}

fn check(start: &str, extension: &str, made: &str, describe: fn(&str, &[u8]) -> String) {
    let mut wrong = String::new();
    for (name, bytes) in samples(start, extension) {
        let found = describe(&name, &bytes);
        let expected = std::fs::read_to_string(folder().join(format!("{name}.{made}"))).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "== {name}.{made}, expected:\n{expected}-- found:\n{found}-- end").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn sample_requests_are_read() {
    check("request", "json", "neutral", |_, body| {
        let facts = read(body, "gemini-3-flash", false).unwrap();
        format!(
            "limit: {:?}, answers: {}, input bytes: {}\n{:#?}\n",
            facts.max_output_tokens,
            facts.choices,
            facts.input_bytes,
            decode_request(body).unwrap()
        )
    });
}

#[test]
fn sample_requests_are_written_again() {
    check("request", "json", "written", |_, body| {
        let request = decode_request(body).unwrap();
        match encode_request(&request, &target("gemini-3-flash")) {
            Ok(written) => {
                format!("{}\ndropped: {:?}\n", String::from_utf8(written.body).unwrap(), written.dropped)
            }
            Err(refused) => format!("{}: {refused}\n", refused.field),
        }
    });
}

#[test]
fn sample_answers_are_read() {
    check("answer", "json", "neutral", |_, body| {
        let facts = read_answer(body).unwrap();
        let read = decode_answer(body).map_or_else(|malformed| format!("{malformed}\n"), described);
        let facts = (facts.output_bytes, counted(facts.tokens), facts.error);
        format!("facts: {facts:?}\n{read}")
    });
}

#[test]
fn sample_answers_are_written_again() {
    check("answer", "json", "written", |_, body| match decode_answer(body) {
        Ok(answer) => format!("{}\n", String::from_utf8(encode_answer(&answer, &ECHO)).unwrap()),
        Err(malformed) => format!("{malformed}\n"),
    });
}

fn tapped(stream: &[u8]) -> String {
    let mut tap = Tap::new(Protocol::Gemini, UsageChunk::Hide);
    let mut passed = VecDeque::new();
    let fed = tap.feed(Bytes::copy_from_slice(stream), &mut passed);
    let bytes: usize = passed.iter().map(Bytes::len).sum();
    format!(
        "relayed: {fed:?}, {}, output bytes {}, events {}, started {}, withheld bytes {}, {:?}\n",
        counted(tap.tokens()),
        tap.output_bytes(),
        tap.events(),
        tap.started(),
        stream.len() - bytes,
        tap.end(&mut VecDeque::new()),
    )
}

#[test]
fn sample_streams_are_read() {
    check("stream", "sse", "neutral", |_, stream| {
        let relayed = tapped(stream);
        let read = match events(stream) {
            Ok((events, complete)) => format!("complete: {complete}\n{}", described(gather(&events))),
            Err(stopped) => format!("{stopped:#?}\n"),
        };
        format!("{relayed}{read}")
    });
}

#[test]
fn sample_streams_are_written_again() {
    check("stream", "sse", "written", |_, stream| {
        let (written, facts) = translated(stream, Protocol::Gemini, stream.len());
        format!("{}{facts}", String::from_utf8(written).unwrap().replace("\r\n", "\n"))
    });
}

#[test]
fn wire_fact_37_no_border_between_reads_matters() {
    for (name, stream) in samples("stream", "sse") {
        for caller in [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini] {
            let whole = translated(&stream, caller, stream.len());
            for size in [1, 2, 3, 7, 64] {
                assert_eq!(translated(&stream, caller, size), whole, "{name} for {caller:?} by {size}");
            }
        }
    }
}

#[test]
fn wire_fact_36_lines_may_end_in_any_way() {
    let stream = String::from_utf8(sample("stream_text.sse")).unwrap();
    assert!(stream.contains("\r\n\r\n"));
    let whole = translated(stream.as_bytes(), Protocol::Gemini, stream.len());
    let feeds = stream.replace("\r\n", "\n");
    let commented = format!(": waiting\n\n: still\n\n{}", feeds.replace("data: ", "data:"));
    for other in [feeds, commented] {
        assert_eq!(translated(other.as_bytes(), Protocol::Gemini, other.len()), whole);
    }
}

#[test]
fn wire_fact_24_a_stream_that_is_cut_is_no_answer() {
    let (events, complete) = events(&sample("stream_cut.sse")).unwrap();
    assert!(!complete);
    assert!(!events.iter().any(|event| matches!(event, Event::Finished { .. })));
    let (written, _) = translated(&sample("stream_cut.sse"), Protocol::Gemini, 9);
    assert!(!String::from_utf8(written).unwrap().contains("finishReason"));
    assert!(tapped(&sample("stream_cut.sse")).contains("NoTerminal"));
}
