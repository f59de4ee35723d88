use proptest::prelude::*;

use super::*;

/// How much of `sent` passes when it arrives in pieces of these sizes, over and over, and the heads seen in it.
fn passed(sent: &[u8], sizes: &[usize]) -> (usize, u64) {
    let mut sieve = Sieve::new();
    let mut passed = 0;
    for size in sizes.iter().cycle() {
        let piece = &sent[passed..][..(*size).min(sent.len() - passed)];
        let taken = sieve.pass(piece);
        passed += taken;
        if taken < piece.len() || passed == sent.len() {
            break;
        }
    }
    (passed, sieve.heads)
}

#[track_caller]
fn good(sent: &str, heads: u64) {
    for size in [usize::MAX, 1, 7] {
        assert_eq!(passed(sent.as_bytes(), &[size]), (sent.len(), heads), "{sent}");
    }
}

/// All passes up to the end of the line that holds `mark`.
#[track_caller]
fn at_fault(sent: &str, mark: &str) {
    let at = sent.find(mark).unwrap();
    let end = at + sent[at..].find('\n').unwrap();
    for size in [usize::MAX, 1, 7] {
        assert_eq!(passed(sent.as_bytes(), &[size]).0, end, "{sent}");
    }
}

const NEXT: &str = "GET /b HTTP/1.1\r\nhost: b\r\n\r\n";

#[test]
fn requests_in_a_row_are_told_apart() {
    good(&format!("{NEXT}{NEXT}\r\n{NEXT}"), 3);
    good(&format!("POST /a HTTP/1.1\r\ncontent-length: 5\r\n\r\na\nb#\n{NEXT}"), 2);
    good(&format!("POST /a HTTP/1.1\r\nContent-Length:0\r\n\r\n{NEXT}"), 2);
    let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunKed\r\n\r\n";
    good(&format!("{chunked}3\r\n#\n\n\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n{NEXT}"), 2);
    good(&format!("{chunked}0\r\nx: 1\r\n\r\n{NEXT}"), 2);
    good("POST /a HTTP/1.1\r\nTransfer_Encoding: chunked\r\ncontent-length: 1\r\n\r\n#", 1);
}

#[test]
fn http2_is_let_through() {
    good("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\n#\n", 1);
    good("PRI * HTTP/2.0\r\n\r\nSM\r\n", 0);
    at_fault("PRI * HTTP/2.0\r\nhost: a\r\n\r\n", "host");
}

#[test]
fn what_frames_in_two_ways_is_at_fault() {
    let head = "POST /a HTTP/1.1\r\nhost: a\r\n";
    at_fault(&format!("{head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"), "transfer");
    at_fault(&format!("{head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n"), "content");
    at_fault(&format!("{head}content-length: 5\r\ncontent-length:  5\r\n\r\nhello"), "content-length:  5");
    at_fault(&format!("{head}transfer-encoding: chunked\r\nTRANSFER-ENCODING: x\r\n\r\n"), "TRANSFER");
    for value in ["", "+5", "-5", "5,5", "5 5", "0x5", "1e2", "5;", "18446744073709551616"] {
        at_fault(&format!("{head}Content-Length: {value}\r\n\r\n"), "Content");
    }
    for value in ["", "xchunked", "gzip, chunked", "chunked, chunked", "identity", "\"chunked\""] {
        at_fault(&format!("{head}Transfer-Encoding: {value}\r\n\r\n"), "Transfer");
    }
    at_fault(&format!("{head}content-length:{}5\r\n\r\n", " ".repeat(KEPT_BYTES)), "content");
}

#[test]
fn line_feeds_alone_and_fragments_are_at_fault() {
    at_fault("GET /a HTTP/1.1\nhost: a\r\n\r\n", "GET");
    at_fault("GET /a HTTP/1.1\r\nx: a\nb: c\r\n\r\n", "x: a");
    let bare_end = b"GET /a HTTP/1.1\r\nx: a\r\n\n";
    assert_eq!(passed(bare_end, &[1]), (bare_end.len() - 1, 0));
    at_fault("GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n", "GET");
    at_fault(&format!("{NEXT}GET /a#b HTTP/1.1\r\n\r\n"), "GET /a");
    at_fault("POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: 1\ny: 2\r\n\r\n", "x: 1");
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_changes_nothing(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "GET /a HTTP/1.1\r\n", "POST /a#b HTTP/1.1\r\n", "content-length: 3\r\n", "transfer-encoding: chunked\r\n",
                "x: y\r\n", "\r\n", "\n", "\r", "abc", "3\r\n", "0\r\n", "3;x\r\nabc\r\n", "PRI * HTTP/2.0\r\n", "\0", "#",
            ]),
            0..24,
        ),
        sizes in prop::collection::vec(1usize..40, 1..6),
    ) {
        let sent = pieces.concat();
        let whole = passed(sent.as_bytes(), &[usize::MAX]);
        prop_assert_eq!(passed(sent.as_bytes(), &sizes), whole);
    }
}
