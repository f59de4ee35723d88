//! The words of the demo provider and how it counts them. A token is a run of letters, digits and underscores, or any
//! other single character that is not white space; white space belongs to the token after it, and at the very end to
//! the one before. So `"Hi, you_2!"` is four tokens, and the tokens of a text put together are the text.

use super::models::ModelId;

/// Characters of the user's message that an answer repeats.
const QUOTE_CHARS: usize = 400;
/// Characters of a tool's result that an answer repeats.
const RESULT_CHARS: usize = 4_000;
/// The highest number counted to.
pub(super) const MAX_COUNT: usize = 100_000;
/// What a message must contain, followed by a number, for the answer to be `1 2 3 …` up to it.
const COUNT_PHRASE: &[u8] = b"count to ";

/// The token of `text` that begins at byte `from` with the white space before it; `None` at the end.
pub(super) fn next_token(text: &str, from: usize) -> Option<&str> {
    let rest = text.get(from..)?;
    let (start, first) = rest.char_indices().find(|(_, char)| !char.is_whitespace())?;
    let after_first = start + first.len_utf8();
    let end = if in_word(first) {
        let tail = rest.get(after_first..)?;
        tail.find(|char| !in_word(char)).map_or(rest.len(), |length| after_first + length)
    } else {
        after_first
    };
    let (token, tail) = rest.split_at_checked(end)?;
    Some(if tail.trim_start().is_empty() { rest } else { token })
}

fn in_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// How many tokens `text` has.
pub(super) fn count(text: &str) -> usize {
    let (mut tokens, mut at) = (0, 0);
    while let Some(token) = next_token(text, at) {
        tokens += 1;
        at += token.len();
    }
    tokens
}

/// Cuts `text` to at most `budget` tokens and tells how many are left.
pub(super) fn cut(text: &mut String, budget: usize) -> usize {
    let (mut tokens, mut at) = (0, 0);
    while let Some(token) = next_token(text, at) {
        if tokens == budget {
            text.truncate(at);
            break;
        }
        tokens += 1;
        at += token.len();
    }
    tokens
}

/// The answer to a user's message. `choice` is 0 for the first alternative.
pub(super) fn answer(model: ModelId, message: &str, choice: usize) -> String {
    if let Some(last) = count_target(message) {
        return counted(last);
    }
    let mut text = format!(
        "Hello from the Portcullis demo provider. This text is made by rule as {}, not by a language model. \
         You wrote: \"{}\".",
        model.name(),
        quote(message, QUOTE_CHARS),
    );
    if model == ModelId::Smart {
        text.push_str(
            " The same message always gets this same answer, which is what tests and benchmarks need.",
        );
    }
    if choice > 0 {
        text.push_str(" This is another choice of the same answer: number ");
        text.push_str(&choice.to_string());
        text.push('.');
    }
    text
}

/// The answer to a tool's result.
pub(super) fn answer_to_result(model: ModelId, result: &str) -> String {
    let result = quote(result, RESULT_CHARS);
    format!("The Portcullis demo provider, as {}, read this result of the tool: \"{result}\".", model.name())
}

fn quote(text: &str, most_chars: usize) -> String {
    let mut chars = text.chars();
    let mut quote: String = chars.by_ref().take(most_chars).collect();
    if chars.next().is_some() {
        quote.push('…');
    }
    quote
}

fn count_target(message: &str) -> Option<usize> {
    let phrase_at = message
        .as_bytes()
        .windows(COUNT_PHRASE.len())
        .position(|window| window.eq_ignore_ascii_case(COUNT_PHRASE))?;
    let digits = message.get(phrase_at + COUNT_PHRASE.len()..)?;
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    let digits = digits.get(..end).filter(|digits| !digits.is_empty())?;
    // Digits that do not fit are a number far above the bound.
    Some(digits.parse().unwrap_or(MAX_COUNT).clamp(1, MAX_COUNT))
}

fn counted(last: usize) -> String {
    let mut text = String::from("1");
    for number in 2..=last {
        text.push(' ');
        text.push_str(&number.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> Vec<&str> {
        let (mut all, mut at) = (Vec::new(), 0);
        while let Some(token) = next_token(text, at) {
            at += token.len();
            all.push(token);
        }
        all
    }

    #[test]
    fn words_and_marks_are_tokens_and_keep_their_space() {
        assert_eq!(tokens("Hi, you_2!"), ["Hi", ",", " you_2", "!"]);
        assert_eq!(tokens("  naïve—été \n"), ["  naïve", "—", "été \n"]);
        assert_eq!(tokens(" \t"), [""; 0]);
        assert_eq!(tokens(r#"{"a":1}"#).len(), 7);
    }

    #[test]
    fn counting_is_asked_for_in_words() {
        fn check(message: &str, expect: Option<usize>) {
            assert_eq!(count_target(message), expect, "{message}");
        }
        check("please Count to 12, slowly", Some(12));
        check("count to 0", Some(1));
        check("count to 99999999999999999999999", Some(MAX_COUNT));
        check("count to ten", None);
        check("é count to 7", Some(7));
        check("recount", None);
        assert_eq!(answer(ModelId::Fast, "count to 5", 3), "1 2 3 4 5");
        assert_eq!(count(&answer(ModelId::Fast, "count to 1000", 0)), 1000);
    }

    #[test]
    fn an_answer_says_whose_it_is_and_quotes_what_was_written() {
        let text = answer(ModelId::Fast, "hello there", 0);
        assert!(
            text.contains("demo provider") && text.contains("demo-fast") && text.contains("\"hello there\"")
        );
        assert_eq!(text, answer(ModelId::Fast, "hello there", 0));
        assert_ne!(text, answer(ModelId::Smart, "hello there", 0));
        assert_ne!(text, answer(ModelId::Fast, "hello there", 1));
        assert!(answer(ModelId::Fast, &"x".repeat(1_000_000), 0).len() < 1_000);
    }

    proptest! {
        #[test]
        fn tokens_put_together_are_the_text(text in "\\PC*[a-z!]") {
            prop_assert_eq!(tokens(&text).concat(), text);
        }

        #[test]
        fn a_cut_keeps_the_first_tokens(text in "[a-c ,é]{0,40}", budget in 0_usize..20) {
            let mut short = text.clone();
            let left = cut(&mut short, budget);
            prop_assert_eq!(left, count(&text).min(budget));
            prop_assert_eq!(left, count(&short));
            prop_assert!(text.starts_with(&short));
        }
    }
}
