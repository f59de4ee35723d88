//! Turns of a conversation and what they are made of.

use super::{Json, Signature};
use crate::protocol::Protocol;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions of whoever runs the application. They stay where they stand: moving them changes what they mean.
    System,
    /// The same, where a protocol tells the developer from the platform.
    Developer,
    /// The person, and the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One turn. Turns are kept as they came: a history that starts with the assistant, repeats a role or ends with the
/// beginning of an answer is legal. The results of one round of tool calls are one user turn, however many messages
/// they came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// The speaker's own name, where one is given.
    pub name: Option<String>,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

/// One piece of a turn or of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Words.
    Text(Text),
    /// A picture, sound, film or document.
    Media(Media),
    /// What the model thought.
    Reasoning(Reasoning),
    /// Words by which the model declined.
    Refusal(String),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What a tool gave.
    ToolResult(ToolResult),
    /// Something that only its own protocol understands: a call of a tool that the provider runs, and its result.
    Foreign(Foreign),
}

impl Part {
    /// Plain words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Part::Text(Text { text: text.into(), ..Text::default() })
    }
}

/// Words. Blank ones are dropped by writers whose protocol refuses them; nothing is ever put in their place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    /// The words.
    pub text: String,
    /// Where they come from.
    pub citations: Vec<Citation>,
    /// A provider's signature on them.
    pub signature: Option<Signature>,
    /// Whether the prompt up to here is to be cached.
    pub cache: Option<CacheMark>,
}

/// A mark up to which a prompt is to be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheMark {
    /// For five minutes.
    FiveMinutes,
    /// For an hour.
    OneHour,
}

/// Where words come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Citation {
    /// A page.
    pub url: Option<String>,
    /// Its title, or that of a document.
    pub title: Option<String>,
    /// The words that are cited.
    pub quoted: Option<String>,
    /// First character of the text that rests on it, counted from 0.
    pub start: Option<u64>,
    /// The character after the last.
    pub end: Option<u64>,
    /// The same as its own protocol writes it.
    pub native: Option<(Protocol, Json)>,
}

/// What kind of media it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A document: PDF, plain text, a table.
    Document,
    /// Sound.
    Audio,
    /// A film.
    Video,
}

/// A picture, sound, film or document.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Where it is.
    pub source: Source,
    /// Its file name or title.
    pub name: Option<String>,
    /// How closely the model is to look, in OpenAI's words: `low`, `high`, `auto`.
    pub detail: Option<String>,
    /// Whether the prompt up to here is to be cached.
    pub cache: Option<CacheMark>,
    /// A provider's signature on it.
    pub signature: Option<Signature>,
}

/// Where media are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Here.
    Data {
        /// `image/png`; lower case, without parameters.
        media_type: String,
        /// The bytes in base64 with the standard alphabet and padding.
        base64: String,
    },
    /// At an address. The gate never fetches it: a writer whose protocol takes none refuses.
    Url(String),
    /// Uploaded to the provider before, by the provider's own name for it.
    Uploaded(String),
}

/// What the model thought. Signed or encrypted thoughts go back to who made them and to nobody else.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reasoning {
    /// The provider's name for it.
    pub id: Option<String>,
    /// The thought or its summary; empty when only its encrypted form is given.
    pub text: String,
    /// Proves the thought to its maker, or holds it encrypted.
    pub signature: Option<Signature>,
    /// Whether the provider withholds the words (`redacted_thinking`); the signature is then all there is.
    pub redacted: bool,
}

/// The model asks for a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Links the call with its result; never empty. A reader whose protocol has none makes unique ones.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as JSON text; `{}` for none, never empty. A provider may have cut it off, so it need not parse.
    pub arguments: String,
    /// What its provider demands back with the call.
    pub signature: Option<Signature>,
    /// Whether the prompt up to here is to be cached.
    pub cache: Option<CacheMark>,
}

/// What a tool gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The call it answers.
    pub id: String,
    /// The tool, where the protocol or the call before says it.
    pub name: Option<String>,
    /// Text and media.
    pub parts: Vec<Part>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// Whether the prompt up to here is to be cached.
    pub cache: Option<CacheMark>,
}

/// Something that only its own protocol understands.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// Whose it is.
    pub protocol: Protocol,
    /// Its own word for what it is: `web_search_tool_result`.
    pub kind: String,
    /// The whole of it.
    pub json: Json,
}
