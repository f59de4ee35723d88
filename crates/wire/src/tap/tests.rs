mod bounds;

use proptest::prelude::*;

use super::*;
use crate::dialect::openai::golden::samples;
use crate::openai::DONE;
use crate::vectors;

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

fn relay<'b>(usage_chunk: UsageChunk, pieces: impl IntoIterator<Item = &'b [u8]>) -> Seen {
    relay_of(Protocol::Chat, usage_chunk, pieces)
}

fn relay_of<'b>(
    protocol: Protocol,
    usage_chunk: UsageChunk,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Seen {
    let (mut tap, mut out, mut fed) = (Tap::new(protocol, usage_chunk), VecDeque::new(), Ok(()));
    for piece in pieces {
        fed = tap.feed(Bytes::copy_from_slice(piece), &mut out);
        if fed.is_err() {
            break;
        }
    }
    let (state, ending) = (tap.state(), tap.end(&mut out));
    Seen {
        out: out.iter().flatten().copied().collect(),
        fed,
        state,
        tokens: tap.tokens(),
        output_bytes: tap.output_bytes(),
        events: tap.events(),
        started: tap.started(),
        finish_seen: tap.finish_seen(),
        error: tap.take_error(),
        ending,
    }
}

fn whole(stream: &str) -> Seen {
    relay(UsageChunk::Keep, [stream.as_bytes()])
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

#[test]
fn no_border_between_reads_matters() {
    for (name, stream) in samples("sse") {
        for usage_chunk in [UsageChunk::Keep, UsageChunk::Hide] {
            let expect = relay(usage_chunk, [&stream[..]]);
            assert_eq!(relay(usage_chunk, stream.chunks(1)), expect, "{name} byte by byte");
            assert_eq!(
                relay(usage_chunk, stream.split_inclusive(|&byte| byte == b'\n')),
                expect,
                "{name} by line"
            );
            for place in 0..stream.len() {
                assert_eq!(relay(usage_chunk, cut(&stream, &[place])), expect, "{name} cut at {place}");
            }
        }
    }
}

#[test]
fn nothing_is_changed_or_withheld_when_usage_is_kept() {
    for (name, stream) in samples("sse") {
        let seen = relay(UsageChunk::Keep, [&stream[..]]);
        if seen.error.is_none() && !name.contains("unterminated") {
            assert_eq!(seen.out, stream, "{name}");
        }
    }
}

#[test]
fn whole_events_are_handed_on_without_copying() {
    let chunk = Bytes::from_static(b"data: {}\n\n: hello\n\ndata: {}\n\ndata: {");
    let (mut tap, mut out) = (Tap::new(Protocol::Chat, UsageChunk::Keep), VecDeque::new());
    tap.feed(chunk.clone(), &mut out).unwrap();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].as_ptr(), chunk.as_ptr());
    assert_eq!(out[0], chunk[..29]);
    assert!(tap.at_event_boundary());
}

const HI: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"hi"}}]}"#;

#[test]
fn a_broken_stream_stays_broken() {
    let (mut tap, mut out) = (Tap::new(Protocol::Chat, UsageChunk::Keep), VecDeque::new());
    let mut feed = |bytes: &'static str| tap.feed(Bytes::from_static(bytes.as_bytes()), &mut out);
    assert_eq!(feed("data: {bad}\n\n"), Err(Broken::NotJson));
    assert_eq!(feed("data: {}\n\n"), Err(Broken::NotJson));
    assert!(out.is_empty());
}

#[track_caller]
fn check_broken(stream: &str, expect: Broken) {
    assert_eq!(whole(stream).fed, Err(expect), "{stream:?}");
    assert_eq!(relay(UsageChunk::Keep, stream.as_bytes().chunks(1)).fed, Err(expect), "{stream:?}");
}

#[test]
fn what_is_no_stream_of_json_events_is_refused() {
    check_broken("<html>502</html>", Broken::NotEvents);
    check_broken("\n\n<html>\n502\n\n</html>", Broken::NotEvents);
    check_broken("{\"error\":{}}", Broken::NotEvents);
    check_broken("data: null\n\n", Broken::NotJson);
    check_broken("data: 5\n\n", Broken::NotJson);
    check_broken("data: {}{}\n\n", Broken::NotJson);
    check_broken("data: Internal error\n\n", Broken::NotJson);
}

#[test]
fn endings() {
    let check = |stream: &str, expect| assert_eq!(whole(stream).ending, expect, "{stream:?}");
    let finish = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let (said, added) = (Ending::Done { owed: b"" }, Ending::Done { owed: DONE });
    check(&format!("data: {HI}\n\ndata: [DONE]\n\n"), said);
    check(&format!("data: {HI}\n\ndata: [DONE]\n"), added);
    check(&format!("data: {HI}\n\ndata:[DONE]"), added);
    check(&format!("data: {HI}\n\ndata: {finish}\n\n"), added);
    check(&format!("data: {HI}\n\ndata: {finish}\n\n\n"), added);
    check(&format!("data: {HI}\n\ndata: {finish}\n\ndata: {{"), Ending::NoTerminal);
    check(&format!("data: {HI}\n\ndata: {finish}\n"), Ending::NoTerminal);
    check(&format!("data: {HI}\n\ndata: {usage}\n\n"), Ending::NoTerminal);
    check(&format!("data: {HI}\n\n"), Ending::NoTerminal);
    check("", Ending::NoTerminal);
    check(": comment\n\n", Ending::NoTerminal);
}

#[test]
fn a_last_event_without_its_blank_line_is_handed_on_with_one() {
    let check = |protocol: Protocol, before: &str, last: &str| {
        let whole = relay_of(protocol, UsageChunk::Hide, [format!("{before}{last}\n\n").as_bytes()]);
        assert_eq!((whole.ending, whole.fed), (Ending::Done { owed: b"" }, Ok(())), "{last}");
        for end in ["", "\n", "\r\n", "\r"] {
            let seen = relay_of(protocol, UsageChunk::Hide, [format!("{before}{last}{end}").as_bytes()]);
            let told = String::from_utf8(seen.out).unwrap().replace("\r\n", "\n").replace('\r', "");
            assert_eq!(told.as_bytes(), whole.out, "{last}{end:?}");
            assert_eq!((seen.ending, seen.events), (whole.ending, whole.events), "{last}{end:?}");
            assert_eq!((seen.tokens, seen.output_bytes), (whole.tokens, whole.output_bytes), "{last}{end:?}");
        }
        for cut in [1, last.len() / 2, last.len() - 1] {
            let seen = relay_of(protocol, UsageChunk::Hide, [format!("{before}{}", &last[..cut]).as_bytes()]);
            assert_eq!(
                (seen.ending, seen.out.as_slice()),
                (Ending::NoTerminal, before.as_bytes()),
                "{last} {cut}"
            );
        }
    };
    check(
        Protocol::Responses,
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}}}",
    );
    check(
        Protocol::Anthropic,
        "data: {\"type\":\"ping\"}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}",
    );
    check(
        Protocol::Gemini,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]},\"finishReason\":\"STOP\"}]}",
    );
}

#[test]
fn the_last_usage_wins_and_a_null_or_broken_one_is_none() {
    let usage = |text: &str| format!("data: {{\"choices\":[],\"usage\":{text}}}\n\n");
    let first = usage(r#"{"prompt_tokens":5,"completion_tokens":1}"#);
    let second = usage(r#"{"prompt_tokens":4,"completion_tokens":9}"#);
    let both = whole(&format!("{first}{second}")).tokens;
    assert_eq!(both, Some(Tokens { input: 4, output: 9, ..Tokens::default() }));
    for nothing in ["null", "{}", r#"{"prompt_tokens":-4,"completion_tokens":9}"#] {
        let tokens = whole(&format!("{first}{}", usage(nothing))).tokens;
        assert_eq!(tokens, Some(Tokens { input: 5, output: 1, ..Tokens::default() }), "{nothing}");
    }
}

#[test]
fn only_the_usage_chunk_is_hidden() {
    let stream = |usage: &str| format!("data: {HI}\n\n{usage}data: [DONE]\n\n");
    let hidden = stream("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n");
    let seen = relay(UsageChunk::Hide, [hidden.as_bytes()]);
    assert_eq!(seen.out, stream("").as_bytes());
    assert!(seen.tokens.is_some());
    for kept in ["{\"choices\":[],\"usage\":null}", "{\"choices\":[],\"filter\":1}", "{\"usage\":{}}", "{}"] {
        let kept = stream(&format!("data: {kept}\n\n"));
        assert_eq!(relay(UsageChunk::Hide, [kept.as_bytes()]).out, kept.as_bytes());
    }
}

/// The answer behind a row's HTTP head, or what stands for it in rows that describe a delivery in words.
fn stream_of(provider_bytes: &str) -> Vec<Vec<u8>> {
    let (_, body) = provider_bytes.split_once("\r\n\r\n").unwrap();
    let emoji = format!(
        "data: {}\n\ndata: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":1}}}}\n\ndata: [DONE]\n\n",
        HI.replace("hi", "\u{1f600}")
    );
    match body.split(':').next().unwrap() {
        "SPLIT" => {
            let inside = emoji.find('\u{1f600}').unwrap() + 2;
            cut(emoji.as_bytes(), &[inside]).into_iter().map(<[u8]>::to_vec).collect()
        }
        "DRIP" => emoji.bytes().map(|byte| vec![byte]).collect(),
        // The bar stands for the blank line that ends each of the million events.
        _ => vectors::expand(&body.replace("{}|", "{}\n\n"))
            .into_bytes()
            .chunks(16_384)
            .map(<[u8]>::to_vec)
            .collect(),
    }
}

#[test]
fn the_rows_about_streams_hold() {
    let rows =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/upstream_stream.jsonl"));
    let mut run = 0;
    for row in vectors::rows(rows) {
        let (id, expect) = (row["id"].as_str().unwrap(), &row["expect"]);
        let Some(provider_bytes) = row["input"]["provider_bytes"].as_str() else { continue };
        run += 1;
        let pieces = stream_of(provider_bytes);
        let seen = relay(UsageChunk::Keep, pieces.iter().map(Vec::as_slice));
        let failed = seen.fed.is_err() || seen.error.is_some() || seen.ending == Ending::NoTerminal;
        if expect["final"] == "[DONE]" {
            assert!(!failed && seen.out.ends_with(b"[DONE]\n\n"), "{id}: {seen:?}");
        }
        if expect["client_status"] == 502 {
            assert!(seen.fed.is_err() && seen.out.is_empty(), "{id}");
        }
        match expect["client"].as_str().unwrap_or_default() {
            "well-formed SSE" => {
                assert!(!failed && std::str::from_utf8(&seen.out).unwrap().starts_with(['d', 'f']), "{id}")
            }
            "" => {}
            _ => assert!(failed, "{id}: {seen:?}"),
        }
        match &expect["billed"] {
            billed if *billed == "usage" || *billed == "once" || *billed == "parsed or estimate" => {
                let tokens = seen.tokens.unwrap();
                assert!(
                    matches!((tokens.input, tokens.output), (5 | 1, 1)) && tokens.total() <= 6,
                    "{id}: {tokens:?}"
                );
            }
            billed if *billed == 0 => {
                assert!(!seen.started && seen.output_bytes == 0 && seen.tokens.is_none(), "{id}")
            }
            billed if *billed == "estimate for delivered tokens" => {
                assert!(seen.started && seen.tokens.is_none(), "{id}")
            }
            billed if *billed == "estimate" => {
                assert_eq!((seen.tokens, seen.output_bytes), (None, 0), "{id}")
            }
            billed => assert!(billed.is_null() || seen.fed == Err(Broken::NotJson), "{id}: {billed}"),
        }
        if expect["ignored_after_done"] == true {
            assert_eq!(seen.output_bytes, 2, "{id}");
        }
        if !expect["max_cpu_s"].is_null() {
            assert_eq!((seen.events, seen.fed), (1_000_000, Ok(())), "{id}");
        }
    }
    assert_eq!(run, 17, "rows with a provider's bytes");
}

#[derive(Debug, Clone)]
struct Piece {
    text: String,
    newline: &'static str,
    withheld: bool,
}

fn piece() -> impl Strategy<Value = Piece> {
    let content = any::<String>().prop_map(|text| {
        let text = serde_json::Value::from(text);
        (format!("data: {{\"choices\":[{{\"delta\":{{\"content\":{text}}}}}]}}"), false)
    });
    let kept = prop_oneof![
        Just((": ping".to_owned(), false)),
        Just(("data:{}".to_owned(), false)),
        Just(("event: x\nid: 1\ndata: {\ndata: }".to_owned(), false)),
        Just((String::new(), false)),
        Just(("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}".to_owned(), true)),
        Just(("data: ".to_owned(), true)),
    ];
    (prop_oneof![content, kept], prop::sample::select(vec!["\n", "\r\n", "\r"])).prop_map(
        |((text, withheld), newline)| Piece {
            text: format!("{}{newline}{newline}", text.replace('\n', newline)),
            newline,
            withheld,
        },
    )
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_but_for_what_is_withheld(
        pieces in prop::collection::vec(piece(), 0..12), cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        // One line end for the whole stream: a return before a line feed of the next event would be one line
        // end.
        let newline = pieces.first().map_or("\n", |piece| piece.newline);
        let with = |piece: &Piece| piece.text.replace(piece.newline, newline);
        let stream: String = pieces.iter().map(with).collect();
        let expect: String = pieces.iter().filter(|piece| !piece.withheld).map(with).collect();
        let seen = relay(UsageChunk::Hide, cut(stream.as_bytes(), &cuts));
        prop_assert_eq!(seen.fed, Ok(()));
        prop_assert_eq!(String::from_utf8(seen.out).unwrap(), expect);
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_cut(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n:data{}[]<\xef\xbb\xbf ".to_vec())], 0..120),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let expect = relay(UsageChunk::Hide, [&bytes[..]]);
        prop_assert_eq!(relay(UsageChunk::Hide, cut(&bytes, &cuts)), expect);
    }

    #[test]
    fn damaged_streams_give_the_same_however_they_are_cut(
        which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let streams = samples("sse");
        let mut stream = which.get(&streams).1.clone();
        let place = place.index(stream.len());
        stream[place] = byte;
        let expect = relay(UsageChunk::Hide, [&stream[..]]);
        prop_assert_eq!(relay(UsageChunk::Hide, cut(&stream, &cuts)), expect);
    }
}
