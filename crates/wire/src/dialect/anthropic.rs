//! Anthropic's messages: requests, answers and their stream, in both directions.

mod answer;
mod count;
mod decode;
mod encode;
mod failure;
mod model;
mod notes;
mod payload;
mod request;
mod stop;
mod stream_reader;
mod stream_writer;
mod usage;
mod whole;

pub use answer::read_answer;
pub use count::{read_count_answer, write_count_answer};
pub use decode::decode_request;
pub use encode::{encode_count, encode_request};
pub use failure::write_error;
pub(crate) use failure::write_error_event;
pub(crate) use notes::Notes;
pub use request::{read, read_count};
pub(crate) use stream_reader::StreamReader;
pub(crate) use stream_writer::StreamWriter;
pub use whole::{decode_answer, encode_answer};

/// The event that ends a stream well.
pub(crate) const MESSAGE_STOP: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[cfg(test)]
mod golden;
#[cfg(test)]
mod trips;
