//! Requests: what is read is what a general JSON parser reads, and the body that is sent on says the same but for
//! the model and the wish for usage. The first byte chooses the endpoint, the provider and the upstream's name.

#![no_main]

use bytes::Bytes;
use domain::code::Code;
use domain::usage::Surface;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use wire::catalog::StreamUsage;
use wire::openai;
use wire::request::{MAX_CHOICES, MAX_TOKENS, Request, Unreadable};

/// Memory that reading may take: the names of members are kept until their object ends, some dozens of bytes for
/// the five that the shortest member has.
const BYTES_PER_BYTE: usize = 64;
const BYTES_AT_LEAST: usize = 64 << 10;
/// What a rewriting may add beside the model's name.
const USAGE_BYTES: usize = 48;

/// Names that an upstream may have for a model, awkward ones among them.
const UPSTREAM_NAMES: [&str; 4] = ["m", "org/mod\u{e8}le:1", "\"\\\u{7f}\n\u{0}", ""];

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let choice = usize::from(script.byte());
    let surface = Surface::ALL[choice % 3];
    let usage = [StreamUsage::OnRequest, StreamUsage::Unasked][choice / 3 % 2];
    let upstream = UPSTREAM_NAMES[choice / 6 % UPSTREAM_NAMES.len()];
    let body = script.rest();
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * body.len();
    match allowance::within(most, || openai::read(surface, body)) {
        Ok(request) => check_request(surface, body, &request, usage, upstream),
        Err(refused) => check_refusal(&refused),
    }
});

fn check_request(surface: Surface, body: &[u8], request: &Request, usage: StreamUsage, upstream: &str) {
    let mut said: Value = serde_json::from_slice(body).expect("what is accepted is JSON");
    assert_eq!(said["model"], *request.model);
    let streamed = said["stream"] == true;
    assert_eq!(request.stream, streamed);
    assert_eq!(request.asks_usage, streamed && said["stream_options"]["include_usage"] == true);
    let count = |name: &str| said[name].as_u64();
    assert_eq!(request.max_output_tokens, count("max_tokens").max(count("max_completion_tokens")));
    assert_eq!(request.choices, count("n").unwrap_or(1).max(count("best_of").unwrap_or(1)).max(1));
    assert!(request.max_output_tokens <= Some(MAX_TOKENS) && request.choices <= MAX_CHOICES);

    let sent = request.rewrite(&Bytes::copy_from_slice(body), upstream, usage);
    assert!(sent.len() <= body.len() + 6 * upstream.len() + 2 + USAGE_BYTES);
    said["model"] = upstream.into();
    if streamed && usage == StreamUsage::OnRequest {
        if !said["stream_options"].is_object() {
            said["stream_options"] = json!({});
        }
        said["stream_options"]["include_usage"] = true.into();
    }
    let written: Value = serde_json::from_slice(&sent).expect("what is sent on is JSON");
    assert_eq!(written, said);

    match openai::read(surface, &sent) {
        Ok(again) => {
            assert_eq!(again.model, upstream);
            assert_eq!(again.input_bytes, request.input_bytes);
            assert_eq!(again.rewrite(&sent, upstream, usage), sent, "a second rewriting changes nothing");
        }
        // The catalogue's names are the operator's; only those that a caller could write read back.
        Err(refused) => assert_eq!(refused.field(), Some("model"), "{refused}"),
    }
}

fn check_refusal(refused: &Unreadable) {
    assert_eq!(refused.code(), Code::InvalidRequest);
    let message = refused.to_string();
    assert!(
        message.len() < 200 && message.is_ascii() && !message.contains(|c: char| c.is_control()),
        "{message}"
    );
    assert!(refused.field().is_none_or(|field| message.starts_with(field)));
}
