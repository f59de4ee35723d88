//! Google's `generateContent`: requests, answers and their stream, in both directions; and beside it the counting of tokens,
//! embeddings, and the list of models. Serves AI Studio and Vertex, whose bodies are the same.

mod answer;
mod array;
mod base64;
mod carried;
mod citations;
mod count;
mod decode;
pub mod embed;
mod encode;
mod failure;
mod lenient;
mod logprobs;
mod made_id;
mod measure;
pub mod models;
mod notes;
mod part;
mod path;
mod payload;
mod request;
mod said;
mod stream_reader;
mod stream_writer;
mod usage;
mod whole;
mod words;

pub use answer::read_answer;
pub use array::JsonArray;
pub use count::{Service, decode_count, encode_count, read_count_answer, write_count_answer};
pub use decode::decode_request;
pub use encode::encode_request;
pub use failure::write_error;
pub(crate) use failure::write_error_event;
pub(crate) use notes::Notes;
pub use request::{read, read_count};
pub(crate) use stream_reader::StreamReader;
pub(crate) use stream_writer::StreamWriter;
pub use whole::{decode_answer, encode_answer};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod round_trips;
