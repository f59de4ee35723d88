//! OpenAI's chat completions as a caller sends them and an upstream answers: no bytes are too strange, a request that is
//! read is sent in every protocol or refused, an answer becomes an answer of every dialect, ids of calls are fitted without
//! touching anything else, and a stream says the same however it is cut. The first byte chooses what the rest is.

#![no_main]

use bytes::Bytes;
use domain::chat::tool_id::Grammar;
use domain::protocol::Protocol;
use domain::usage::Surface;
use fuzz::allowance;
use fuzz::relay::same_however_cut;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::catalog::StreamUsage;
use wire::dialect::{self, Echo, Target};
use wire::openai::{self, ChatForm};

/// Memory that reading and writing may take: each layer is read on its own, and what is written grows by doubling.
const BYTES_AT_LEAST: usize = 256 << 10;
const BYTES_PER_BYTE: usize = 128;

const CALLERS: [Protocol; 4] = [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];
const FORMS: [ChatForm; 6] = [
    ChatForm::COMPATIBLE,
    ChatForm::OPENAI,
    ChatForm::OPENROUTER,
    ChatForm::GROQ,
    ChatForm::MISTRAL,
    ChatForm::DEEPSEEK,
];
const GRAMMARS: [Grammar; 4] = [Grammar::Any, Grammar::Short, Grammar::Word, Grammar::Nine];
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
    let choice = usize::from(script.byte());
    let (chat, tool_ids) = (FORMS[choice % FORMS.len()], GRAMMARS[choice / FORMS.len() % GRAMMARS.len()]);
    let body = script.rest();
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * body.len();
    if allowance::within(most, || openai::read(Surface::Chat, body).is_err()) {
        return;
    }
    check_fitted(body, tool_ids);
    let Ok(request) = allowance::within(most, || openai::decode_request(body)) else { return };
    let target = Target {
        model: "another-model",
        max_output_tokens: None,
        tool_ids,
        usage_in_streams: StreamUsage::OnRequest,
        chat,
    };
    for protocol in Protocol::ALL {
        if let Ok(encoded) = dialect::encode_request(protocol, &request, &target) {
            assert!(serde_json::from_slice::<Value>(&encoded.body).is_ok(), "{protocol:?}");
        }
    }
    if let Ok(encoded) = openai::encode_request(&request, &target) {
        assert!(openai::decode_request(&encoded.body).is_ok(), "what is sent can be read");
    }
}

/// Fitting ids changes nothing that is not an id.
fn check_fitted(body: &[u8], grammar: Grammar) {
    let body = Bytes::copy_from_slice(body);
    let fitted = openai::fit_tool_ids(&body, grammar);
    assert!(openai::read(Surface::Chat, &fitted).is_ok(), "it is still a request");
    let without_ids = |body: &[u8]| {
        let mut value: Value = serde_json::from_slice(body).expect("JSON");
        for message in value["messages"].as_array_mut().into_iter().flatten() {
            if let Some(message) = message.as_object_mut() {
                message.remove("tool_call_id");
            }
            for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
                call.as_object_mut().map(|call| call.remove("id"));
            }
        }
        value
    };
    assert!(without_ids(&body) == without_ids(&fitted), "something else was touched");
}

fn answer(body: &[u8]) {
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * body.len();
    let facts = allowance::within(most, || openai::read_answer(Surface::Chat, body));
    let decoded = allowance::within(most, || openai::decode_answer(body));
    assert!(facts.is_ok() || decoded.is_err(), "an answer without facts");
    let Ok(decoded) = decoded else { return };
    assert!(facts.expect("facts").error.is_none(), "an error is no answer");
    for caller in CALLERS {
        let written = dialect::translate_answer(Protocol::Chat, caller, body, &ECHO).expect("an answer");
        assert!(serde_json::from_slice::<Value>(&written).is_ok(), "{caller:?}");
    }
    let written = openai::encode_answer(&decoded, &ECHO);
    assert!(openai::decode_answer(&written).is_ok(), "what is written can be read");
}

fn stream(mut script: Script<'_>) {
    let caller = CALLERS[usize::from(script.byte()) % CALLERS.len()];
    let cuts: Vec<usize> = (0..script.byte() & 7).map(|_| script.number()).collect();
    let stream = script.rest();
    same_however_cut(Protocol::Chat, caller, &ECHO, stream, &cuts);
}
