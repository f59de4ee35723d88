use proptest::prelude::*;

use super::*;

const MOST: usize = 4_096;

/// A message with these text headers.
pub(crate) fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).unwrap());
        encoded.extend_from_slice(name.as_bytes());
        encoded.push(7);
        encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        encoded.extend_from_slice(value.as_bytes());
    }
    assembled(&encoded, payload)
}

/// An event of this type.
pub(crate) fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    message(&headers, payload.as_bytes())
}

fn assembled(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(PRELUDE_BYTES + headers.len() + payload.len() + SUM_BYTES).unwrap();
    let mut out = total.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

/// The messages of `bytes` that come in pieces of `size`, and how it ended.
fn read(bytes: &[u8], size: usize) -> (Vec<Frame>, Option<Broken>) {
    let (mut frames, mut read) = (Frames::new(MOST), Vec::new());
    for piece in bytes.chunks(size) {
        let mut chunk = Bytes::copy_from_slice(piece);
        loop {
            match frames.next(&mut chunk) {
                Ok(Some(frame)) => read.push(frame),
                Ok(None) => break,
                Err(broken) => return (read, Some(broken)),
            }
        }
        assert!(chunk.is_empty(), "what is asked for more has taken all");
    }
    (read, None)
}

fn frame(kind: &str, payload: &str) -> Frame {
    Frame { kind: kind.to_owned(), payload: Bytes::copy_from_slice(payload.as_bytes()) }
}

fn check(message: &[u8], expect: Result<Frame, Broken>) {
    let (frames, broken) = read(message, MOST);
    match expect {
        Ok(frame) => assert_eq!((frames, broken), (vec![frame], None)),
        Err(expected) => assert_eq!((frames, broken), (vec![], Some(expected))),
    }
}

#[test]
fn messages_are_told_by_their_headers() {
    check(&event("messageStop", "{}"), Ok(frame("messageStop", "{}")));
    check(&message(&[(":event-type", "metadata")], b"{}"), Ok(frame("metadata", "{}")));
    check(&message(&[(":message-type", "tomorrow")], b"{}"), Ok(frame("", "{}")));
    let exception = [(":message-type", "exception"), (":exception-type", "throttlingException")];
    check(
        &message(&exception, b"{\"message\":\"slow\"}"),
        Ok(frame("exception:throttlingException", "{\"message\":\"slow\"}")),
    );
    check(&message(&exception, b" "), Ok(frame("exception:throttlingException", "{}")));
    let error =
        [(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "a \"bad\" day")];
    check(
        &message(&error, b""),
        Ok(frame("exception:InternalFailure", "{\"message\":\"a \\\"bad\\\" day\"}")),
    );
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut headers = Vec::new();
    for (kind, bytes) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend(std::iter::repeat_n(0, bytes));
    }
    headers.extend_from_slice(b"\x01x\x06\x00\x03abc");
    headers.extend_from_slice(b"\x0b:event-type\x07\x00\x04last");
    check(&assembled(&headers, b"{}"), Ok(frame("last", "{}")));
    check(&assembled(b"\x01x\x0a", b"{}"), Err(Broken::NotEvents));
    check(&assembled(b"\x05x", b"{}"), Err(Broken::NotEvents));
    check(&assembled(b"\x01x\x07\x00\x09abc", b"{}"), Err(Broken::NotEvents));
}

#[test]
fn a_changed_bit_anywhere_is_noticed() {
    let good = event("contentBlockDelta", "{\"delta\":{\"text\":\"Hi\"}}");
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let (frames, broken) = read(&bad, MOST);
        assert_eq!((frames, broken.is_some()), (vec![], true), "bit {bit}");
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_is_kept() {
    let prelude = |total: u32, headers: u32| {
        let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out
    };
    check(&prelude(u32::MAX, 0), Err(Broken::EventTooLarge));
    check(&prelude(4_097, 0), Err(Broken::EventTooLarge));
    check(&prelude(4_000, u32::MAX), Err(Broken::EventTooLarge));
    check(&prelude(15, 0), Err(Broken::NotEvents));
    check(&prelude(100, 90), Err(Broken::NotEvents));
    check(b"<html><body>Bad gateway</body>", Err(Broken::NotEvents));
    check(b"{\"message\":\"no stream\"}", Err(Broken::NotEvents));
}

proptest! {
    #[test]
    fn borders_between_reads_do_not_matter(
        payloads in proptest::collection::vec("\\PC{0,80}", 0..5), rest in proptest::collection::vec(any::<u8>(), 0..40), size in 1..200_usize
    ) {
        let mut stream: Vec<u8> = payloads.iter().flat_map(|payload| event("e", payload)).collect();
        stream.extend_from_slice(&rest);
        let whole = read(&stream, stream.len().max(1));
        prop_assert_eq!(&read(&stream, size), &whole);
        prop_assert_eq!(&read(&stream, 1), &whole);
        prop_assert!(whole.0.len() >= payloads.len());
    }
}
