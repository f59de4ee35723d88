use super::*;

/// The lengths of the events in `stream`, offered in pieces of `size` bytes.
fn ends(stream: &[u8], size: usize) -> Vec<usize> {
    let mut framer = Framer::default();
    let (mut ends, mut current) = (Vec::new(), 0);
    for mut piece in stream.chunks(size) {
        while let Some(length) = framer.event_end(piece) {
            ends.push(current + length);
            current = 0;
            piece = &piece[length..];
        }
        current += piece.len();
    }
    ends
}

#[test]
fn every_line_end_of_the_standard_ends_events() {
    for newline in ["\n", "\r\n", "\r"] {
        let stream =
            format!("data: a{newline}{newline}: c{newline}data: b{newline}{newline}data: c{newline}");
        let (first, second) = (7 + 2 * newline.len(), 10 + 3 * newline.len());
        assert_eq!(ends(stream.as_bytes(), stream.len()), [first, second], "{newline:?}");
        let by_byte = ends(stream.as_bytes(), 1);
        assert_eq!(by_byte.len(), 2, "{newline:?}: {by_byte:?}");
    }
}

#[test]
fn a_line_feed_after_a_split_carriage_return_is_no_line_of_its_own() {
    let mut framer = Framer::default();
    assert_eq!(framer.event_end(b"data: a\r"), None);
    assert!(framer.may_owe_line_feed());
    assert_eq!(framer.event_end(b"\n"), None);
    assert_eq!(framer.event_end(b"data: b\r\n\r"), Some(10));
    assert_eq!(framer.line_feed_owed(b""), 0);
    assert_eq!(framer.line_feed_owed(b"\ndata"), 1);
    assert_eq!(framer.line_feed_owed(b"\ndata"), 0);
}

#[track_caller]
fn check(event: &str, kind: &str, data: Option<&str>) {
    let read = Event::read(event.as_bytes());
    assert_eq!(read.kind, kind.as_bytes(), "{event:?}");
    assert_eq!(read.data.as_deref(), data.map(str::as_bytes), "{event:?}");
}

#[test]
fn fields_follow_the_standard() {
    check("data: a\n\n", "", Some("a"));
    check("data:a\r\n\r\n", "", Some("a"));
    check("data:  a\r\r", "", Some(" a"));
    check("data: a:b\n", "", Some("a:b"));
    check("data\n\n", "", Some(""));
    check("data:\n\n", "", Some(""));
    check("data: a\ndata: b\ndata\n\n", "", Some("a\nb\n"));
    check("event: ping\nid: 7\nretry: 5\nfoo: bar\ndata: x\n\n", "ping", Some("x"));
    check("data: x\nevent: late", "late", Some("x"));
    check(": comment\n:\n\n", "", None);
    check("", "", None);
    check("DATA: x\n data: y\n\n", "", None);
}
