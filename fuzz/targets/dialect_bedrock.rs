//! Amazon's dialect: whatever an upstream sends, it is read or refused; however a stream is cut, every caller gets the same
//! of it, and memory stays bounded; what a caller asks for in any dialect is written for it as JSON or refused. The first
//! byte chooses what the rest is.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use domain::chat::tool_id::Grammar;
use domain::protocol::Protocol;
use domain::usage::Surface;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::catalog::StreamUsage;
use wire::dialect::{self, Echo, Target};
use wire::translate::Translator;

/// Memory that a piece of work may take beside what is in proportion to its input.
const BYTES_AT_LEAST: usize = 1 << 20;
/// Times the input: a value is kept as text, taken apart, and written.
const TIMES: usize = 256;
/// Streams up to this are also fed byte by byte.
const SLOWEST_BYTES: usize = 2_048;

const ECHO: Echo<'_> = Echo { id: "id", model: "model", created: 1, asks_usage: true, body: b"{}" };
const CALLERS: [Protocol; 4] = [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];
const MODELS: [&str; 5] = [
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.newer-claude",
    "us.amazon.nova-2-lite-v1:0",
    "meta.llama4-maverick-17b-instruct-v1:0",
    "unknown",
];

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let most = BYTES_AT_LEAST + TIMES * input.len();
    let choice = script.byte() % 8;
    match choice {
        0..4 => allowance::within(most, || request(CALLERS[usize::from(choice)], script.rest())),
        4 => allowance::within(most, || answer(script.rest())),
        5 => {
            let cuts = cuts(&mut script);
            allowance::within(most, || stream(script.rest(), &cuts));
        }
        _ => {
            let cuts = cuts(&mut script);
            let framed = framed(script.rest());
            allowance::within(BYTES_AT_LEAST + TIMES * framed.len(), || stream(&framed, &cuts));
        }
    }
});

fn cuts(script: &mut Script<'_>) -> Vec<usize> {
    (0..script.byte() & 7).map(|_| script.number()).collect()
}

fn request(caller: Protocol, body: &[u8]) {
    let Ok(request) = dialect::decode_request(caller, body) else { return };
    for model in MODELS {
        let target = Target {
            model,
            max_output_tokens: None,
            tool_ids: Grammar::Word,
            usage_in_streams: StreamUsage::OnRequest,
            chat: Default::default(),
        };
        let Ok(encoded) = dialect::encode_request(Protocol::Bedrock, &request, &target) else { continue };
        let body: Value = serde_json::from_slice(&encoded.body).expect("what is written is JSON");
        let roles: Vec<&Value> =
            body["messages"].as_array().expect("turns").iter().map(|turn| &turn["role"]).collect();
        assert_eq!(roles.first().and_then(|role| role.as_str()), Some("user"), "the user speaks first");
        assert!(roles.windows(2).all(|pair| pair[0] != pair[1]), "roles take turns");
    }
}

fn answer(body: &[u8]) {
    let facts = dialect::read_answer(Protocol::Bedrock, Surface::Chat, body);
    if let Ok(facts) = facts {
        assert!(facts.output_bytes <= 2 * u64::try_from(body.len()).expect("a length"));
    }
    for caller in CALLERS {
        let Ok(written) = dialect::translate_answer(Protocol::Bedrock, caller, body, &ECHO) else { continue };
        let _: Value = serde_json::from_slice(&written).expect("what is written is JSON");
    }
}

/// Lines of a type and a payload, framed: hardly any input has the right checksums.
fn framed(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (kind, payload) = line.split_at(space.min(255));
        let (name, kind) = match kind.strip_prefix(b"exception:") {
            Some(kind) => (b":exception-type".as_slice(), kind),
            None => (b":event-type".as_slice(), kind),
        };
        let kind_of_message: &[u8] = if name == b":event-type" { b"event" } else { b"exception" };
        let headers = [header(name, kind), header(b":message-type", kind_of_message)].concat();
        let start = out.len();
        let total = u32::try_from(16 + headers.len() + payload.len()).expect("a length");
        out.extend_from_slice(&total.to_be_bytes());
        out.extend_from_slice(&u32::try_from(headers.len()).expect("a length").to_be_bytes());
        out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
    }
    out
}

fn header(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(name.len()).expect("a short name")];
    out.extend_from_slice(name);
    out.push(7);
    out.extend_from_slice(&u16::try_from(value.len()).expect("a short value").to_be_bytes());
    out.extend_from_slice(value);
    out
}

fn stream(stream: &[u8], cuts: &[usize]) {
    for caller in CALLERS {
        let whole = relayed(caller, [stream]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut pieces, mut rest, mut done) = (Vec::new(), stream, 0);
        for cut in cuts {
            let (piece, after) = rest.split_at(cut - done);
            pieces.push(piece);
            (rest, done) = (after, cut);
        }
        pieces.push(rest);
        assert!(relayed(caller, pieces) == whole, "another way of cutting gives something else");
        if stream.len() <= SLOWEST_BYTES {
            let slow = relayed(caller, stream.chunks(1));
            assert!(slow == whole, "another way of cutting gives something else");
        }
    }
}

/// What a caller gets, whether it was complete, and what was counted.
fn relayed<'b>(caller: Protocol, pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<u8>, String) {
    let mut translator = Translator::new(Protocol::Bedrock, caller, &ECHO);
    let mut out = VecDeque::new();
    let mut broken = None;
    for piece in pieces {
        broken = translator.feed(Bytes::copy_from_slice(piece), &mut out).err();
        if broken.is_some() {
            break;
        }
    }
    let ending = translator.end(&mut out);
    let facts = (broken, ending, translator.tokens(), translator.events(), translator.take_error());
    (out.into_iter().flatten().collect(), format!("{facts:?}"))
}
