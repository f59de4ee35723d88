//! The media types that an answer may have. An upstream's own words never reach the caller: what it names is looked up
//! here.

/// What a body holds, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// JSON.
    Json,
    /// Text or subtitles.
    Text(&'static str),
    /// Sound.
    Sound(&'static str),
    /// Events.
    Events,
}

/// The types of text that a transcript may come in.
const TEXTS: [&str; 4] =
    ["text/plain; charset=utf-8", "text/vtt; charset=utf-8", "application/x-subrip", "text/srt"];

/// The types of sound that speech may come in.
const SOUNDS: [&str; 14] = [
    "audio/mpeg",
    "audio/mp3",
    "audio/opus",
    "audio/ogg",
    "audio/aac",
    "audio/flac",
    "audio/wav",
    "audio/wave",
    "audio/x-wav",
    "audio/pcm",
    "audio/l16",
    "audio/basic",
    "audio/webm",
    "application/octet-stream",
];

/// What a body of this media type holds; `None` for a type that no answer has.
#[must_use]
pub fn content(media_type: &str) -> Option<Content> {
    let essence = essence(media_type);
    let among = |known: &[&'static str]| known.iter().copied().find(|known| is(essence, known));
    if is(essence, "application/json") {
        return Some(Content::Json);
    }
    if is(essence, "text/event-stream") {
        return Some(Content::Events);
    }
    among(&TEXTS).map(Content::Text).or_else(|| among(&SOUNDS).map(Content::Sound))
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn is(found: &str, known: &str) -> bool {
    found.eq_ignore_ascii_case(essence(known))
}
