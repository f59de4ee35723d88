//! Embeddings: Google's `embedContent` and `batchEmbedContents` to and from OpenAI's embeddings, in both directions.

mod caller;
mod upstream;

pub use caller::{Asked, from_openai, read, to_openai};
pub use upstream::{from_openai_request, to_openai_answer};

#[cfg(test)]
mod tests;
