//! The record of one call: what was used, what it cost, how it ended, and apart from that what is kept of it for a
//! while only. Never any text of the call.

use serde::{Deserialize, Serialize};

use crate::audit::Entry;
use crate::batch::Batch;
use crate::file::{File, Removed};
use crate::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};
use crate::money::Money;
use crate::pinned::Pinned;
use crate::price::{Tokens, Units};
use crate::protocol::{Dialect, Protocol};
use crate::time::Timestamp;

/// The endpoint a call came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    MessageTokens,
    /// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`
    Generate,
    /// `POST /v1beta/models/{model}:countTokens`
    GenerateTokens,
    /// `POST /v1beta/models/{model}:embedContent` and `:batchEmbedContents`
    EmbedContent,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/images/generations`
    Images,
    /// `POST /v1/images/edits`
    ImageEdits,
    /// `POST /v1/audio/speech`
    Speech,
    /// `POST /v1/audio/transcriptions`
    Transcriptions,
    /// `POST /v1/rerank`
    Rerank,
    /// `POST /v1/batches`
    Batches,
}

impl Surface {
    /// Every surface.
    pub const ALL: [Surface; 16] = [
        Surface::Chat,
        Surface::Completions,
        Surface::Embeddings,
        Surface::Responses,
        Surface::Messages,
        Surface::MessageTokens,
        Surface::Generate,
        Surface::GenerateTokens,
        Surface::EmbedContent,
        Surface::Moderations,
        Surface::Images,
        Surface::ImageEdits,
        Surface::Speech,
        Surface::Transcriptions,
        Surface::Rerank,
        Surface::Batches,
    ];

    /// The word in records and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Surface::Chat => "chat",
            Surface::Completions => "completions",
            Surface::Embeddings => "embeddings",
            Surface::Responses => "responses",
            Surface::Messages => "messages",
            Surface::MessageTokens => "message_tokens",
            Surface::Generate => "generate",
            Surface::GenerateTokens => "generate_tokens",
            Surface::EmbedContent => "embed_content",
            Surface::Moderations => "moderations",
            Surface::Images => "images",
            Surface::ImageEdits => "image_edits",
            Surface::Speech => "speech",
            Surface::Transcriptions => "transcriptions",
            Surface::Rerank => "rerank",
            Surface::Batches => "batches",
        }
    }

    /// The protocol of a conversation that a caller of this endpoint speaks, or asks to count one in; none where there is
    /// no conversation.
    #[must_use]
    pub fn protocol(self) -> Option<Protocol> {
        match self {
            Surface::Chat => Some(Protocol::Chat),
            Surface::Responses => Some(Protocol::Responses),
            Surface::Messages | Surface::MessageTokens => Some(Protocol::Anthropic),
            Surface::Generate | Surface::GenerateTokens => Some(Protocol::Gemini),
            _ => None,
        }
    }

    /// Whose envelope its callers expect their errors in.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Surface::Messages | Surface::MessageTokens => Dialect::Anthropic,
            Surface::Generate | Surface::GenerateTokens | Surface::EmbedContent => Dialect::Google,
            _ => Dialect::OpenAi,
        }
    }

    /// Whether it only counts what a call would read. That costs nothing.
    #[must_use]
    pub fn only_counts(self) -> bool {
        matches!(self, Surface::MessageTokens | Surface::GenerateTokens)
    }

    /// The path under an OpenAI-compatible base URL, for the endpoints that have one of their own there.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Surface::Completions => "completions",
            Surface::Embeddings | Surface::EmbedContent => "embeddings",
            Surface::Responses => "responses",
            Surface::Moderations => "moderations",
            Surface::Images => "images/generations",
            Surface::ImageEdits => "images/edits",
            Surface::Speech => "audio/speech",
            Surface::Transcriptions => "audio/transcriptions",
            Surface::Rerank => "rerank",
            Surface::Batches => "batches",
            _ => "chat/completions",
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream finished and said so.
    Complete,
    /// The upstream failed before any output.
    Failed,
    /// The upstream stopped, failed or fell silent after output had begun.
    Cut,
    /// The caller left.
    Cancelled,
    /// The gate stopped while the call was open; nothing proves what was produced, so nothing is billed.
    Interrupted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 5] =
        [Outcome::Complete, Outcome::Failed, Outcome::Cut, Outcome::Cancelled, Outcome::Interrupted];

    /// The word in records and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Failed => "failed",
            Outcome::Cut => "cut",
            Outcome::Cancelled => "cancelled",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// Where the counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider said so.
    Provider,
    /// The gate estimated them from the bytes that passed.
    Estimated,
    /// Nothing was used.
    None,
}

impl UsageSource {
    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            UsageSource::Provider => "provider",
            UsageSource::Estimated => "estimated",
            UsageSource::None => "none",
        }
    }
}

/// Who pays the provider for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteMode {
    /// The installation, by a key of its own.
    Platform,
    /// The caller's organization, by its key.
    OrgKey,
    /// The caller, by a key of the own that is kept here or came with the request.
    Byok,
}

impl RouteMode {
    /// Every mode.
    pub const ALL: [RouteMode; 3] = [RouteMode::Platform, RouteMode::OrgKey, RouteMode::Byok];

    /// The word in records and answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RouteMode::Platform => "platform",
            RouteMode::OrgKey => "org_key",
            RouteMode::Byok => "byok",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// Who asked for what: known before the upstream is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOpened {
    /// Ours, unique.
    pub call: CallId,
    /// The tenant.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The key.
    pub key: KeyId,
    /// The endpoint.
    pub surface: Surface,
    /// When the request was read.
    pub started_at: Timestamp,
    /// What else is kept of it for a while; none where nothing may be kept.
    pub trace: Option<Trace>,
}

/// What a call leaves beside the books, for as long as traces are kept. Where they are kept for no time it is never
/// written anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// As answered in `x-request-id`; a caller may choose it, so it need not be unique.
    pub request_id: String,
    /// The model as the caller wrote it.
    pub model_asked: String,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// How it went; all zero until the call is settled.
    pub pace: Pace,
}

/// How often and how fast a call went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Upstream attempts made.
    pub attempts: u8,
    /// Milliseconds to the first byte of the upstream's answer; zero when none came.
    pub first_byte_ms: u32,
    /// Milliseconds from reading the request to the end.
    pub total_ms: u32,
}

/// How the call ended and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSettled {
    /// Who asked for what.
    pub opened: CallOpened,
    /// The connection that answered, or was tried last; none when none was, or its key came with the request.
    pub provider_key: Option<ProviderKeyId>,
    /// Who pays its provider; none when none was called.
    pub route_mode: Option<RouteMode>,
    /// Its provider; empty when none was called.
    pub provider: String,
    /// The model as the provider knows it; empty when none was called.
    pub model: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was used, in tokens.
    pub tokens: Tokens,
    /// What was used, where it is not counted in tokens.
    pub units: Units,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost.
    pub cost: Money,
    /// `priced`, `free`, or `unpriced` where what was used has no price.
    pub pricing: String,
    /// The price row used.
    pub price_version: String,
}

/// What the outbox carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An upstream is about to be called.
    Opened(CallOpened),
    /// A call ended.
    Settled(CallSettled),
    /// Something happened on the request path that the audit trail must tell of; the entry has its own identifier.
    Noted(Entry),
    /// A provider keeps an answer that later requests may name.
    Pinned(Pinned),
    /// A provider keeps a file.
    Filed(File),
    /// A file is gone.
    FileRemoved(Removed),
    /// A provider is asked to work through a batch, or has named it.
    Batched(Box<Batch>),
}

impl Event {
    /// The call it is about, if it is about one.
    #[must_use]
    pub fn call(&self) -> Option<CallId> {
        match self {
            Event::Opened(opened) => Some(opened.call),
            Event::Settled(settled) => Some(settled.opened.call),
            Event::Noted(_)
            | Event::Pinned(_)
            | Event::Filed(_)
            | Event::FileRemoved(_)
            | Event::Batched(_) => None,
        }
    }
}
