//! What must not be lost in silence and cannot be said in this protocol.

use domain::chat::{Media, MediaKind, Part, Request, Role, Source, Tool};
use domain::protocol::Protocol;

use crate::dialect::Inexpressible;

/// Refuses a request that holds any of it.
pub(super) fn check(request: &Request) -> Result<(), Inexpressible> {
    if request.choices.is_some_and(|choices| choices > 1) {
        return refuse("n", "a wish for more than one answer");
    }
    if let Some(kind) = request.modalities.iter().find(|kind| *kind != "text") {
        return refuse("modalities", format!("a wish for an answer of {kind}"));
    }
    for tool in &request.tools {
        match tool {
            Tool::Foreign(foreign) if foreign.protocol != Protocol::Responses => {
                return refuse("tools", format!("the tool `{}`", foreign.kind));
            }
            _ => {}
        }
    }
    for turn in &request.turns {
        for part in &turn.parts {
            match part {
                Part::Media(_) if turn.role == Role::Assistant => {
                    return refuse("messages", "a picture or sound in a turn of the model");
                }
                Part::Media(media) => check_media(media)?,
                Part::ToolResult(result) => {
                    for part in &result.parts {
                        if let Part::Media(media) = part {
                            check_media(media)?;
                        }
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn check_media(media: &Media) -> Result<(), Inexpressible> {
    match (media.kind, &media.source) {
        (MediaKind::Image | MediaKind::Document, _) => Ok(()),
        (MediaKind::Audio, _) => refuse("messages", "a sound"),
        (MediaKind::Video, Source::Url(_)) => refuse("messages", "a film by its address"),
        (MediaKind::Video, _) => refuse("messages", "a film"),
    }
}

fn refuse<T>(field: &'static str, what: impl Into<String>) -> Result<T, Inexpressible> {
    Err(Inexpressible { field, what: what.into() })
}
