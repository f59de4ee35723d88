//! Why an answer ended, in the words of this protocol and in neutral ones.

use domain::chat::{Finish, Reason};

/// The words of this protocol; `compaction` only where the caller asked to pause there.
const WORDS: [(&str, Reason); 8] = [
    ("end_turn", Reason::Stop),
    ("max_tokens", Reason::Length),
    ("tool_use", Reason::ToolCalls),
    ("refusal", Reason::Refusal),
    ("pause_turn", Reason::Pause),
    ("stop_sequence", Reason::Stop),
    ("model_context_window_exceeded", Reason::Length),
    ("compaction", Reason::Pause),
];

/// Reads `stop_reason`.
pub(super) fn read(word: &str, stop_sequence: Option<String>) -> Finish {
    let known = WORDS.iter().find(|(known, _)| *known == word);
    let reason = known.map_or(Reason::Other, |&(_, reason)| reason);
    Finish { reason, native: Some(word.to_owned()), stop_sequence }
}

/// The `stop_reason` for an end. A provider's own word is kept where it is one of this protocol and means the same.
pub(super) fn word(finish: &Finish) -> &'static str {
    let same = |(known, reason): &&(&'static str, Reason)| {
        *reason == finish.reason && finish.native.as_deref() == Some(*known)
    };
    if let Some((known, _)) = WORDS.iter().find(same) {
        return known;
    }
    match finish.reason {
        Reason::Stop if finish.stop_sequence.is_some() => "stop_sequence",
        Reason::Stop | Reason::Other => "end_turn",
        Reason::Length => "max_tokens",
        Reason::ToolCalls => "tool_use",
        Reason::ContentFilter | Reason::Refusal => "refusal",
        Reason::Pause => "pause_turn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_fact_21_each_word_has_its_reason_and_comes_back() {
        let check = |word_read: &str, reason: Reason| {
            let finish = read(word_read, None);
            assert_eq!(finish.reason, reason, "{word_read}");
            assert_eq!(word(&finish), word_read);
        };
        check("end_turn", Reason::Stop);
        check("refusal", Reason::Refusal);
        check("pause_turn", Reason::Pause);
        check("model_context_window_exceeded", Reason::Length);
        check("max_tokens", Reason::Length);
        check("tool_use", Reason::ToolCalls);
        assert_eq!(read("something_new", None).reason, Reason::Other);
    }

    #[test]
    fn ends_of_other_protocols_have_a_word() {
        let check = |reason, native: &str, expect: &str| {
            let finish = Finish { reason, native: Some(native.to_owned()), stop_sequence: None };
            assert_eq!(word(&finish), expect);
        };
        check(Reason::Stop, "STOP", "end_turn");
        check(Reason::ContentFilter, "SAFETY", "refusal");
        check(Reason::ToolCalls, "STOP", "tool_use");
        check(Reason::Length, "length", "max_tokens");
        // A word of this protocol that the reason contradicts does not count.
        check(Reason::ToolCalls, "end_turn", "tool_use");
        let met = Finish { stop_sequence: Some("END".to_owned()), ..Finish::new(Reason::Stop) };
        assert_eq!(word(&met), "stop_sequence");
    }
}
