//! A picture that a model made.

use domain::chat::{Media, MediaKind, Source};
use serde::Deserialize;

/// Its bytes in base64, or its place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    #[serde(default)]
    pub(super) bytes: Option<String>,
    #[serde(default)]
    pub(super) s3_location: Option<S3Location>,
}

#[derive(Deserialize)]
pub(super) struct S3Location {
    uri: String,
}

impl Place {
    /// The picture, of this format.
    pub(super) fn picture(self, format: &str) -> Option<Media> {
        let source = match (self.bytes, self.s3_location) {
            (Some(base64), _) => Source::Data { media_type: format!("image/{format}"), base64 },
            (None, Some(place)) => Source::Url(place.uri),
            (None, None) => return None,
        };
        let kind = MediaKind::Image;
        Some(Media { kind, source, name: None, detail: None, cache: None, signature: None })
    }
}
