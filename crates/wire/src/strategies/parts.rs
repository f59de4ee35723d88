//! Texts, media, thoughts and calls.

use domain::chat::{
    CacheMark, Citation, Json, Media, MediaKind, Part, Reasoning, Signature, Source, Text, ToolCall,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Can, Says};

/// Words that are not blank.
pub(super) fn words() -> impl Strategy<Value = String> {
    "[a-zäß€😀\"\\\\][ a-zäß€😀\\n\"\\\\]{0,14}[a-z.]"
}

/// A short name.
pub(super) fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,8}"
}

/// `strategy`'s value or none, or none for certain where it cannot be said.
pub(super) fn maybe<T, S>(says: &Says, what: Can, strategy: S) -> BoxedStrategy<Option<T>>
where
    T: std::fmt::Debug + Clone + 'static,
    S: Strategy<Value = T> + 'static,
{
    if says.can(what) { option::of(strategy).boxed() } else { Just(None).boxed() }
}

pub(super) fn signature(says: &Says) -> impl Strategy<Value = Signature> + use<> {
    let maker = says.protocol;
    "[A-Za-z0-9+/]{4,24}={0,2}".prop_map(move |value| Signature::new(maker, value))
}

pub(super) fn cache(says: &Says) -> BoxedStrategy<Option<CacheMark>> {
    let mut marks = vec![CacheMark::FiveMinutes];
    if says.can(Can::CacheHour) {
        marks.push(CacheMark::OneHour);
    }
    maybe(says, Can::Cache, select(marks))
}

/// A JSON object in one line, whose members are in no order and whose numbers keep their digits.
pub(super) fn object() -> impl Strategy<Value = String> {
    select(vec![
        "{}",
        r#"{"city":"Köln"}"#,
        r#"{"z":1,"a":[1,2.50,-3],"m":{"deep":null}}"#,
        r#"{"n":12345678901234567890,"text":"a \"quoted\" word\n","yes":true}"#,
        r#"{"b":1.0,"a":"\\"}"#,
    ])
    .prop_map(str::to_owned)
}

/// A JSON Schema with its types in lower case.
pub(super) fn schema() -> impl Strategy<Value = Json> {
    select(vec![
        r#"{"type":"object","properties":{"city":{"type":"string","description":"Where"}},"required":["city"]}"#,
        r#"{"type":"object","properties":{"z":{"type":"number","minimum":1.50},"a":{"type":"array","items":{"type":"string"}}},"required":["z","a"],"additionalProperties":false}"#,
        r#"{"type":"object","properties":{"kind":{"type":"string","enum":["one","two"]}}}"#,
    ])
    .prop_map(Json::new)
}

/// A text of a turn of `role`'s or of an answer, with what may hang on it.
pub(super) fn text(says: &Says) -> impl Strategy<Value = Part> + use<> {
    (words(), cache(says)).prop_map(|(text, cache)| Part::Text(Text { text, cache, ..Text::default() }))
}

/// A text that a model said.
pub(super) fn said(says: &Says) -> impl Strategy<Value = Part> + use<> {
    let cited = (name(), words(), 0..3_u64, 4..9_u64).prop_map(|(page, title, start, end)| Citation {
        url: Some(format!("https://example.com/{page}")),
        title: Some(title),
        start: Some(start),
        end: Some(end),
        ..Citation::default()
    });
    let citations = if says.can(Can::Citations) { vec(cited, 0..2).boxed() } else { Just(vec![]).boxed() };
    (words(), citations, maybe(says, Can::TextSignature, signature(says)))
        .prop_map(|(text, citations, signature)| Part::Text(Text { text, citations, signature, cache: None }))
}

pub(super) fn thought(says: &Says) -> BoxedStrategy<Part> {
    let id = || maybe(says, Can::ReasoningId, "rs_[a-z0-9]{4}");
    let plain = (id(), words(), maybe(says, Can::ReasoningSignature, signature(says)))
        .prop_map(|(id, text, signature)| Reasoning { id, text, signature, redacted: false });
    let redacted = (id(), signature(says)).prop_map(|(id, signature)| Reasoning {
        id,
        text: String::new(),
        signature: Some(signature),
        redacted: true,
    });
    let thoughts = if says.can(Can::ReasoningRedacted) {
        prop_oneof![3 => plain, 1 => redacted].boxed()
    } else {
        plain.boxed()
    };
    thoughts.prop_map(Part::Reasoning).boxed()
}

/// A call of a tool; `number` makes its id unique.
pub(super) fn call(says: &Says) -> impl Strategy<Value = ToolCall> + use<> {
    (says.ids, name(), object(), maybe(says, Can::CallSignature, signature(says)))
        .prop_map(|(id, name, arguments, signature)| ToolCall { id, name, arguments, signature, cache: None })
}

/// Media that a person may show; `None` where the protocol has none.
pub(super) fn media(says: &Says) -> Option<BoxedStrategy<Part>> {
    let mut ways: Vec<BoxedStrategy<(MediaKind, Source)>> = Vec::new();
    let mut add = |what: Can, kind: MediaKind, source: BoxedStrategy<Source>| {
        if says.can(what) {
            ways.push(source.prop_map(move |source| (kind, source)).boxed());
        }
    };
    add(Can::ImageData, MediaKind::Image, data(&["image/png", "image/jpeg", "image/webp", "image/gif"]));
    add(Can::ImageUrl, MediaKind::Image, address("png"));
    add(Can::ImageUploaded, MediaKind::Image, uploaded());
    add(Can::DocumentData, MediaKind::Document, data(&["application/pdf"]));
    add(Can::DocumentUrl, MediaKind::Document, address("pdf"));
    add(Can::DocumentUploaded, MediaKind::Document, uploaded());
    add(Can::AudioData, MediaKind::Audio, data(&["audio/wav", "audio/mpeg"]));
    add(Can::VideoData, MediaKind::Video, data(&["video/mp4"]));
    add(Can::VideoUrl, MediaKind::Video, address("mp4"));
    if ways.is_empty() {
        return None;
    }
    let (named, detailed) = (says.can(Can::DocumentName), says.can(Can::Detail));
    let details = select(vec![None, Some("low"), Some("high"), Some("auto")]);
    let whole = (proptest::strategy::Union::new(ways), "[a-z]{3,8}\\.pdf", details, cache(says));
    Some(
        whole
            .prop_map(move |((kind, source), name, detail, cache)| {
                let is_data = matches!(source, Source::Data { .. });
                Part::Media(Media {
                    name: (named && kind == MediaKind::Document && is_data).then_some(name),
                    detail: detail
                        .filter(|_| {
                            detailed && kind == MediaKind::Image && !matches!(source, Source::Uploaded(_))
                        })
                        .map(str::to_owned),
                    kind,
                    source,
                    cache,
                    signature: None,
                })
            })
            .boxed(),
    )
}

/// A picture here, as tools and models give them.
pub(super) fn picture() -> impl Strategy<Value = Part> {
    data(&["image/png"]).prop_map(|source| {
        Part::Media(Media {
            kind: MediaKind::Image,
            source,
            name: None,
            detail: None,
            cache: None,
            signature: None,
        })
    })
}

fn data(types: &[&'static str]) -> BoxedStrategy<Source> {
    let bytes = vec(any::<u8>(), 1..24).prop_map(|bytes| data_encoding::BASE64.encode(&bytes));
    (select(types.to_vec()), bytes)
        .prop_map(|(media_type, base64)| Source::Data { media_type: media_type.to_owned(), base64 })
        .boxed()
}

fn address(ending: &'static str) -> BoxedStrategy<Source> {
    name().prop_map(move |name| Source::Url(format!("https://example.com/{name}.{ending}"))).boxed()
}

fn uploaded() -> BoxedStrategy<Source> {
    "file-[a-z0-9]{6}".prop_map(Source::Uploaded).boxed()
}
