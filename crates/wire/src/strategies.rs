//! Conversations, answers and their events for the round trips of all dialects: made at random, and held to what the
//! protocol at hand can say. Knows no protocol's spelling.

mod answers;
mod events;
mod parts;
mod requests;

use domain::chat::Finish;
use domain::protocol::Protocol;

pub(crate) use answers::answer;
pub(crate) use events::{cut, gather, streamed};
pub(crate) use requests::request;

/// Something that a protocol can say, so that it survives being written and read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Can {
    /// Instructions before the conversation.
    System,
    /// The same of several parts.
    SystemParts,
    /// Instructions between other turns.
    SystemAmid,
    /// Instructions of the developer.
    Developer,
    /// A name of the speaker.
    TurnName,
    /// User turns of several parts.
    UserParts,
    /// Words after the results of tools in the same turn.
    TextAfterResults,
    /// A history that begins with the assistant.
    AssistantFirst,
    /// Assistant turns with more than one text.
    SeveralTexts,
    ImageData,
    ImageUrl,
    ImageUploaded,
    Detail,
    DocumentData,
    DocumentUrl,
    DocumentUploaded,
    DocumentName,
    AudioData,
    VideoData,
    VideoUrl,
    /// Pictures in answers and in what the assistant said before.
    ImageSaid,
    Reasoning,
    ReasoningSignature,
    ReasoningRedacted,
    ReasoningId,
    /// Several thoughts in a row.
    SeveralThoughts,
    Refusal,
    ToolCalls,
    CallSignature,
    /// Several calls in one turn.
    ParallelCalls,
    /// Words and calls in one turn.
    TextBesideCalls,
    ResultError,
    ResultName,
    /// Results of several parts, and of none.
    ResultParts,
    ResultImages,
    TextSignature,
    Citations,
    /// Marks on texts, media and results.
    Cache,
    CacheTools,
    CacheHour,
    /// Functions without any parameters.
    ToolWithoutParameters,
    ToolStrict,
    ToolNamed,
    ToolAmong,
    /// Several names of which none need be called.
    ToolAmongFree,
    ParallelToolCalls,
    Temperature,
    TopP,
    TopK,
    Penalties,
    Seed,
    Stop,
    Choices,
    Logprobs,
    Effort,
    Budget,
    Dynamic,
    Shown,
    FormatJson,
    FormatSchema,
    SchemaName,
    SchemaDescription,
    SchemaStrict,
    Verbosity,
    User,
    CacheKey,
    ServiceTier,
    Modalities,
    Stream,
    CacheRead,
    CacheWrite,
    ReasoningTokens,
    AnswerLogprobs,
    AnswerServiceTier,
}

/// What a protocol can say, and how.
#[derive(Debug, Clone)]
pub(crate) struct Says {
    /// Whose signatures are made.
    pub(crate) protocol: Protocol,
    /// All it can say.
    pub(crate) can: Vec<Can>,
    /// A regular expression of tool ids.
    pub(crate) ids: &'static str,
    /// Every end an answer can have, without the end for tool calls.
    pub(crate) finishes: Vec<Finish>,
    /// The end of an answer that asks for tools.
    pub(crate) calls_finish: Finish,
}

impl Says {
    fn can(&self, what: Can) -> bool {
        self.can.contains(&what)
    }
}
