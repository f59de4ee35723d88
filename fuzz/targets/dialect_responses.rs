//! OpenAI's responses, translated: what is read of a request is written for every protocol, what is read of an answer for
//! every caller, and a stream gives the same however its bytes are cut. The first byte chooses among the three.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use domain::chat::tool_id::Grammar;
use domain::price::Tokens;
use domain::protocol::Protocol;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::catalog::StreamUsage;
use wire::dialect::{self, Echo, Target, responses};
use wire::openai::ChatForm;
use wire::tap::{Broken, Ending, State};
use wire::translate::Translator;

/// Memory that a translation may take beside what it is given: a tree of it, the neutral form and what is written, each
/// growing by doubling.
const BYTES_AT_LEAST: usize = 1 << 20;
const BYTES_PER_BYTE: usize = 256;
/// Streams up to this are also fed byte by byte.
const SLOWEST_BYTES: usize = 2_048;
/// Those who call; nobody calls in Bedrock's protocol.
const CALLERS: [Protocol; 4] = [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];
const GRAMMARS: [Grammar; 4] = [Grammar::Any, Grammar::Short, Grammar::Word, Grammar::Nine];

const ECHO: Echo<'_> =
    Echo { id: "req_1", model: "m", created: 1, asks_usage: true, body: br#"{"model":"m","input":"x"}"# };

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let choice = usize::from(script.byte());
    let cuts: Vec<usize> = (0..script.byte() & 7).map(|_| script.large_number()).collect();
    let rest = script.rest();
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * rest.len();
    match choice % 3 {
        0 => allowance::within(most, || request(rest, GRAMMARS[choice / 3 % 4])),
        1 => allowance::within(most, || answer(rest)),
        _ => stream(rest, &cuts, CALLERS[choice / 3 % 4], most),
    }
});

fn request(body: &[u8], tool_ids: Grammar) {
    let Ok(facts) = responses::read(body) else { return };
    let Ok(request) = responses::decode_request(body) else { return };
    assert_eq!((facts.stream, facts.continues), (request.stream, None));
    let target = Target {
        model: "m",
        max_output_tokens: Some(1_000),
        tool_ids,
        usage_in_streams: StreamUsage::OnRequest,
        chat: ChatForm::COMPATIBLE,
    };
    for protocol in Protocol::ALL {
        if let Ok(encoded) = dialect::encode_request(protocol, &request, &target) {
            let written: Value = serde_json::from_slice(&encoded.body).expect("what is written is JSON");
            assert!(written.is_object());
        }
    }
}

fn answer(body: &[u8]) {
    let facts = responses::read_answer(body);
    for caller in CALLERS {
        let Ok(written) = dialect::translate_answer(Protocol::Responses, caller, body, &ECHO) else {
            continue;
        };
        assert!(facts.is_ok(), "an answer that can be translated has facts");
        serde_json::from_slice::<Value>(&written).expect("what is written is JSON");
    }
}

/// All that can be seen of a translation.
#[derive(Debug, PartialEq)]
struct Seen {
    out: Vec<u8>,
    fed: Result<(), Broken>,
    state: State,
    tokens: Option<Tokens>,
    output_bytes: u64,
    events: u64,
    started: bool,
    error: Option<String>,
    ending: Ending,
}

fn stream(stream: &[u8], cuts: &[usize], caller: Protocol, most: usize) {
    let whole = allowance::within(most, || relay([stream], caller));
    let mut places: Vec<usize> = cuts.iter().map(|place| place % (stream.len() + 1)).collect();
    places.sort_unstable();
    let (mut pieces, mut rest, mut at) = (Vec::new(), stream, 0);
    for place in places {
        let (piece, after) = rest.split_at(place - at);
        (rest, at) = (after, place);
        pieces.push(piece);
    }
    pieces.push(rest);
    assert!(relay(pieces, caller) == whole, "another way of cutting gives something else");
    if stream.len() <= SLOWEST_BYTES {
        assert!(relay(stream.chunks(1), caller) == whole, "byte by byte something else comes");
    }
    for line in whole.out.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: ")) {
        assert!(line == b"[DONE]" || serde_json::from_slice::<Value>(line).is_ok(), "data that is not JSON");
    }
}

fn relay<'b>(pieces: impl IntoIterator<Item = &'b [u8]>, caller: Protocol) -> Seen {
    let mut translator = Translator::new(Protocol::Responses, caller, &ECHO);
    let (mut out, mut fed) = (VecDeque::new(), Ok(()));
    for piece in pieces {
        fed = translator.feed(Bytes::copy_from_slice(piece), &mut out);
        if fed.is_err() {
            break;
        }
    }
    let ending = translator.end(&mut out);
    Seen {
        out: out.iter().flat_map(|bytes| bytes.iter().copied()).collect(),
        fed,
        state: translator.state(),
        tokens: translator.tokens(),
        output_bytes: translator.output_bytes(),
        events: translator.events(),
        started: translator.started(),
        error: translator.take_error().map(|error| error.message),
        ending,
    }
}
