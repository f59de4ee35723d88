//! Citations: what all protocols know of them, beside the whole as Bedrock wrote it.

use domain::chat::{Citation, Json};
use domain::protocol::Protocol;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cited {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    source_content: Option<Vec<Content>>,
    #[serde(default)]
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    web: Option<Web>,
}

#[derive(Deserialize)]
struct Web {
    #[serde(default)]
    url: Option<String>,
}

/// Reads one. Its places are in the source, not in the text that rests on it, so they are not told.
pub(super) fn read(json: &RawValue) -> Option<Citation> {
    let cited: Cited = serde_json::from_str(json.get()).ok()?;
    let web = cited.location.and_then(|location| location.web).and_then(|web| web.url);
    let quoted: String =
        cited.source_content.into_iter().flatten().filter_map(|content| content.text).collect();
    Some(Citation {
        url: web.or(cited.source.filter(|source| source.starts_with("http"))),
        title: cited.title,
        quoted: (!quoted.is_empty()).then_some(quoted),
        native: Some((Protocol::Bedrock, Json::new(json.get()))),
        ..Citation::default()
    })
}
