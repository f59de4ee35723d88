//! A turn of the user: results of tools first, each a message of its own, then what the user says.

use domain::chat::{CacheMark, Media, MediaKind, Part, Source, ToolResult, Turn};
use domain::protocol::Protocol;

use super::write_cache;
use crate::dialect::names::Names;
use crate::dialect::openai::form::ChatForm;
use crate::dialect::openai::media::{audio_format, data_address};
use crate::dialect::{Inexpressible, Target};
use crate::json::build::{ArrayWriter, ObjectWriter};
use crate::json::look::Object;

/// A medium out of a tool's result, and the words that say where it belongs.
struct Moved<'t> {
    label: String,
    media: &'t Media,
}

pub(super) fn write(
    list: &mut ArrayWriter<'_>,
    turn: &Turn,
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<(), Inexpressible> {
    let mut moved = Vec::new();
    let mut said = Vec::new();
    let mut is_answer = false;
    for part in &turn.parts {
        match part {
            Part::ToolResult(result) => {
                is_answer = true;
                write_result(list, result, target, dropped, &mut moved);
            }
            Part::Foreign(foreign) if foreign.protocol == Protocol::Chat => {
                is_answer = true;
                write_custom_result(list, foreign.json.as_str(), target);
            }
            Part::Foreign(_) => {
                is_answer = true;
                dropped.add("server_tools");
            }
            part => said.push(part),
        }
    }
    if said.is_empty() && moved.is_empty() && is_answer {
        return Ok(());
    }
    // Not every server takes a list where there is one text.
    let marks = |cache: Option<CacheMark>| cache.is_some() && target.chat.takes_beside("cache_control");
    let plain = match said.as_slice() {
        [Part::Text(text)] if moved.is_empty() && !marks(text.cache) => {
            if text.cache.is_some() {
                dropped.add("cache_control");
            }
            Some(text.text.as_str())
        }
        _ => None,
    };
    let mut parts = Ok(());
    list.object(|message| {
        message.text("role", "user");
        match plain {
            Some(text) => message.text("content", text),
            None => message
                .array("content", |list| parts = write_parts(list, &moved, &said, &target.chat, dropped)),
        }
        message.text_if("name", turn.name.as_deref());
    });
    parts
}

fn write_parts(
    list: &mut ArrayWriter<'_>,
    moved: &[Moved<'_>],
    said: &[&Part],
    form: &ChatForm,
    dropped: &mut Names,
) -> Result<(), Inexpressible> {
    for one in moved {
        write_text(list, &one.label);
        write_media(list, one.media, form, dropped)?;
    }
    for part in said {
        match part {
            Part::Text(text) => list.object(|written| {
                written.text("type", "text");
                written.text("text", &text.text);
                write_cache(written, text.cache, form, dropped);
            }),
            Part::Media(media) => write_media(list, media, form, dropped)?,
            Part::Refusal(words) => write_text(list, words),
            // The user neither thinks nor calls: histories that say so are wrong, and what they mean is not known.
            _ => {
                let what = "a part of the assistant in what the user said".to_owned();
                return Err(Inexpressible { field: "messages", what });
            }
        }
    }
    Ok(())
}

fn write_text(list: &mut ArrayWriter<'_>, text: &str) {
    list.object(|written| {
        written.text("type", "text");
        written.text("text", text);
    });
}

/// One result. The message takes text only: a picture in it is put after the last result of the round, and both places
/// say so.
fn write_result<'t>(
    list: &mut ArrayWriter<'_>,
    result: &'t ToolResult,
    target: &Target<'_>,
    dropped: &mut Names,
    moved: &mut Vec<Moved<'t>>,
) {
    let id = target.tool_ids.fit(&result.id);
    if result.is_error {
        dropped.add("is_error");
    }
    let mut texts: Vec<(String, _)> = Vec::new();
    for part in &result.parts {
        match part {
            Part::Text(text) => texts.push((text.text.clone(), text.cache)),
            Part::Refusal(words) => texts.push((words.clone(), None)),
            Part::Media(media) => {
                let label = format!("[attachment {} of the result of {id}]", moved.len() + 1);
                texts.push((label.clone(), None));
                moved.push(Moved { label, media });
            }
            _ => dropped.add("server_tools"),
        }
    }
    if let Some(last) = texts.last_mut() {
        last.1 = last.1.or(result.cache);
    }
    list.object(|message| {
        message.text("role", "tool");
        message.text("tool_call_id", &id);
        match texts.as_slice() {
            [] => message.text("content", ""),
            [(text, None)] => message.text("content", text),
            texts => message.array("content", |list| {
                for (text, cache) in texts {
                    list.object(|written| {
                        written.text("type", "text");
                        written.text("text", text);
                        write_cache(written, *cache, &target.chat, dropped);
                    });
                }
            }),
        }
    });
}

/// The result of a tool that only this protocol has, as the reader of requests noted it.
fn write_custom_result(list: &mut ArrayWriter<'_>, json: &str, target: &Target<'_>) {
    let Some(noted) = Object::read(json.as_bytes()) else { return };
    list.object(|message| {
        message.text("role", "tool");
        message.text("tool_call_id", &target.tool_ids.fit(&noted.text("tool_call_id").unwrap_or_default()));
        message.text("content", &noted.text("content").unwrap_or_default());
    });
}

/// The address of a picture, which may hold it.
pub(super) fn picture_address(media: &Media) -> Option<String> {
    match &media.source {
        _ if media.kind != MediaKind::Image => None,
        Source::Data { media_type, base64 } => Some(data_address(media_type, base64)),
        Source::Url(url) => Some(url.clone()),
        Source::Uploaded(_) => None,
    }
}

fn write_media(
    list: &mut ArrayWriter<'_>,
    media: &Media,
    form: &ChatForm,
    dropped: &mut Names,
) -> Result<(), Inexpressible> {
    let refuse = |what: &str| Err(Inexpressible { field: "messages", what: what.to_owned() });
    match (media.kind, &media.source) {
        (MediaKind::Image, _) => {
            let Some(address) = picture_address(media) else {
                return refuse("a picture by the name of its upload");
            };
            write_link(list, "image_url", &address, media, form, dropped);
        }
        (MediaKind::Video, _) if !form.takes_beside("video_url") => return refuse("a film"),
        (MediaKind::Video, Source::Data { media_type, base64 }) => {
            write_link(list, "video_url", &data_address(media_type, base64), media, form, dropped);
        }
        (MediaKind::Video, Source::Url(url)) => write_link(list, "video_url", url, media, form, dropped),
        (MediaKind::Video, Source::Uploaded(_)) => return refuse("a film by the name of its upload"),
        (MediaKind::Audio, Source::Data { media_type, base64 }) => list.object(|part| {
            part.text("type", "input_audio");
            part.object("input_audio", |sound| {
                sound.text("data", base64);
                sound.text("format", audio_format(media_type));
            });
            write_cache(part, media.cache, form, dropped);
        }),
        (MediaKind::Audio, _) => return refuse("a sound by its address or the name of its upload"),
        (MediaKind::Document, Source::Data { media_type, base64 }) => {
            let name = media.name.clone().unwrap_or_else(|| file_name(media_type));
            write_file(list, media, form, dropped, |file| {
                file.text("filename", &name);
                file.text("file_data", &data_address(media_type, base64));
            });
        }
        (MediaKind::Document, Source::Url(url)) if form.takes_beside("file_url") => {
            write_file(list, media, form, dropped, |file| {
                file.text_if("filename", media.name.as_deref());
                file.text("file_data", url);
            });
        }
        (MediaKind::Document, Source::Url(_)) => return refuse("a document by its address"),
        (MediaKind::Document, Source::Uploaded(id)) if form.takes_beside("file_id") => {
            write_file(list, media, form, dropped, |file| file.text("file_id", id));
        }
        (MediaKind::Document, Source::Uploaded(_)) => return refuse("a document by the name of its upload"),
    }
    Ok(())
}

fn write_link(
    list: &mut ArrayWriter<'_>,
    kind: &str,
    address: &str,
    media: &Media,
    form: &ChatForm,
    dropped: &mut Names,
) {
    list.object(|part| {
        part.text("type", kind);
        part.object(kind, |link| {
            link.text("url", address);
            link.text_if("detail", media.detail.as_deref());
        });
        write_cache(part, media.cache, form, dropped);
    });
}

fn write_file(
    list: &mut ArrayWriter<'_>,
    media: &Media,
    form: &ChatForm,
    dropped: &mut Names,
    write: impl FnOnce(&mut ObjectWriter<'_>),
) {
    list.object(|part| {
        part.text("type", "file");
        part.object("file", write);
        write_cache(part, media.cache, form, dropped);
    });
}

/// A name for a document that has none; the protocol demands one, and the model learns its kind by it.
fn file_name(media_type: &str) -> String {
    let ending = match media_type {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "text/csv" => "csv",
        "text/html" => "html",
        "application/json" => "json",
        other => other.rsplit(['/', '.', '+']).next().unwrap_or("bin"),
    };
    format!("document.{ending}")
}
