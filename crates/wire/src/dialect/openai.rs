//! The OpenAI protocol: requests and answers of chat completions, completions and embeddings, and their
//! stream. Refuses to know who calls, what it costs, and how bytes travel.

mod answer;
mod failure;
mod payload;
mod request;
mod rewrite;
mod tap;
mod usage;

pub use answer::{Answer, Malformed, read_answer};
pub use failure::{MAX_MESSAGE_BYTES, UpstreamError, read_error, write_error};
pub use request::{MAX_CHOICES, MAX_LOGPROBS, MAX_STOPS, MAX_TOKENS, MAX_TOOLS, Request, Unreadable, read};
pub use tap::{Broken, Ending, MAX_EVENT_BYTES, State, Tap, UsageChunk};

/// The event that ends a stream well.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Bytes of text that make one token in [`estimate_tokens`].
pub const BYTES_PER_TOKEN: u64 = 4;

/// Tokens in so many bytes of text: a quarter, rounded up. The ratio is OpenAI's own rule of thumb for
/// English; code and other scripts use more bytes or more tokens, so this stands in only where a provider
/// reported no usage.
#[must_use]
pub fn estimate_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

#[cfg(test)]
mod golden;

#[cfg(test)]
mod estimates {
    #[test]
    fn four_bytes_begin_a_token() {
        let check = |bytes, expect| assert_eq!(super::estimate_tokens(bytes), expect);
        check(0, 0);
        check(1, 1);
        check(4, 1);
        check(5, 2);
        check(u64::MAX, u64::MAX.div_ceil(4));
    }
}
