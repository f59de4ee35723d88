//! Pictures, documents, films and sound. Converse wants a format where everybody else has a media type, bytes or a place in
//! S3 but no address, and a document under a name that says nothing to the model.

use domain::chat::{self, MediaKind, Source as Place};

use super::body::{Block, Document, Media, Piece, Source};
use crate::dialect::Inexpressible;
use crate::dialect::names::Names;

/// Where it is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// In a turn of the user.
    Turn,
    /// In the result of a tool, which holds no sound.
    Result,
}

/// How many documents were named so far: no two may have the same name.
#[derive(Debug, Default)]
pub(super) struct Documents(u32);

/// Writes one.
pub(super) fn encode<'a>(
    media: &'a chat::Media,
    place: Where,
    documents: &mut Documents,
    dropped: &mut Names,
) -> Result<Block<'a>, Inexpressible> {
    let what = word(media.kind);
    if place == Where::Result && media.kind == MediaKind::Audio {
        return Err(inexpressible(format!("{what} in the result of a tool")));
    }
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        dropped.add("detail");
    }
    let (format, source) = match &media.source {
        Place::Data { media_type, base64 } => {
            let format = format(media.kind, media_type)
                .ok_or_else(|| inexpressible(format!("{what} of the type {media_type}")))?;
            (format, Source::Bytes(base64))
        }
        Place::Url(url) if url.starts_with("s3://") => {
            let ending = url.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            let format = of_ending(media.kind, &ending)
                .ok_or_else(|| inexpressible(format!("{what} in S3 without a known ending")))?;
            (format, Source::S3Location { uri: url })
        }
        Place::Url(_) => return Err(inexpressible(format!("{what} by its address"))),
        Place::Uploaded(_) => return Err(inexpressible(format!("{what} that was uploaded elsewhere"))),
    };
    Ok(Block::Ours(match media.kind {
        MediaKind::Image => Piece::Image(Media { format, source }),
        MediaKind::Video => Piece::Video(Media { format, source }),
        MediaKind::Audio => Piece::Audio(Media { format, source }),
        MediaKind::Document => {
            // The caller's own name would be read as instructions (API reference, `DocumentBlock`).
            if media.name.is_some() {
                dropped.add("filename");
            }
            documents.0 += 1;
            Piece::Document(Document { format, name: format!("Document {}", documents.0), source })
        }
    }))
}

/// What it is, for a message.
pub(super) fn word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "a picture",
        MediaKind::Document => "a document",
        MediaKind::Audio => "sound",
        MediaKind::Video => "a film",
    }
}

pub(super) fn inexpressible(what: String) -> Inexpressible {
    Inexpressible { field: "messages", what }
}

fn format(kind: MediaKind, media_type: &str) -> Option<&'static str> {
    let (_, subtype) = media_type.split_once('/')?;
    match (kind, media_type) {
        (MediaKind::Document, "text/plain") => Some("txt"),
        (MediaKind::Document, "text/markdown") => Some("md"),
        (MediaKind::Document, "application/msword") => Some("doc"),
        (MediaKind::Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document") => {
            Some("docx")
        }
        (MediaKind::Document, "application/vnd.ms-excel") => Some("xls"),
        (MediaKind::Document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") => {
            Some("xlsx")
        }
        (MediaKind::Video, "video/quicktime") => Some("mov"),
        (MediaKind::Video, "video/x-matroska") => Some("mkv"),
        (MediaKind::Video, "video/3gpp") => Some("three_gp"),
        (MediaKind::Audio, "audio/mpeg") => Some("mp3"),
        (MediaKind::Audio, "audio/x-matroska") => Some("mka"),
        (MediaKind::Audio, "audio/l16") => Some("pcm"),
        _ => of_ending(kind, subtype.strip_prefix("x-ms-").or(subtype.strip_prefix("x-")).unwrap_or(subtype)),
    }
}

/// The format by a file's ending, which most media types end with as well.
fn of_ending(kind: MediaKind, ending: &str) -> Option<&'static str> {
    let known: &[&'static str] = match kind {
        MediaKind::Image => &["png", "jpeg", "gif", "webp"],
        MediaKind::Document => &["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"],
        MediaKind::Video => &["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"],
        MediaKind::Audio => &[
            "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "mpga", "pcm",
            "webm",
        ],
    };
    let ending = match ending {
        "jpg" => "jpeg",
        "htm" => "html",
        "3gp" => "three_gp",
        "vnd.wave" | "wave" => "wav",
        other => other,
    };
    known.iter().find(|format| **format == ending).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: MediaKind, media_type: &str, expect: Option<&str>) {
        assert_eq!(format(kind, media_type), expect, "{media_type}");
    }

    #[test]
    fn wire_fact_44_formats_stand_where_others_have_media_types() {
        check(MediaKind::Image, "image/png", Some("png"));
        check(MediaKind::Image, "image/jpg", Some("jpeg"));
        check(MediaKind::Image, "image/svg+xml", None);
        check(MediaKind::Image, "application/pdf", None);
        check(MediaKind::Document, "application/pdf", Some("pdf"));
        check(MediaKind::Document, "text/csv", Some("csv"));
        check(MediaKind::Document, "text/plain", Some("txt"));
        check(MediaKind::Document, "application/zip", None);
        check(
            MediaKind::Document,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Some("xlsx"),
        );
        check(MediaKind::Video, "video/quicktime", Some("mov"));
        check(MediaKind::Video, "video/x-ms-wmv", Some("wmv"));
        check(MediaKind::Video, "video/x-flv", Some("flv"));
        check(MediaKind::Audio, "audio/mpeg", Some("mp3"));
        check(MediaKind::Audio, "audio/x-wav", Some("wav"));
        check(MediaKind::Audio, "nonsense", None);
    }
}
