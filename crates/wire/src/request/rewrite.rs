//! The two places in a request that change on the way up: the model's name and the wish for usage in a
//! stream. Every other byte stays as the caller wrote it.

use std::ops::Range;

use bytes::Bytes;

use crate::json::push_text;

/// What must be done so that a streamed answer reports its usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UsageAsked {
    /// Nothing: the answer is not streamed, or the caller asks for it.
    Untouched,
    /// The value of `include_usage` lies here and must become `true`.
    Flag(Range<usize>),
    /// `stream_options` lies here, null or without members, and must be replaced.
    Options(Range<usize>),
    /// The members of `stream_options` begin here; one must be put before them.
    FirstOption(usize),
    /// The members of the request begin here; `stream_options` must be put before them.
    FirstMember(usize),
}

impl UsageAsked {
    fn edit(&self) -> Option<(Range<usize>, &'static [u8])> {
        match self {
            UsageAsked::Untouched => None,
            UsageAsked::Flag(span) => Some((span.clone(), b"true")),
            UsageAsked::Options(span) => Some((span.clone(), br#"{"include_usage":true}"#)),
            &UsageAsked::FirstOption(at) => Some((at..at, br#""include_usage":true,"#)),
            &UsageAsked::FirstMember(at) => Some((at..at, br#""stream_options":{"include_usage":true},"#)),
        }
    }
}

/// `body` with the model's value replaced and usage asked for.
pub(crate) fn splice(
    body: &[u8],
    model_span: Option<&Range<usize>>,
    model: &str,
    usage: &UsageAsked,
) -> Bytes {
    let mut name = Vec::with_capacity(model.len() + 2);
    push_text(&mut name, model);
    let model_edit = model_span.map(|span| (span.clone(), name.as_slice()));
    let mut edits = [model_edit, usage.edit()];
    edits.sort_by_key(|edit| edit.as_ref().map(|(span, _)| span.start));

    let added: usize = edits.iter().flatten().map(|(_, text)| text.len()).sum();
    let removed: usize = edits.iter().flatten().map(|(span, _)| span.len()).sum();
    let mut out = Vec::with_capacity((body.len() + added).saturating_sub(removed));
    let mut copied = 0;
    for (span, text) in edits.iter().flatten() {
        out.extend_from_slice(body.get(copied..span.start).unwrap_or_default());
        out.extend_from_slice(text);
        copied = span.end;
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    Bytes::from(out)
}
