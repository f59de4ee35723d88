//! Google's dialect: whatever a caller or an upstream sends, it is read or refused; what is read can be written in every
//! protocol; however a stream is cut, every caller gets the same of it, and memory stays bounded. The first byte chooses
//! what the rest is.

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
use wire::dialect::{self, Echo, Target, gemini};
use wire::translate::Translator;

/// Memory that a piece of work may take beside what is in proportion to its input.
const BYTES_AT_LEAST: usize = 1 << 20;
/// Times the input: a value is kept as text, taken apart, and written.
const TIMES: usize = 256;
/// Streams up to this are also fed byte by byte.
const SLOWEST_BYTES: usize = 2_048;

const ECHO: Echo<'_> = Echo { id: "id", model: "model", created: 1, asks_usage: true, body: b"{}" };
const CALLERS: [Protocol; 4] = [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let most = BYTES_AT_LEAST + TIMES * input.len();
    match script.byte() % 4 {
        0 => allowance::within(most, || request(script.rest())),
        1 => allowance::within(most, || answer(script.rest())),
        2 => allowance::within(most, || beside(script.rest())),
        _ => {
            let cuts: Vec<usize> = (0..script.byte() & 7).map(|_| script.number()).collect();
            allowance::within(most, || stream(script.rest(), &cuts));
        }
    }
});

fn target(model: &str) -> Target<'_> {
    Target {
        model,
        max_output_tokens: Some(1_000),
        tool_ids: Grammar::Any,
        usage_in_streams: StreamUsage::OnRequest,
        chat: Default::default(),
    }
}

fn request(body: &[u8]) {
    if gemini::read(body, "model", true).is_err() {
        return;
    }
    let Ok(request) = gemini::decode_request(body) else { return };
    for protocol in Protocol::ALL {
        for model in ["gemini-2.5-flash", "newer"] {
            let Ok(encoded) = dialect::encode_request(protocol, &request, &target(model)) else { continue };
            let _: Value = serde_json::from_slice(&encoded.body).expect("what is written is JSON");
            if protocol == Protocol::Gemini && !request.turns.is_empty() {
                gemini::decode_request(&encoded.body).expect("what is written can be read");
            }
        }
    }
}

fn answer(body: &[u8]) {
    let facts = dialect::read_answer(Protocol::Gemini, Surface::Chat, body);
    if let Ok(facts) = facts {
        assert!(facts.output_bytes <= u64::try_from(body.len()).expect("a length"));
    }
    for caller in CALLERS {
        let Ok(written) = dialect::translate_answer(Protocol::Gemini, caller, body, &ECHO) else { continue };
        let _: Value = serde_json::from_slice(&written).expect("what is written is JSON");
    }
}

fn beside(body: &[u8]) {
    if gemini::read_count(body, "model").is_ok()
        && let Ok(request) = gemini::decode_count(body)
    {
        let _ = gemini::encode_count(&request, &target("model"), gemini::Service::Studio);
    }
    let _ = gemini::read_count_answer(body);
    if gemini::embed::read(body, "model").is_ok()
        && let Ok(encoded) = gemini::embed::to_openai(body, "model")
    {
        let _: Value = serde_json::from_slice(&encoded.body).expect("what is written is JSON");
    }
    let _ = gemini::embed::from_openai(body, gemini::embed::Asked::Many);
    let _ = gemini::embed::from_openai_request(body, "model");
    let _ = gemini::embed::to_openai_answer(body, &ECHO);
}

fn stream(stream: &[u8], cuts: &[usize]) {
    for caller in CALLERS {
        let whole = relayed(caller, [stream]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut rest = stream;
        let mut done = 0;
        for cut in cuts {
            let (piece, after) = rest.split_at(cut - done);
            pieces.push(piece);
            (rest, done) = (after, cut);
        }
        pieces.push(rest);
        assert!(relayed(caller, pieces) == whole, "another way of cutting gives something else");
        if stream.len() <= SLOWEST_BYTES {
            assert!(
                relayed(caller, stream.chunks(1)) == whole,
                "another way of cutting gives something else"
            );
        }
    }
}

/// What a caller gets, whether it was complete, and what was counted.
fn relayed<'b>(caller: Protocol, pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<u8>, String) {
    let mut translator = Translator::new(Protocol::Gemini, caller, &ECHO);
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
