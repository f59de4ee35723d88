//! Pictures, sound and files in the forms of this protocol: `data:` addresses and names of formats.

use domain::chat::{Media, MediaKind, Source};

use crate::dialect::base64;

/// What begins an address that holds its content.
const DATA: &str = "data:";

/// Media of `kind` at `address`, which may hold them itself; `None` when it says so and does not.
pub(super) fn at_address(kind: MediaKind, address: &str) -> Option<Media> {
    let source = match strip_scheme(address) {
        Some(content) => {
            let (head, body) = content.split_once(',')?;
            let mut words = head.split(';').map(str::trim);
            let media_type = words.next().unwrap_or_default().to_ascii_lowercase();
            if !words.any(|word| word.eq_ignore_ascii_case("base64")) {
                return None;
            }
            let media_type = if media_type.is_empty() { "text/plain".to_owned() } else { media_type };
            Source::Data { media_type, base64: base64::standard(body)?.into_owned() }
        }
        None => Source::Url(address.to_owned()),
    };
    Some(plain(kind, source))
}

fn strip_scheme(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_at_checked(DATA.len())?;
    scheme.eq_ignore_ascii_case(DATA).then_some(rest)
}

/// Media of which nothing but their place is known.
pub(super) fn plain(kind: MediaKind, source: Source) -> Media {
    Media { kind, source, name: None, detail: None, cache: None, signature: None }
}

/// The address of media that lie in the request.
pub(super) fn data_address(media_type: &str, base64: &str) -> String {
    format!("data:{media_type};base64,{base64}")
}

/// The media type of sound in one of the protocol's formats.
pub(super) fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "m4a" => "audio/mp4".to_owned(),
        other => format!("audio/{}", other.to_ascii_lowercase()),
    }
}

/// The protocol's format for a media type of sound.
pub(super) fn audio_format(media_type: &str) -> &str {
    match media_type.strip_prefix("audio/").unwrap_or(media_type) {
        "mpeg" => "mp3",
        "mp4" => "m4a",
        other => other.strip_prefix("x-").unwrap_or(other),
    }
}

/// What kind of media a type means.
pub(super) fn kind_of(media_type: &str) -> MediaKind {
    match media_type.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_its_content_or_points_to_it() {
        let source = |address: &str| at_address(MediaKind::Image, address).map(|media| media.source);
        let data = |media_type: &str| {
            Some(Source::Data { media_type: media_type.to_owned(), base64: "aGk=".to_owned() })
        };
        assert_eq!(source("data:image/PNG;charset=x;base64,aGk="), data("image/png"));
        assert_eq!(source("DATA:;base64,aGk"), data("text/plain"));
        assert_eq!(source("data:image/png,hi"), None);
        assert_eq!(source("data:image/png;base64,%%"), None);
        assert_eq!(source("https://example.com/a"), Some(Source::Url("https://example.com/a".to_owned())));
    }
}
