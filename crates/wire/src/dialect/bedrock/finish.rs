//! Why an answer ended, from Converse's words and those that models slip past it.

use domain::chat::{Finish, Reason};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Where Claude tells the stop text that was met, whole and streamed.
#[derive(Deserialize, Default)]
struct Fields {
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default)]
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    stop_sequence: Option<String>,
}

/// Reads the end of an answer that asked for tools of the caller or did not.
pub(super) fn read(stop_reason: Option<&str>, fields: Option<&RawValue>, asks_for_tools: bool) -> Finish {
    let word = stop_reason.unwrap_or_default();
    let done = if asks_for_tools { Reason::ToolCalls } else { Reason::Stop };
    let reason = match word {
        // Some models say that they are done while they ask for a tool, and the tools that the provider runs are no
        // business of the caller.
        "end_turn" | "tool_use" | "TOOL_CALL" => done,
        "stop_sequence" => Reason::Stop,
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "guardrail_intervened" | "content_filtered" => Reason::ContentFilter,
        "refusal" => Reason::Refusal,
        "pause_turn" => Reason::Pause,
        "" | "eos" | "stop" | "FINISH" | "COMPLETE" | "finish" => done,
        _ => Reason::Other,
    };
    let fields: Option<Fields> = fields.and_then(|fields| serde_json::from_str(fields.get()).ok());
    let stop_sequence = fields
        .and_then(|fields| fields.stop_sequence.or(fields.delta.and_then(|delta| delta.stop_sequence)))
        .filter(|_| word == "stop_sequence");
    Finish { reason, native: (!word.is_empty()).then(|| word.to_owned()), stop_sequence }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, asks_for_tools: bool, expect: Reason) {
        assert_eq!(read(Some(word), None, asks_for_tools).reason, expect, "{word}");
    }

    #[test]
    fn wire_fact_20_a_call_is_a_call_whatever_the_model_says() {
        check("end_turn", true, Reason::ToolCalls);
        check("end_turn", false, Reason::Stop);
        check("tool_use", true, Reason::ToolCalls);
        check("tool_use", false, Reason::Stop);
        check("max_tokens", true, Reason::Length);
    }

    #[test]
    fn wire_fact_21_every_word_has_a_neutral_one() {
        check("guardrail_intervened", false, Reason::ContentFilter);
        check("content_filtered", false, Reason::ContentFilter);
        check("model_context_window_exceeded", false, Reason::Length);
        check("refusal", false, Reason::Refusal);
        check("pause_turn", false, Reason::Pause);
        check("malformed_tool_use", true, Reason::Other);
        check("malformed_model_output", false, Reason::Other);
    }

    #[test]
    fn wire_fact_22_words_off_the_list_are_kept() {
        check("eos", false, Reason::Stop);
        check("", true, Reason::ToolCalls);
        assert_eq!(read(None, None, false), Finish::new(Reason::Stop));
        let finish = read(Some("brand_new"), None, false);
        assert_eq!((finish.reason, finish.native.as_deref()), (Reason::Other, Some("brand_new")));
    }

    #[test]
    fn the_stop_text_is_told_where_the_model_tells_it() {
        for fields in [r#"{"stop_sequence":"END"}"#, r#"{"delta":{"stop_sequence":"END"},"more":1}"#] {
            let fields: Box<RawValue> = serde_json::from_str(fields).unwrap();
            let finish = read(Some("stop_sequence"), Some(&fields), false);
            assert_eq!(finish.stop_sequence.as_deref(), Some("END"));
        }
    }
}
