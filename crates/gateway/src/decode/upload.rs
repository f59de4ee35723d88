//! Requests that come as forms with files: the bytes stay as they came, and the boundary goes up with them.

use bytes::Bytes;
use domain::code::Code;
use domain::usage::Surface;
use http::HeaderValue;
use wire::surfaces::{self, BadForm, Boundary, Form};

use crate::refusal::{Refusal, Stop};

/// Bytes that a form may have, whatever the key allows a body of JSON: files are larger than conversations.
pub(crate) const MAX_UPLOAD_BYTES: usize = 10 << 20;

/// A form that was read.
pub(crate) struct Upload {
    form: Form,
    media_type: HeaderValue,
}

impl Upload {
    /// Reads `body`, whose content type named `boundary`.
    pub(super) fn read(surface: Surface, boundary: &Boundary, body: &[u8]) -> Result<Self, Stop> {
        let form = surfaces::read_form(surface, boundary, body).map_err(|bad| refused(&bad))?;
        let media_type = HeaderValue::from_str(&boundary.media_type()).map_err(|_| unsupported())?;
        Ok(Self { form, media_type })
    }

    /// What it asks for.
    pub(super) fn asked(&self) -> &surfaces::Asked {
        &self.form.asked
    }

    /// The content type of the body for an upstream.
    pub(crate) fn media_type(&self) -> &HeaderValue {
        &self.media_type
    }

    /// The body for an upstream that knows the model by this name.
    pub(crate) fn rewrite(&self, body: &[u8], model: &str) -> Option<Bytes> {
        self.form.rewrite(body, model)
    }
}

/// The refusal of a body that is no form.
pub(crate) fn unsupported() -> Refusal {
    let message = "The content type must be multipart/form-data with one boundary.";
    Refusal::new(Code::UnsupportedMediaType, message)
}

/// The refusal of a form that cannot be read.
pub(crate) fn refused(bad: &BadForm) -> Refusal {
    let refusal = Refusal::new(Code::InvalidRequest, bad.to_string());
    match bad.field() {
        Some(field) => refusal.about(field),
        None => refusal,
    }
}
