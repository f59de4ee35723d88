//! Answers and errors of upstreams: nothing they hold is more than they wrote, and an error of ours reads back. The
//! first byte chooses the endpoint.

#![no_main]

use domain::usage::Surface;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::answer::Answer;
use wire::failure::{ErrorBody, MAX_MESSAGE_BYTES, UpstreamError, read_error};
use wire::openai::{self, estimate_tokens};

/// Memory that reading may take beside the longest string in the body, which is unescaped into a buffer that grows
/// by doubling.
const BYTES_AT_LEAST: usize = 64 << 10;
/// More tokens than a count may claim, for both sides and what stands beside them.
const MOST_TOKENS: u64 = 4 << 40;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let surface = Surface::ALL[usize::from(script.byte()) % 3];
    let body = script.rest();
    let most = BYTES_AT_LEAST + 4 * body.len();
    let (answer, error) = allowance::within(most, || (openai::read_answer(surface, body), read_error(body)));
    let mut padded = b" \n".to_vec();
    padded.extend_from_slice(body);
    padded.extend_from_slice(b"\t\r\n");
    assert_eq!(openai::read_answer(surface, &padded), answer);
    assert_eq!(read_error(&padded), error);
    if let Ok(answer) = &answer {
        check_answer(surface, body, answer);
        // An answer that says it failed never says so in no words where there are some.
        if let (Some(told), Some(found)) = (&answer.error, &error) {
            assert_eq!(told, found);
        }
    }
    if let Some(error) = &error {
        check_error(error);
    }
});

fn check_answer(surface: Surface, body: &[u8], answer: &Answer) {
    let body_bytes = u64::try_from(body.len()).expect("a length");
    assert!(answer.output_bytes <= body_bytes, "{} of {body_bytes}", answer.output_bytes);
    assert!(estimate_tokens(answer.output_bytes) <= body_bytes);
    if let Some(tokens) = answer.tokens {
        let kinds = [
            tokens.input,
            tokens.cache_read,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
            tokens.audio,
            tokens.cache_write_1h,
            tokens.image,
        ];
        assert!(kinds.iter().sum::<u64>() <= MOST_TOKENS, "{tokens:?}");
        assert!(surface != Surface::Embeddings || body.len() > 10);
    }
}

fn check_error(error: &UpstreamError) {
    assert!(error.message.len() <= MAX_MESSAGE_BYTES);
    let words = [&error.kind, &error.param, &error.code];
    assert!(words.into_iter().flatten().all(|word| word.len() <= 128 && !word.is_empty()));
    let kind = error.kind.as_deref().unwrap_or("upstream_error");
    let written = openai::write_error(&ErrorBody {
        status: 400,
        message: &error.message,
        kind,
        param: error.param.as_deref(),
        code: "code",
        request_id: "req_1",
    });
    let value: Value = serde_json::from_slice(&written).expect("an error of ours is JSON");
    assert_eq!(value["error"]["message"], *error.message);
    assert_eq!(value["error"]["type"], *kind);
    let again = read_error(&written).expect("an error of ours is one");
    assert_eq!(again.message, error.message.trim());
    // A word cut to its bound may end in a blank, which reading takes off.
    assert_eq!(again.param.as_deref(), error.param.as_deref().map(str::trim));
}
