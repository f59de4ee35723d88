//! `groundingMetadata` and `citationMetadata`: where words come from.

use domain::chat::Citation;

use super::lenient;
use super::measure::Measure;
use crate::json::build::ObjectWriter;
use crate::json::look::{Object, Value};

/// A citation as Google gives it: its places are in bytes, of a part of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Without places.
    citation: Citation,
    bytes: Option<(u64, u64)>,
    /// The part it belongs to, where that is said.
    pub(super) part: Option<usize>,
    /// The words of the answer that rest on it.
    pub(super) words: Option<String>,
}

impl Found {
    /// With its places in the text that `measure` knows.
    pub(super) fn placed(self, measure: &Measure) -> Citation {
        let (start, end) = match self.bytes {
            Some((start, end)) => (measure.character(start), measure.character(end)),
            None => (None, None),
        };
        Citation { start, end, ..self.citation }
    }
}

/// All citations of a candidate.
pub(super) fn read(candidate: &Object<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(metadata) = candidate.object("citationMetadata") {
        let list = metadata.get("citations").or_else(|| metadata.get("citationSources"));
        for source in list.and_then(Value::items).unwrap_or_default() {
            let source = source.members();
            let citation = Citation {
                url: source.text("uri").map(Into::into),
                title: source.text("title").map(Into::into),
                ..Citation::default()
            };
            let bytes = span(&source);
            found.push(Found { citation, bytes, part: None, words: None });
        }
    }
    if let Some(metadata) = candidate.object("groundingMetadata") {
        grounding(&metadata, &mut found);
    }
    found
}

/// Google leaves out a beginning of zero.
fn span(segment: &Object<'_>) -> Option<(u64, u64)> {
    let end = segment.get("endIndex").and_then(lenient::unsigned)?;
    Some((segment.get("startIndex").and_then(lenient::unsigned).unwrap_or(0), end))
}

fn grounding(metadata: &Object<'_>, found: &mut Vec<Found>) {
    let chunks = metadata.items("groundingChunks");
    let chunks: Vec<Option<Citation>> = chunks.into_iter().map(|chunk| source(&chunk.members())).collect();
    let mut is_used = vec![false; chunks.len()];
    for support in metadata.items("groundingSupports") {
        let support = support.members();
        let segment = support.object("segment").unwrap_or_default();
        let part =
            segment.get("partIndex").and_then(lenient::unsigned).and_then(|part| usize::try_from(part).ok());
        for index in support.items("groundingChunkIndices") {
            let index =
                lenient::unsigned(index).and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
            let Some(Some(citation)) = chunks.get(index) else { continue };
            if let Some(is_used) = is_used.get_mut(index) {
                *is_used = true;
            }
            let words = segment.text("text").map(Into::into);
            found.push(Found { citation: citation.clone(), bytes: span(&segment), part, words });
        }
    }
    for (citation, is_used) in chunks.into_iter().zip(is_used) {
        if let (Some(citation), false) = (citation, is_used) {
            found.push(Found { citation, bytes: None, part: None, words: None });
        }
    }
}

/// What a chunk is: a page, a document of the caller, a place on a map.
fn source(chunk: &Object<'_>) -> Option<Citation> {
    let found = ["web", "retrievedContext", "maps", "image"].into_iter().find_map(|name| chunk.get(name))?;
    let found = found.members();
    Some(Citation {
        url: found.text("uri").or_else(|| found.text("sourceUri")).map(Into::into),
        title: found.text("title").map(Into::into),
        quoted: found.text("text").map(Into::into),
        ..Citation::default()
    })
}

/// A citation of a text that is being written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    citation: Citation,
    bytes: Option<(u64, u64)>,
    part: usize,
}

impl Written {
    /// Of the text that `measure` knows, the part of this number.
    pub(super) fn new(citation: &Citation, measure: &Measure, part: usize) -> Self {
        let place = |character: Option<u64>| measure.byte(character?);
        let bytes = place(citation.start).zip(place(citation.end));
        Self { citation: citation.clone(), bytes, part }
    }
}

/// Appends `groundingMetadata`, if there is anything to say.
pub(super) fn write(citations: &[Written], candidate: &mut ObjectWriter<'_>) {
    if citations.is_empty() {
        return;
    }
    candidate.object("groundingMetadata", |metadata| {
        metadata.array("groundingChunks", |chunks| {
            for Written { citation, .. } in citations {
                // Only documents have a place for the words that are cited.
                let kind = if citation.quoted.is_none() && citation.url.is_some() {
                    "web"
                } else {
                    "retrievedContext"
                };
                chunks.object(|chunk| {
                    chunk.object(kind, |source| {
                        source.text_if("uri", citation.url.as_deref());
                        source.text_if("title", citation.title.as_deref());
                        source.text_if("text", citation.quoted.as_deref());
                    });
                });
            }
        });
        metadata.array("groundingSupports", |supports| {
            for (index, Written { bytes, part, .. }) in citations.iter().enumerate() {
                supports.object(|support| {
                    support.object("segment", |segment| {
                        segment.plain("partIndex", part);
                        if let Some((start, end)) = bytes {
                            segment.plain("startIndex", start);
                            segment.plain("endIndex", end);
                        }
                    });
                    support.raw("groundingChunkIndices", format!("[{index}]"));
                });
            }
        });
    });
}
