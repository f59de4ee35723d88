//! What is no conversation: moderations, pictures, speech, transcripts and rankings, in OpenAI's form (rankings in that of
//! Cohere and Jina). Bodies pass as they are but for the model; here stands what the gate reads of them. Refuses to know
//! what anything costs.

mod answer;
mod form;
mod media_type;
mod multipart;
mod request;
mod sound;
mod stream;
mod subtitles;

use domain::price::Units;
use domain::usage::Surface;

pub use answer::{Reported, read_answer, read_text};
pub(crate) use form::Parts;
pub use form::{BadForm, Form, read_form};
pub use media_type::{Content, content};
pub use multipart::Boundary;
pub use request::read;
pub(crate) use sound::Sound;
pub(crate) use stream::Events;

use crate::request::Request;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The facts that every request has.
    pub request: Request,
    /// What it asks for that is not counted in tokens, for when the answer does not say.
    pub units: Units,
}

/// Whether requests to this endpoint are here.
#[must_use]
pub fn is_here(surface: Surface) -> bool {
    is_form(surface)
        || matches!(surface, Surface::Moderations | Surface::Images | Surface::Speech | Surface::Rerank)
}

/// Whether requests to this endpoint come as forms with files.
#[must_use]
pub fn is_form(surface: Surface) -> bool {
    matches!(surface, Surface::ImageEdits | Surface::Transcriptions)
}

#[cfg(test)]
mod tests;
