//! The protocols that upstreams speak and the dialects that callers expect. Names only: what they look like is known
//! to `wire` alone.

/// A protocol of conversations with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Converse of Amazon Bedrock. No caller speaks it.
    Bedrock,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 5] =
        [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini, Protocol::Bedrock];

    /// The word in listings and in signatures that travel through a caller.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Chat => "openai_chat",
            Protocol::Responses => "openai_responses",
            Protocol::Anthropic => "anthropic",
            Protocol::Gemini => "gemini",
            Protocol::Bedrock => "bedrock",
        }
    }

    /// Whose envelopes it uses for errors; none where no caller knows them.
    #[must_use]
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            Protocol::Chat | Protocol::Responses => Some(Dialect::OpenAi),
            Protocol::Anthropic => Some(Dialect::Anthropic),
            Protocol::Gemini => Some(Dialect::Google),
            Protocol::Bedrock => None,
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.word() == word)
    }
}

/// Whose envelope a caller expects its errors in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Google's.
    Google,
}
