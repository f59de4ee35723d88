//! Files and batches in OpenAI's form: what a caller sends, what a provider answers, and what a batch leaves behind. Pure
//! bytes in, facts out. Refuses to know whose a file is, where it is kept and what anything costs.

pub mod create;
pub mod object;
pub mod requests;
pub mod results;
pub mod upload;

use domain::usage::Surface;

/// Characters the name of a file or a batch may have.
const MAX_NAME_BYTES: usize = 256;

/// Every endpoint whose requests may stand in a batch, by the path it has in lines and at creation.
const ENDPOINTS: [(&str, Surface); 5] = [
    ("/v1/chat/completions", Surface::Chat),
    ("/v1/completions", Surface::Completions),
    ("/v1/embeddings", Surface::Embeddings),
    ("/v1/responses", Surface::Responses),
    ("/v1/moderations", Surface::Moderations),
];

/// What is wrong with any other path.
const BAD_ENDPOINT: &str =
    "must be /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses or /v1/moderations";

/// The endpoint of this path.
#[must_use]
pub fn endpoint(path: &str) -> Option<Surface> {
    ENDPOINTS.into_iter().find(|(known, _)| *known == path).map(|(_, surface)| surface)
}

/// Whether this can be the name of a file or a batch: one that stays itself in a path, a header and a log.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('.')
}

#[cfg(test)]
mod tests;
