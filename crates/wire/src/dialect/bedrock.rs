//! Converse of Amazon Bedrock: requests, answers and their stream, in both directions as far as an upstream needs them.

mod citation;
mod encode;
mod finish;
mod frames;
mod picture;
mod stream_reader;
mod usage;
mod whole;

pub use encode::encode_request;
pub use frames::{Frame, Frames};
pub(crate) use stream_reader::StreamReader;
pub use whole::{decode_answer, read_answer};

#[cfg(test)]
mod golden;
