//! How a provider's form of OpenAI's chat completions differs from what all of them take, as data: a provider that is
//! like another one needs no code.

/// What a request must look like for one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatForm {
    /// Members that it calls otherwise: OpenAI's name of today, the provider's.
    pub names: &'static [(&'static str, &'static str)],
    /// Members of OpenAI's that it refuses.
    pub without: &'static [&'static str],
    /// What it takes beyond what every provider takes: members such as `top_k` and `images`, the role `developer`, files
    /// and films by their address (`file_url`, `video_url`).
    pub beside: &'static [&'static str],
    /// How it is told to think.
    pub thinking: ThinkingMember,
    /// How it takes back what it thought.
    pub thoughts: ThoughtsMember,
    /// Stop texts it takes at most.
    pub most_stops: usize,
}

/// How a provider is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingMember {
    /// It cannot be told.
    Nowhere,
    /// `reasoning_effort`, a word.
    Effort,
    /// `reasoning`, an object (OpenRouter).
    Object,
    /// `thinking`, on or off (DeepSeek).
    Switch,
}

/// How a provider takes back what it thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThoughtsMember {
    /// It does not.
    Nowhere,
    /// As plain text in `reasoning_content` (DeepSeek).
    Content,
    /// As signed pieces in `reasoning_details` (OpenRouter).
    Details,
}

impl ChatForm {
    /// What any server is likely to take.
    pub const COMPATIBLE: Self = Self {
        names: &[],
        without: &[],
        beside: &[],
        thinking: ThinkingMember::Effort,
        thoughts: ThoughtsMember::Nowhere,
        most_stops: usize::MAX,
    };

    /// OpenAI and Azure ("Create chat completion", API reference).
    pub const OPENAI: Self = Self {
        names: &[("max_tokens", "max_completion_tokens")],
        beside: &["developer", "allowed_tools", "verbosity", "prompt_cache_key", "service_tier", "file_id"],
        most_stops: 4,
        ..Self::COMPATIBLE
    };

    /// OpenRouter ("API Reference", "Reasoning tokens", "Prompt caching").
    pub const OPENROUTER: Self = Self {
        beside: &[
            "top_k",
            "verbosity",
            "service_tier",
            "cache_control",
            "modalities",
            "images",
            "video_url",
            "file_url",
        ],
        thinking: ThinkingMember::Object,
        thoughts: ThoughtsMember::Details,
        ..Self::COMPATIBLE
    };

    /// Groq ("API reference", "OpenAI compatibility": what it names as unsupported).
    pub const GROQ: Self = Self {
        without: &["logprobs", "top_logprobs"],
        beside: &["service_tier"],
        most_stops: 4,
        ..Self::COMPATIBLE
    };

    /// Mistral, which refuses every member it does not know ("Chat completion endpoint").
    pub const MISTRAL: Self = Self {
        names: &[("seed", "random_seed")],
        without: &["logprobs", "top_logprobs", "user"],
        ..Self::COMPATIBLE
    };

    /// DeepSeek ("Create chat completion", "Thinking mode").
    pub const DEEPSEEK: Self = Self {
        without: &["seed", "n", "parallel_tool_calls", "user"],
        thinking: ThinkingMember::Switch,
        thoughts: ThoughtsMember::Content,
        ..Self::COMPATIBLE
    };

    /// Servers that people run themselves: vLLM, llama.cpp, Ollama, LM Studio.
    pub const OWN_SERVER: Self = Self { beside: &["top_k", "video_url"], ..Self::COMPATIBLE };

    /// What it calls a member.
    pub(super) fn name(&self, ours: &'static str) -> &'static str {
        self.names.iter().find(|(name, _)| *name == ours).map_or(ours, |(_, theirs)| theirs)
    }

    /// Whether it takes a member that OpenAI has.
    pub(super) fn takes(&self, member: &str) -> bool {
        !self.without.contains(&member)
    }

    /// Whether it takes a member that not everybody takes.
    pub(super) fn takes_beside(&self, member: &str) -> bool {
        self.beside.contains(&member)
    }
}

impl Default for ChatForm {
    fn default() -> Self {
        Self::COMPATIBLE
    }
}
