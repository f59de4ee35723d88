//! What a request asks for.

use super::{CacheMark, Foreign, Json, Turn};

/// A request in neutral form. The model is not part of it: it is chosen by the route.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// The conversation.
    pub turns: Vec<Turn>,
    /// The tools the model may ask for.
    pub tools: Vec<Tool>,
    /// Whether it must, may or must not.
    pub tool_choice: ToolChoice,
    /// Whether several calls may come at once; none where the caller leaves it open.
    pub parallel_tool_calls: Option<bool>,
    /// Most tokens of one answer, reasoning included.
    pub max_output_tokens: Option<u64>,
    /// How words are drawn.
    pub sampling: Sampling,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// How many answers; none means one.
    pub choices: Option<u32>,
    /// Whether the chances of words are told, and of how many others beside each.
    pub logprobs: Option<u32>,
    /// How much the model is to think; none leaves it to the model.
    pub thinking: Option<Thinking>,
    /// The form of the answer.
    pub format: Format,
    /// How wordy the answer is to be: `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// The end user, by a name that tells nothing.
    pub user: Option<String>,
    /// Binds requests with the same beginning to the same cache.
    pub cache_key: Option<String>,
    /// The class of service: `auto`, `default`, `flex`, `priority`, …
    pub service_tier: Option<String>,
    /// Google's thresholds of what is filtered.
    pub safety: Option<Json>,
    /// What kinds of answer are wanted, in lower case (`text`, `image`, `audio`); empty means text.
    pub modalities: Vec<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Members of the request that have no place here, by the names the caller gave them. A writer of another protocol
    /// reports them as dropped.
    pub unplaced: Vec<String>,
}

/// How words are drawn. All of these are finite numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sampling {
    /// `temperature`
    pub temperature: Option<f64>,
    /// `top_p`
    pub top_p: Option<f64>,
    /// `top_k`
    pub top_k: Option<u64>,
    /// `frequency_penalty`
    pub frequency_penalty: Option<f64>,
    /// `presence_penalty`
    pub presence_penalty: Option<f64>,
    /// `seed`
    pub seed: Option<i64>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// A function that the caller runs.
    Function(Function),
    /// A tool of its own protocol, run by the provider or of a form of its own. A writer of another protocol refuses it
    /// by name.
    Foreign(Foreign),
}

/// A function that the caller runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// A JSON Schema of its arguments, types in lower case; none for a function without any.
    pub parameters: Option<Json>,
    /// Whether arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// Whether the prompt up to here is to be cached.
    pub cache: Option<CacheMark>,
}

/// Whether tools are called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// As the model likes; also when the caller says nothing.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
    /// One of these, or with `required` false none.
    Among {
        /// The tools.
        names: Vec<String>,
        /// Whether one must be called.
        required: bool,
    },
}

/// How much the model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Thinking {
    /// In words.
    pub effort: Option<Effort>,
    /// In tokens; zero for not at all.
    pub budget_tokens: Option<u64>,
    /// Whether the model decides for itself (`adaptive`, a budget of −1).
    pub dynamic: bool,
    /// What of it is told.
    pub shown: Shown,
}

/// How hard the model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// As much as it can.
    Highest,
}

impl Effort {
    /// The tokens this stands for where a protocol counts: Google's table for OpenAI clients of Gemini ("OpenAI
    /// compatibility", section "Thinking") gives 1,024, 8,192 and 24,576 for low, medium and high.
    #[must_use]
    pub fn budget_tokens(self) -> u64 {
        match self {
            Effort::None => 0,
            Effort::Minimal | Effort::Low => 1_024,
            Effort::Medium => 8_192,
            Effort::High => 24_576,
            Effort::Highest => 32_768,
        }
    }

    /// The word for so many tokens: the least effort that covers them.
    #[must_use]
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Effort::None,
            1..=1_024 => Effort::Low,
            1_025..=8_192 => Effort::Medium,
            8_193..=24_576 => Effort::High,
            _ => Effort::Highest,
        }
    }
}

impl Thinking {
    /// The effort in words, derived from the budget where only that is given.
    #[must_use]
    pub fn effort(&self) -> Option<Effort> {
        self.effort.or_else(|| self.budget_tokens.map(Effort::of_budget))
    }

    /// The budget in tokens, derived from the effort where only that is given.
    #[must_use]
    pub fn budget_tokens(&self) -> Option<u64> {
        self.budget_tokens.or_else(|| self.effort.map(Effort::budget_tokens))
    }

    /// Whether the model is told not to think.
    #[must_use]
    pub fn is_off(&self) -> bool {
        !self.dynamic && (self.effort == Some(Effort::None) || self.budget_tokens == Some(0))
    }
}

/// What of the thinking is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// As the protocol does when nothing is said.
    #[default]
    Default,
    /// The thoughts or their summary.
    Summary,
    /// Nothing.
    Nothing,
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Format {
    /// Words.
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON that follows a schema.
    Schema {
        /// Its name.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The JSON Schema, types in lower case.
        schema: Json,
        /// Whether it must be followed exactly.
        strict: Option<bool>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_budget_has_the_effort_that_covers_it() {
        for effort in [Effort::None, Effort::Low, Effort::Medium, Effort::High, Effort::Highest] {
            assert_eq!(Effort::of_budget(effort.budget_tokens()), effort);
        }
        for tokens in [0, 1, 1_024, 1_025, 8_192, 8_193, 24_576] {
            assert!(Effort::of_budget(tokens).budget_tokens() >= tokens, "{tokens}");
        }
    }
}
