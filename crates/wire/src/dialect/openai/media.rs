//! Pictures, sound and files in the forms of this protocol: `data:` addresses and names of formats.

use std::borrow::Cow;

use domain::chat::{Media, MediaKind, Source};

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
            Source::Data { media_type, base64: standard_base64(body)?.into_owned() }
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

/// `text` in the standard alphabet of base64, with padding; `None` when it is not base64 in any form.
pub(super) fn standard_base64(text: &str) -> Option<Cow<'_, str>> {
    let standard = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let digits = text.trim_end_matches('=');
    if digits.bytes().all(standard) && text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len() + 3);
    for character in digits.chars() {
        match character {
            '-' => out.push('+'),
            '_' => out.push('/'),
            '+' | '/' => out.push(character),
            _ if character.is_ascii_alphanumeric() => out.push(character),
            // Encoders that break lines do so for mail, where it has no meaning.
            _ if character.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    match out.len() % 4 {
        1 => return None,
        2 => out.push_str("=="),
        3 => out.push('='),
        _ => {}
    }
    Some(Cow::Owned(out))
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
    fn base64_of_every_form_becomes_the_standard_one() {
        let check =
            |text: &str, expect: Option<&str>| assert_eq!(standard_base64(text).as_deref(), expect, "{text}");
        check("aGk=", Some("aGk="));
        check("aGk", Some("aGk="));
        check("_-8", Some("/+8="));
        check("aG\r\nk=", Some("aGk="));
        check("", Some(""));
        check("a", None);
        check("a%20b", None);
        check("äöü", None);
    }

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
