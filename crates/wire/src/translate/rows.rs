//! The rows of the shared vectors about streams, as each protocol that frames its events in lines would send them.

use domain::protocol::Protocol;

use super::samples::{CALLERS, WORDS, pairs, read, translated};
use crate::strategies::gather;
use crate::tap::{Broken, Ending};
use crate::vectors;

const HI: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
const USAGE: &str =
    r#"{"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#;
const DONE: &str = "[DONE]";

/// What stands for the word, the usage and the end of a row.
struct Adapted {
    hi: &'static [&'static str],
    /// The same word once more.
    again: &'static str,
    usage: &'static str,
    end: &'static [&'static str],
}

fn adapted(protocol: Protocol) -> Adapted {
    match protocol {
        Protocol::Chat | Protocol::Bedrock => Adapted { hi: &[HI], again: HI, usage: USAGE, end: &[DONE] },
        Protocol::Responses => Adapted {
            hi: &[
                r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"m","status":"in_progress"}}"#,
                r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}"#,
                r#"{"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
                r#"{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"hi"}"#,
            ],
            again: r#"{"type":"response.output_text.delta","sequence_number":9,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"hi"}"#,
            usage: r#"{"type":"response.in_progress","sequence_number":4}"#,
            end: &[
                r#"{"type":"response.completed","sequence_number":5,"response":{"id":"resp_1","model":"m","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":1,"total_tokens":6}}}"#,
            ],
        },
        Protocol::Anthropic => Adapted {
            hi: &[
                r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":5,"output_tokens":0}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
            ],
            again: r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
            usage: r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":5,"output_tokens":1}}"#,
            end: &[r#"{"type":"message_stop"}"#],
        },
        Protocol::Gemini => Adapted {
            hi: &[
                r#"{"responseId":"r","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hi"}]}}]}"#,
            ],
            again: r#"{"responseId":"r","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hi"}]}}]}"#,
            usage: r#"{"responseId":"r","usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":6}}"#,
            end: &[
                r#"{"responseId":"r","candidates":[{"index":0,"content":{"role":"model","parts":[]},"finishReason":"STOP"}]}"#,
            ],
        },
    }
}

/// The stream of a row as `upstream` would send it; what is said a second time is said in one event.
fn stream_of(upstream: Protocol, provider_bytes: &str) -> Vec<Vec<u8>> {
    let (_, body) = provider_bytes.split_once("\r\n\r\n").unwrap();
    let Adapted { hi, again, usage, end } = adapted(upstream);
    let plain = format!("data: {HI}\n\ndata: {USAGE}\n\ndata: {DONE}\n\n");
    let (row, split) = match body.split(':').next().unwrap() {
        "SPLIT" => (plain.as_str(), 7),
        "DRIP" => (plain.as_str(), 1),
        _ => (body, 16_384),
    };
    let prefix = if row.contains("data: ") { "data: " } else { "data:" };
    let joined = |events: &[&str]| events.join(&format!("\n\n{prefix}"));
    let mut out = row.replacen(HI, &joined(hi), 1).replace(USAGE, usage).replace(DONE, &joined(end));
    if upstream != Protocol::Chat {
        out = out.replace(HI, again);
    }
    if split < 10 {
        out = out.replace("\"hi\"", &format!("\"{WORDS}\""));
    }
    let out = vectors::expand(&out.replace("{}|", "{}\n\n"));
    out.into_bytes().chunks(split).map(<[u8]>::to_vec).collect()
}

#[test]
fn the_rows_about_streams_hold_for_every_pair() {
    let text =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/upstream_stream.jsonl"));
    let rows = vectors::rows(text);
    for (upstream, caller) in pairs().filter(|(upstream, _)| *upstream != Protocol::Bedrock) {
        let mut run = 0;
        for row in &rows {
            let (id, expect) = (row["id"].as_str().unwrap(), &row["expect"]);
            let Some(provider_bytes) = row["input"]["provider_bytes"].as_str() else { continue };
            // How these two write usage is a matter of chat completions alone.
            let of_chat = ["upstream-usage-string", "upstream-usage-mid-and-end"].contains(&id);
            if of_chat && upstream != Protocol::Chat {
                continue;
            }
            run += 1;
            // Long streams of nothing say the same to every caller.
            let is_long = provider_bytes.contains("__GEN_");
            if is_long && caller != CALLERS[usize::from(upstream == CALLERS[0])] {
                continue;
            }
            let pieces = stream_of(upstream, provider_bytes);
            let seen = translated(upstream, caller, pieces.iter().map(Vec::as_slice));
            let what = format!("{id}, {upstream:?} to {caller:?}: {:.2000}", format!("{seen:?}"));
            check(id, expect, upstream, caller, &seen, &what);
        }
        assert_eq!(run, if upstream == Protocol::Chat { 17 } else { 15 }, "rows with a provider's bytes");
    }
}

fn check(
    id: &str,
    expect: &serde_json::Value,
    upstream: Protocol,
    caller: Protocol,
    seen: &super::samples::Seen,
    what: &str,
) {
    let well_formed = expect["client"] == "well-formed SSE" || expect["final"] == "[DONE]";
    if well_formed {
        assert_eq!((seen.fed, seen.ending), (Ok(()), Ending::Done { owed: b"" }), "{what}");
        let (events, complete) = read(caller, &seen.out);
        assert!(complete, "{what}");
        // Google's streams have no event after which nothing counts.
        if expect["ignored_after_done"] == true && upstream != Protocol::Gemini {
            assert_eq!(seen.output_bytes, 2, "{what}");
        }
        let answer = gather(&events);
        assert_eq!(answer.choices.len(), 1, "{what}");
    }
    if expect["client_status"] == 502 {
        assert!(seen.fed.is_err() && seen.out.is_empty(), "{what}");
    }
    let fails = expect["client"].as_str().is_some_and(|client| client.contains("error event"));
    if fails {
        // A stream that says why it ended and has no mark after that is complete.
        assert!(seen.failed() || id == "upstream-no-done", "{what}");
        assert!(!seen.failed() || !read(caller, &seen.out).1, "{what}");
    }
    match &expect["billed"] {
        billed if *billed == "usage" && id == "upstream-no-done" && upstream == Protocol::Responses => {
            assert_eq!(seen.tokens, None, "its usage is in its end: {what}");
        }
        billed if *billed == "usage" || *billed == "once" || *billed == "parsed or estimate" => {
            assert_eq!(seen.tokens.unwrap().total(), 6, "{what}");
        }
        billed if *billed == 0 => {
            assert!(!seen.started && seen.output_bytes == 0 && seen.tokens.is_none(), "{what}");
        }
        billed if *billed == "estimate for delivered tokens" => {
            assert!(seen.started && seen.output_bytes > 0, "{what}");
        }
        billed if *billed == "estimate" => assert_eq!(seen.output_bytes, 0, "{what}"),
        billed => assert!(billed.is_null() || seen.fed == Err(Broken::NotJson), "{what}"),
    }
    if !expect["max_cpu_s"].is_null() {
        assert_eq!((seen.events, seen.fed), (1_000_000, Ok(())), "{what}");
    }
}
