//! The relay of streams: however the bytes are cut, the same comes out; what comes out is whole events of what went
//! in, in order; and what is kept in between is bounded.
//!
//! The input: a byte of choices, a byte that says how many cuts follow, three bytes for each cut, the stream. When the
//! choices say so each NUL of the stream stands for many letters, so that events can pass their bound.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use domain::price::Tokens;
use domain::protocol::Protocol;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use wire::failure::UpstreamError;
use wire::tap::{Broken, Ending, State, Tap, UsageChunk};

/// Letters that a NUL stands for, and the longest stream they may make.
const LETTERS: usize = 60_000;
const MAX_STREAM_BYTES: usize = 1 << 20;
/// Streams up to this are also fed byte by byte.
const SLOWEST_BYTES: usize = 2_048;
/// What a relay may keep between two feeds: one unfinished event, which may be the whole stream, in a buffer that grows by
/// doubling, and the words of an error.
const KEPT_BYTES: usize = 2 * MAX_STREAM_BYTES + (64 << 10);
/// What judging an event may take for a moment: its data joined, and its strings unescaped, each by doubling.
const MOMENT_BYTES: usize = 8 * MAX_STREAM_BYTES;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let choices = script.byte();
    let usage_chunk = if choices & 1 == 0 { UsageChunk::Hide } else { UsageChunk::Keep };
    let cuts: Vec<usize> = (0..script.byte() & 7).map(|_| script.large_number()).collect();
    let stream = if choices & 2 == 0 { script.rest().to_vec() } else { inflated(script.rest()) };

    let (whole, _) = relay(usage_chunk, [&stream[..]]);
    let ends = check_output(&stream, &whole);
    check_pieces(usage_chunk, cut(&stream, &cuts), &whole, &ends);
    if stream.len() <= SLOWEST_BYTES {
        check_pieces(usage_chunk, stream.chunks(1), &whole, &ends);
    }
});

/// The same comes out, and no event is cut in two where the relay says that a comment may be put.
fn check_pieces<'b>(
    usage_chunk: UsageChunk,
    pieces: impl IntoIterator<Item = &'b [u8]>,
    whole: &Seen,
    ends: &[usize],
) {
    let (seen, boundaries) = relay(usage_chunk, pieces);
    // Not `assert_eq`, which would print megabytes.
    assert!(seen == *whole, "another way of cutting gives something else");
    for boundary in boundaries {
        assert!(ends.binary_search(&boundary).is_ok(), "{boundary} is within an event");
    }
}

/// All that can be seen of a relay.
#[derive(Debug, PartialEq)]
struct Seen {
    out: Vec<u8>,
    fed: Result<(), Broken>,
    state: State,
    tokens: Option<Tokens>,
    output_bytes: u64,
    events: u64,
    started: bool,
    finish_seen: bool,
    error: Option<UpstreamError>,
    ending: Ending,
}

/// What comes out of a relay, and after how much of it a comment might have been put.
fn relay<'b>(usage_chunk: UsageChunk, pieces: impl IntoIterator<Item = &'b [u8]>) -> (Seen, Vec<usize>) {
    let before = allowance::allocated();
    let (mut tap, mut fed) = (Tap::new(Protocol::Chat, usage_chunk), Ok(()));
    let (mut out, mut boundaries) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut passed = VecDeque::new();
        let chunk = Bytes::copy_from_slice(piece);
        fed = allowance::within(MOMENT_BYTES + 4 * piece.len(), || tap.feed(chunk, &mut passed));
        passed.iter().for_each(|bytes| out.extend_from_slice(bytes));
        drop(passed);
        if tap.at_event_boundary() {
            boundaries.push(out.len());
        }
        let own_bytes = out.capacity() + boundaries.capacity() * size_of::<usize>();
        let kept = allowance::allocated().saturating_sub(before + own_bytes);
        assert!(kept <= KEPT_BYTES, "{kept} bytes are kept");
        if fed.is_err() {
            break;
        }
    }
    let mut last = VecDeque::new();
    let seen = Seen {
        out,
        fed,
        state: tap.state(),
        tokens: tap.tokens(),
        output_bytes: tap.output_bytes(),
        events: tap.events(),
        started: tap.started(),
        finish_seen: tap.finish_seen(),
        error: tap.take_error(),
        ending: tap.end(&mut last),
    };
    assert!(last.is_empty(), "the mark at the end of a chat is no event that is handed on");
    (seen, boundaries)
}

/// What came out is whole events of what went in, in order; those left out have data; nothing follows `[DONE]`.
/// Gives the places in the output where an event ends.
fn check_output(stream: &[u8], seen: &Seen) -> Vec<usize> {
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let (mut rest, mut ends) = (&seen.out[..], vec![0]);
    for event in events(stream) {
        if rest.is_empty() {
            break;
        }
        match rest.strip_prefix(event) {
            Some(after) => {
                rest = after;
                ends.push(seen.out.len() - rest.len());
                assert!(!says_done(event) || rest.is_empty(), "something follows the end");
            }
            None => assert!(has_data(event), "an event without data is left out"),
        }
    }
    assert!(rest.is_empty(), "{} bytes of the output are no event of the input", rest.len());
    assert!(seen.output_bytes <= u64::try_from(stream.len()).expect("a length"));
    assert_eq!(seen.fed.is_err() || seen.error.is_some(), seen.state == State::Failed);
    ends
}

/// The whole events of a stream: lines up to and with a blank one. What is left over is none.
fn events(stream: &[u8]) -> Vec<&[u8]> {
    let (mut found, mut start, mut line, mut at) = (Vec::new(), 0, 0, 0);
    while let Some(offset) = memchr::memchr2(b'\r', b'\n', &stream[at..]) {
        let end = at + offset;
        let with_feed = stream[end] == b'\r' && stream.get(end + 1) == Some(&b'\n');
        at = end + if with_feed { 2 } else { 1 };
        if end == line {
            found.push(&stream[start..at]);
            start = at;
        }
        line = at;
    }
    found
}

fn lines(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    event.split(|byte| matches!(byte, b'\r' | b'\n'))
}

fn has_data(event: &[u8]) -> bool {
    lines(event).any(|line| line == b"data" || line.starts_with(b"data:"))
}

fn says_done(event: &[u8]) -> bool {
    let mut data = lines(event).filter_map(|line| line.strip_prefix(b"data:"));
    data.next().is_some_and(|data| data.trim_ascii() == b"[DONE]")
        && lines(event).filter(|line| *line == b"data" || line.starts_with(b"data:")).count() == 1
}

fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in stream {
        match byte {
            0 if out.len() + LETTERS <= MAX_STREAM_BYTES => out.resize(out.len() + LETTERS, b'a'),
            other => out.push(*other),
        }
    }
    out
}

/// `stream` cut at the given places.
fn cut<'b>(stream: &'b [u8], places: &[usize]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (stream.len() + 1)).collect();
    places.sort_unstable();
    let (mut pieces, mut rest, mut at) = (Vec::new(), stream, 0);
    for place in places {
        let (piece, after) = rest.split_at(place - at);
        (rest, at) = (after, place);
        pieces.push(piece);
    }
    pieces.push(rest);
    pieces
}
