//! Why an answer ended, in this protocol's words and in those that providers use in their place.

use domain::chat::{Finish, Reason};

use crate::json::build::ObjectWriter;

/// Reads the word of an upstream. `native` is the provider's own word, where it stands beside; `calls` says whether the
/// answer calls tools, whatever the word.
pub(super) fn read(word: Option<&str>, native: Option<&str>, calls: bool) -> Finish {
    let reason = match word.unwrap_or_default() {
        "stop" | "" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" | "COMPLETE"
        | "STOP" => Reason::Stop,
        "length" | "max_tokens" | "model_length" | "MAX_TOKENS" | "model_context_window_exceeded" => {
            Reason::Length
        }
        "tool_calls" | "function_call" | "tool_use" | "TOOL_CALL" => Reason::ToolCalls,
        "content_filter" | "safety" | "SAFETY" | "guardrail_intervened" => Reason::ContentFilter,
        "refusal" => Reason::Refusal,
        "pause_turn" => Reason::Pause,
        _ => Reason::Other,
    };
    let reason = match reason {
        // Several providers say `stop` beside a call; a call that was cut off keeps that it was.
        Reason::Stop | Reason::Other if calls => Reason::ToolCalls,
        reason => reason,
    };
    let native = native.or(word).filter(|native| !native.is_empty());
    Finish { reason, native: native.map(str::to_owned), stop_sequence: None }
}

/// The word for callers.
pub(super) fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Stop | Reason::Pause | Reason::Other => "stop",
        Reason::Length => "length",
        Reason::ToolCalls => "tool_calls",
        Reason::ContentFilter | Reason::Refusal => "content_filter",
    }
}

/// Writes `finish_reason`, and beside it the provider's own word where it is another one.
pub(super) fn write(choice: &mut ObjectWriter<'_>, finish: &Finish, legacy: bool) {
    let word = match word(finish.reason) {
        "tool_calls" if legacy => "function_call",
        word => word,
    };
    choice.text("finish_reason", word);
    choice.text_if("native_finish_reason", finish.native.as_deref().filter(|native| *native != word));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_fact_22_words_off_the_list_are_understood_and_kept() {
        let check = |word: Option<&str>, calls: bool, reason: Reason| {
            let finish = read(word, None, calls);
            assert_eq!(finish.reason, reason, "{word:?}");
            assert_eq!(finish.native.as_deref(), word.filter(|word| !word.is_empty()), "{word:?}");
        };
        check(Some("stop"), false, Reason::Stop);
        check(Some("eos"), false, Reason::Stop);
        check(Some(""), false, Reason::Stop);
        check(None, false, Reason::Stop);
        check(None, true, Reason::ToolCalls);
        check(Some("stop"), true, Reason::ToolCalls);
        check(Some("something"), true, Reason::ToolCalls);
        check(Some("something"), false, Reason::Other);
        check(Some("length"), true, Reason::Length);
        check(Some("function_call"), false, Reason::ToolCalls);
        check(Some("TOOL_CALL"), false, Reason::ToolCalls);
        check(Some("content_filter"), false, Reason::ContentFilter);
    }

    #[test]
    fn wire_fact_21_refusals_are_filtered_and_a_full_context_is_a_matter_of_length() {
        assert_eq!(word(Reason::Refusal), "content_filter");
        assert_eq!(word(Reason::Length), "length");
        assert_eq!(read(Some("model_context_window_exceeded"), None, false).reason, Reason::Length);
        assert_eq!(read(Some("guardrail_intervened"), None, false).reason, Reason::ContentFilter);
        assert_eq!(read(Some("stop"), Some("pause_turn"), false).native.as_deref(), Some("pause_turn"));
    }
}
