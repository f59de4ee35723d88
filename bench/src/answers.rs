//! What the upstream of the benchmark answers: a chat completion of about 1 KB, or a stream whose length and pace are
//! in the model's name. All bytes are made beforehand. It knows of a request what these few words say, and no more.

use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;

/// The models that are listed. A stream of any other length or pace may be asked for by its name as well, where nobody
/// between asks the list first.
pub const MODELS: [&str; 7] =
    ["bench", "sse-20-0", "sse-100-0", "sse-60-20", "sse-60-1000", "sse-100-1000", "sse-100-2000"];

/// The answer to a question for the models.
pub fn models() -> Bytes {
    let rows: Vec<_> = MODELS.iter().map(|name| serde_json::json!({"id": name, "object": "model"})).collect();
    Bytes::from(serde_json::json!({"object": "list", "data": rows}).to_string())
}

/// A whole answer.
pub const WHOLE: &str = include_str!("../answer.json");

/// One event of a stream, of the size that providers send.
pub const EVENT: &str = include_str!("../event.sse");
/// The last one with a choice.
pub const LAST: &str = "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\
    \"model\":\"bench\",\"system_fingerprint\":\"fp_bench\",\"choices\":[{\"index\":0,\"delta\":{},\
    \"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n";
/// The one with the usage, for those who asked for it.
pub const USAGE: &str = "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\
    \"model\":\"bench\",\"system_fingerprint\":\"fp_bench\",\"choices\":[],\
    \"usage\":{\"prompt_tokens\":260,\"completion_tokens\":100,\"total_tokens\":360}}\n\n";
/// The end.
pub const DONE: &str = "data: [DONE]\n\n";

/// Events of a stream whose model does not say how many.
const USUAL_EVENTS: u32 = 20;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Asked {
    /// One answer.
    Whole,
    /// A stream.
    Stream(Stream),
}

/// A stream: how long, how fast, and whether its usage is told.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Stream {
    /// Events with a choice.
    pub events: u32,
    /// From one event to the next.
    pub pause: Duration,
    /// Whether an event with the usage comes before the end.
    pub usage: Usage,
}

/// Whether usage is told.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Usage {
    /// It is.
    Told,
    /// It is not.
    Kept,
}

/// Reads what a chat request asks for, without reading it as JSON.
pub fn asked(body: &[u8]) -> Asked {
    if !member(body, b"\"stream\"").is_some_and(|value| value.starts_with(b"true")) {
        return Asked::Whole;
    }
    let told = member(body, b"\"include_usage\"").is_some_and(|value| value.starts_with(b"true"));
    let (events, pause_ms) =
        member(body, b"\"model\"").and_then(length_and_pace).unwrap_or((USUAL_EVENTS, 0));
    let usage = if told { Usage::Told } else { Usage::Kept };
    Asked::Stream(Stream { events: events.max(1), pause: Duration::from_millis(pause_ms.into()), usage })
}

/// What follows the first member of this name that has a value; a word in a text of the conversation has none.
fn member<'a>(body: &'a [u8], quoted: &[u8]) -> Option<&'a [u8]> {
    memmem::find_iter(body, quoted).find_map(|at| {
        let value = body[at + quoted.len()..].trim_ascii_start().strip_prefix(b":")?;
        Some(value.trim_ascii_start())
    })
}

/// `"sse-100-20"`: a hundred events, one every 20 ms.
fn length_and_pace(value: &[u8]) -> Option<(u32, u32)> {
    let value = value.strip_prefix(b"\"sse-")?;
    let end = memchr::memchr(b'"', value)?;
    let (events, pause) = str::from_utf8(&value[..end]).ok()?.split_once('-')?;
    Some((events.parse().ok()?, pause.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Asked) {
        assert_eq!(asked(body.as_bytes()), expect, "{body}");
    }

    fn stream(events: u32, pause_ms: u64, usage: Usage) -> Asked {
        Asked::Stream(Stream { events, pause: Duration::from_millis(pause_ms), usage })
    }

    #[test]
    fn a_stream_is_as_its_model_says() {
        check(r#"{"model":"bench","messages":[]}"#, Asked::Whole);
        check(r#"{"model":"sse-5-7","stream":false}"#, Asked::Whole);
        check(r#"{"model":"sse-5-7","stream":true}"#, stream(5, 7, Usage::Kept));
        check(r#"{"model": "sse-100-0", "stream" : true}"#, stream(100, 0, Usage::Kept));
        check(
            r#"{"model":"bench","stream":true,"stream_options":{"include_usage":true}}"#,
            stream(20, 0, Usage::Told),
        );
        check(r#"{"model":"sse-0-0","stream":true}"#, stream(1, 0, Usage::Kept));
    }

    #[test]
    fn words_of_the_conversation_ask_for_nothing() {
        check(r#"{"model":"bench","messages":[{"role":"user","content":"a \"stream\" of"}]}"#, Asked::Whole);
    }

    #[test]
    fn the_answers_are_what_they_are_called() {
        let whole: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
        assert_eq!(whole["usage"]["total_tokens"], 380);
        assert!((900..=1_100).contains(&WHOLE.len()), "{}", WHOLE.len());
        for event in [EVENT, LAST, USAGE] {
            let data = event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
            assert!(
                serde_json::from_str::<serde_json::Value>(data).unwrap()["choices"].is_array(),
                "{event}"
            );
        }
    }
}
