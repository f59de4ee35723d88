//! What the name of a model tells of it, where Converse leaves something to each maker: Claude's thinking, Nova's `topK`.
//! A model of which nothing is known gets what Converse itself documents, and a Claude that is not listed the forms of
//! the newest.

/// Whose model it is, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's.
    Claude(Claude),
    /// Amazon's.
    Nova,
    /// OpenAI's open models.
    OpenAi,
    /// Somebody else's, by its name.
    Other,
    /// A name that tells nothing: an inference profile or a deployment of one's own.
    Unknown,
}

/// What a Claude takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claude {
    /// Thinking by a budget (`enabled`), not by effort (`adaptive`).
    pub(super) budgeted: bool,
    /// Instructions between turns.
    pub(super) takes_system_amid: bool,
}

/// Those that know no adaptive thinking (user guide, "Adaptive thinking": models before Claude 4.6).
const BUDGETED: &[&str] = &[
    "claude-instant",
    "claude-v2",
    "claude-3",
    "claude-sonnet-4-2",
    "claude-opus-4-2",
    "claude-opus-4-1",
    "claude-opus-4-5",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
];
/// Those that take no instructions between turns, beside the ones above ("Mid-conversation system messages").
const SYSTEM_FIRST: &[&str] = &["claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-7", "claude-sonnet-5"];

impl Family {
    /// Of a model's name, profile or ARN.
    pub(super) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let name = model.rsplit('/').next().unwrap_or(&model);
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if has(&["claude"]) {
            let budgeted = has(BUDGETED);
            Family::Claude(Claude { budgeted, takes_system_amid: !budgeted && !has(SYSTEM_FIRST) })
        } else if has(&["amazon.nova"]) {
            Family::Nova
        } else if has(&["openai."]) {
            Family::OpenAi
        } else if has(&["."]) {
            Family::Other
        } else {
            Family::Unknown
        }
    }

    /// Whether prompts may be cached, as far as is known.
    pub(super) fn caches(self) -> bool {
        !matches!(self, Family::Other | Family::OpenAi)
    }

    /// Whether instructions may stand between turns.
    pub(super) fn takes_system_amid(self) -> bool {
        match self {
            Family::Claude(claude) => claude.takes_system_amid,
            Family::Unknown => true,
            Family::Nova | Family::OpenAi | Family::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, expect: Family) {
        assert_eq!(Family::of(model), expect, "{model}");
    }

    #[test]
    fn the_name_tells_the_family() {
        let claude = |budgeted, takes_system_amid| Family::Claude(Claude { budgeted, takes_system_amid });
        check("anthropic.claude-3-5-sonnet-20241022-v2:0", claude(true, false));
        check("us.anthropic.claude-sonnet-4-20250514-v1:0", claude(true, false));
        check("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", claude(true, false));
        check("global.anthropic.claude-opus-4-6-v1", claude(false, false));
        check("anthropic.claude-opus-4-8", claude(false, true));
        check("anthropic.claude-not-yet-known-9", claude(false, true));
        check(
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-8",
            claude(false, true),
        );
        check("us.amazon.nova-2-lite-v1:0", Family::Nova);
        check("openai.gpt-oss-120b-1:0", Family::OpenAi);
        check("meta.llama4-maverick-17b-instruct-v1:0", Family::Other);
        check("arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-large-2407-v1:0", Family::Other);
        check("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd", Family::Unknown);
    }
}
