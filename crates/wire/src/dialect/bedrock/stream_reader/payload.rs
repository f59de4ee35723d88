//! The payloads of a Converse stream. Members that are not known, the padding `p` among them, are passed over.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::picture::Place;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockStart<'a> {
    pub(super) content_block_index: u32,
    #[serde(default, borrow)]
    pub(super) start: Option<Start<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start<'a> {
    #[serde(default)]
    pub(super) tool_use: Option<CallStart>,
    #[serde(default, borrow)]
    pub(super) tool_result: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) image: Option<ImageStart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallStart {
    pub(super) tool_use_id: String,
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ImageStart {
    pub(super) format: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockDelta<'a> {
    pub(super) content_block_index: u32,
    #[serde(default, borrow)]
    pub(super) delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delta<'a> {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) reasoning_content: Option<Thought>,
    #[serde(default, borrow)]
    pub(super) citation: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) tool_use: Option<CallDelta>,
    #[serde(default, borrow)]
    pub(super) tool_result: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) image: Option<ImageDelta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thought {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) signature: Option<String>,
    #[serde(default)]
    pub(super) redacted_content: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CallDelta {
    #[serde(default)]
    pub(super) input: String,
}

#[derive(Deserialize)]
pub(super) struct ImageDelta {
    #[serde(default)]
    pub(super) source: Option<Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockStop {
    pub(super) content_block_index: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageStop<'a> {
    #[serde(default)]
    pub(super) stop_reason: Option<String>,
    #[serde(default, borrow)]
    pub(super) additional_model_response_fields: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(default, borrow)]
    pub(super) usage: Option<&'a RawValue>,
}
