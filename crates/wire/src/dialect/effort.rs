//! How much to think, in OpenAI's words, which both of its protocols have.

use domain::chat::Effort;

/// What a word that is none of these must be.
pub(crate) const WORDS: &str = "must be none, minimal, low, medium, high, xhigh or max";

/// The effort of this word.
pub(crate) fn read(word: &str) -> Option<Effort> {
    Some(match word {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Highest,
        _ => return None,
    })
}

/// The word of this effort.
pub(crate) fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "xhigh",
    }
}
