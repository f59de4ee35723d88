//! OpenAI's responses: requests, answers and their stream, in both directions.

mod answer;
mod decode;
mod encode;
mod ended;
mod envelope;
mod event;
mod failure;
mod items;
mod notes;
mod output;
mod payload;
mod request;
mod stream_reader;
mod stream_writer;
mod usage;
mod whole;

pub use answer::read_answer;
pub use decode::decode_request;
pub use encode::encode_request;
pub use failure::write_error;
pub(crate) use failure::write_error_event;
pub(crate) use notes::Notes;
pub use request::read;
pub(crate) use stream_reader::StreamReader;
pub(crate) use stream_writer::StreamWriter;
pub use whole::{decode_answer, encode_answer};

#[cfg(test)]
mod facts;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod round_trips;
