//! Anthropic's messages as a caller sends them and an upstream answers: no bytes are too strange, a request that is read
//! is sent in every protocol or refused, an answer becomes an answer of every dialect, and a stream says the same
//! however it is cut. The first byte chooses what the rest is.

#![no_main]

use domain::chat::tool_id::Grammar;
use domain::protocol::Protocol;
use fuzz::allowance;
use fuzz::relay::same_however_cut;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::catalog::StreamUsage;
use wire::dialect::{self, Echo, Target, anthropic};

/// Memory that reading and writing may take: each layer of blocks is read on its own, and what is written grows by
/// doubling.
const BYTES_AT_LEAST: usize = 256 << 10;
const BYTES_PER_BYTE: usize = 128;

const CALLERS: [Protocol; 4] = [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];
const MODELS: [&str; 5] =
    ["claude-sonnet-4-5", "claude-opus-4-8", "claude-opus-5-5", "claude-3-5-haiku", "another-model"];
const ECHO: Echo<'_> = Echo { id: "ours_1", model: "m", created: 1, asks_usage: true, body: b"{}" };

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    match script.byte() % 3 {
        0 => request(script),
        1 => answer(script.rest()),
        _ => stream(script),
    }
});

fn request(mut script: Script<'_>) {
    let model = MODELS[usize::from(script.byte()) % MODELS.len()];
    let body = script.rest();
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * body.len();
    let read =
        allowance::within(most, || (anthropic::read(body).is_ok(), anthropic::read_count(body).is_ok()));
    assert!(read.1 || !read.0, "what is a request can be counted");
    if !read.1 {
        return;
    }
    let Ok(request) = allowance::within(most, || anthropic::decode_request(body)) else { return };
    let target = Target {
        model,
        max_output_tokens: None,
        tool_ids: Grammar::Word,
        usage_in_streams: StreamUsage::Unasked,
        chat: Default::default(),
    };
    for protocol in Protocol::ALL {
        if let Ok(encoded) = dialect::encode_request(protocol, &request, &target) {
            assert!(serde_json::from_slice::<Value>(&encoded.body).is_ok(), "{protocol:?}");
        }
    }
    let Ok(encoded) = anthropic::encode_request(&request, &target) else { return };
    let again = anthropic::decode_request(&encoded.body).expect("what is sent can be read");
    assert!(again.max_output_tokens.is_some());
    let counted = anthropic::encode_count(&request, &target).expect("what can be sent can be counted");
    assert!(serde_json::from_slice::<Value>(&counted.body).is_ok());
}

fn answer(body: &[u8]) {
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * body.len();
    let facts = allowance::within(most, || anthropic::read_answer(body));
    let decoded = allowance::within(most, || anthropic::decode_answer(body));
    assert!(facts.is_ok() || decoded.is_err(), "an answer without facts");
    if let Ok(facts) = &facts {
        assert!(facts.output_bytes <= u64::try_from(body.len()).expect("a length"));
    }
    let Ok(decoded) = decoded else { return };
    for caller in CALLERS {
        let written = dialect::translate_answer(Protocol::Anthropic, caller, body, &ECHO).expect("an answer");
        assert!(serde_json::from_slice::<Value>(&written).is_ok(), "{caller:?}");
    }
    let written = anthropic::encode_answer(&decoded, &ECHO);
    assert!(anthropic::decode_answer(&written).is_ok(), "what is written can be read");
}

fn stream(mut script: Script<'_>) {
    let caller = CALLERS[usize::from(script.byte()) % CALLERS.len()];
    let cuts: Vec<usize> = (0..script.byte() & 7).map(|_| script.number()).collect();
    let stream = script.rest();
    same_however_cut(Protocol::Anthropic, caller, &ECHO, stream, &cuts);
}
