//! OpenAI's chat completions, and the completions and embeddings beside them: requests, answers and their stream. Refuses
//! to know who calls, what it costs, and how bytes travel.

mod answer;
mod decode;
mod encode;
mod failure;
mod finish;
mod form;
mod media;
mod notes;
mod payload;
mod request;
mod sources;
mod stream_reader;
mod stream_writer;
mod thoughts;
mod tool_ids;
mod usage;
mod whole;

pub use answer::read_answer;
pub use decode::decode_request;
pub use encode::encode_request;
pub use failure::write_error;
pub(crate) use failure::write_error_event;
pub use form::{ChatForm, ThinkingMember, ThoughtsMember};
pub(crate) use notes::Notes;
pub use request::read;
pub(crate) use stream_reader::StreamReader;
pub(crate) use stream_writer::StreamWriter;
pub use tool_ids::fit_tool_ids;
pub(crate) use usage::Reported as Usage;
pub use whole::{decode_answer, encode_answer};

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
pub(crate) mod golden;
#[cfg(test)]
mod neutral;
#[cfg(test)]
mod round_trips;

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
