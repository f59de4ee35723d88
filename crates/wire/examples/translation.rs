//! What one event of a stream costs on its way, for every pair of protocols: time of the processor, in nanoseconds, where
//! both sides speak the same (bytes pass and are counted) and where they do not (read, written anew and counted).
//! `cargo run --release -p wire --example translation`.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Instant;

use bytes::Bytes;
use domain::protocol::Protocol;
use wire::dialect::Echo;
use wire::flow::{Flow, Framing};

/// Events of words in one stream.
const WORDS: u32 = 20_000;
/// Streams of each pair; the fastest counts, since the machine has other work.
const STREAMS: usize = 15;
/// The protocols that callers speak, which are also those whose streams are lines.
const PROTOCOLS: [Protocol; 4] = [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ns per event | {}", PROTOCOLS.map(Protocol::word).join(" | "))?;
    for upstream in PROTOCOLS {
        let row = PROTOCOLS.map(|caller| best(upstream, caller).to_string());
        writeln!(out, "{} | {}", upstream.word(), row.join(" | "))?;
    }
    Ok(())
}

/// Nanoseconds for one event, in the best of several streams.
fn best(upstream: Protocol, caller: Protocol) -> u128 {
    let (start, word) = (Bytes::from_static(start(upstream)), Bytes::from_static(word(upstream)));
    let runs = (0..STREAMS).map(|_| {
        let body = br#"{"model":"m","input":"x"}"#;
        let echo = Echo { id: "1", model: "m", created: 0, asks_usage: true, body };
        let mut flow = Flow::new(upstream, caller, Framing::Events, &echo);
        let mut passed = VecDeque::new();
        let began = flow.feed(start.clone(), &mut passed);
        let started = Instant::now();
        for _ in 0..WORDS {
            let fed = flow.feed(word.clone(), &mut passed);
            assert!(fed.is_ok() && began.is_ok(), "a stream of our own is sound");
            passed.clear();
        }
        started.elapsed().as_nanos() / u128::from(WORDS)
    });
    runs.min().unwrap_or_default()
}

/// What a stream begins with.
fn start(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Anthropic => {
            b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        }
        Protocol::Responses => {
            b"event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r1\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"m\",\"output\":[]}}\n\nevent: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"i1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"in_progress\",\"content\":[]}}\n\nevent: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"i1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}\n\n"
        }
        _ => word(protocol),
    }
}

/// An event with one word, as long as those of real providers are.
fn word(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Anthropic => {
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" gateways\"}}\n\n"
        }
        Protocol::Responses => {
            b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"i1\",\"output_index\":0,\"content_index\":0,\"delta\":\" gateways\"}\n\n"
        }
        Protocol::Gemini => {
            b"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\" gateways\"}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":3,\"totalTokenCount\":12},\"modelVersion\":\"m\",\"responseId\":\"g1\"}\r\n\r\n"
        }
        _ => {
            b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"m\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" gateways\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
        }
    }
}
