//! The JSON of answers, member for member as OpenAI documents it: `chat.completion`, `chat.completion.chunk` and
//! `text_completion` (platform.openai.com/docs/api-reference). Says how, never what.

use serde::Serialize;

use super::plan::{Choice, Kind, Plan, Said, ToolCall};

/// The label that every text answer carries in `system_fingerprint`.
const FINGERPRINT: &str = "fp_portcullis_demo";

/// What tells one answer from another.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) number: u64,
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: i64,
}

/// `null` where the protocol has a member that the demo provider never fills.
#[derive(Serialize)]
pub(super) struct Null;

/// An answer, or one chunk of it.
#[derive(Serialize)]
pub(super) struct Answer<'a, C> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'static str,
    pub(super) choices: Vec<C>,
    /// Absent, `null`, or the counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Option<Usage>>,
    service_tier: &'static str,
    system_fingerprint: &'static str,
}

impl<'a, C> Answer<'a, C> {
    pub(super) fn new(stamp: &'a Stamp, plan: &Plan, object: &'static str, choices: Vec<C>) -> Self {
        Self {
            id: &stamp.id,
            object,
            created: stamp.created,
            model: plan.model.name(),
            choices,
            usage: None,
            service_tier: "default",
            system_fingerprint: FINGERPRINT,
        }
    }
}

/// Token counts; a demo provider caches nothing and does not reason.
#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Default, Serialize)]
struct PromptDetails {
    cached_tokens: usize,
    audio_tokens: usize,
}

#[derive(Default, Serialize)]
struct CompletionDetails {
    reasoning_tokens: usize,
    audio_tokens: usize,
    accepted_prediction_tokens: usize,
    rejected_prediction_tokens: usize,
}

impl Usage {
    pub(super) fn of(plan: &Plan) -> Self {
        let completion_tokens = plan.completion_tokens();
        Self {
            prompt_tokens: plan.prompt_tokens,
            completion_tokens,
            total_tokens: plan.prompt_tokens + completion_tokens,
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails::default(),
        }
    }
}

/// A choice of a whole chat answer.
#[derive(Serialize)]
struct ChatChoice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Null,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    refusal: Null,
    annotations: [Null; 0],
}

/// A call, or in a stream the part of it that is new.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl<'a> Call<'a> {
    /// Call `index` of choice `choice`, in one piece.
    fn whole(call: &'a ToolCall, stamp: &Stamp, choice: usize, index: usize) -> Self {
        let id = Some(format!("call_demo_{}_{choice}_{index}", stamp.number));
        let function = Function { name: Some(&call.name), arguments: &call.arguments };
        Self { index: None, id, kind: Some("function"), function }
    }

    /// The first streamed part: everything but the arguments.
    pub(super) fn opening(call: &'a ToolCall, stamp: &Stamp, choice: usize, index: usize) -> Self {
        let whole = Self::whole(call, stamp, choice, index);
        Self { index: Some(index), function: Function { arguments: "", ..whole.function }, ..whole }
    }

    /// A later streamed part: more of the arguments.
    pub(super) fn more(index: usize, arguments: &'a str) -> Self {
        Self { index: Some(index), id: None, kind: None, function: Function { name: None, arguments } }
    }
}

/// A choice of a whole text completion, or the part of it that is new.
#[derive(Serialize)]
pub(super) struct TextChoice<'a> {
    pub(super) text: &'a str,
    pub(super) index: usize,
    pub(super) logprobs: Null,
    pub(super) finish_reason: Option<&'static str>,
}

/// The whole answer as one JSON document.
pub(super) fn whole(plan: &Plan, stamp: &Stamp) -> serde_json::Result<Vec<u8>> {
    let choices = plan.choices.iter().enumerate();
    match plan.kind {
        Kind::Chat => {
            let choices = choices.map(|(index, choice)| chat_choice(choice, stamp, index)).collect();
            to_json(Answer::new(stamp, plan, "chat.completion", choices), plan)
        }
        Kind::Completion => {
            let choices = choices.map(|(index, choice)| text_choice(choice, index)).collect();
            to_json(Answer::new(stamp, plan, "text_completion", choices), plan)
        }
    }
}

fn to_json<C: Serialize>(mut answer: Answer<'_, C>, plan: &Plan) -> serde_json::Result<Vec<u8>> {
    answer.usage = Some(Some(Usage::of(plan)));
    serde_json::to_vec(&answer)
}

fn chat_choice<'a>(choice: &'a Choice, stamp: &Stamp, index: usize) -> ChatChoice<'a> {
    let (content, tool_calls) = match &choice.said {
        Said::Text(text) => (Some(text.as_str()), Vec::new()),
        Said::Calls(calls) => {
            let calls = calls.iter().enumerate();
            (None, calls.map(|(place, call)| Call::whole(call, stamp, index, place)).collect())
        }
    };
    let message = Message { role: "assistant", content, tool_calls, refusal: Null, annotations: [] };
    ChatChoice { index, message, logprobs: Null, finish_reason: choice.finish.word() }
}

fn text_choice(choice: &Choice, index: usize) -> TextChoice<'_> {
    let text = match &choice.said {
        Said::Text(text) => text.as_str(),
        Said::Calls(_) => "",
    };
    TextChoice { text, index, logprobs: Null, finish_reason: Some(choice.finish.word()) }
}
