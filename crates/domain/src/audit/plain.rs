//! Text of others made fit for a row: nothing that drives a terminal or hides, no credential, and no more than there
//! is room for.

use crate::secret::mask;

/// Unbroken runs of this many letters, digits, `_` and `-` are masked: no word or identifier of ours is as long, every
/// credential is.
const SECRET_RUN: usize = 40;
/// Runs that begin like a credential are masked from this length on.
const NAMED_RUN: usize = 12;
/// How credentials begin: ours and those of most providers.
const BEGINNINGS: [&str; 4] = ["pc_live_", "pc_test_", "pc_op_", "sk-"];

/// `text` with control and hidden characters replaced, credentials masked, and at most `most` characters.
#[must_use]
pub fn plain(text: &str, most: usize) -> String {
    // What is cut off later cannot hide in a run that was not masked: masking comes first, on somewhat more text.
    let taken: String = text.chars().take(most.saturating_mul(2)).collect();
    let mut out = String::with_capacity(taken.len());
    let mut rest = taken.as_str();
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(run.max(first.len_utf8()));
        if looks_secret(word) {
            out.push_str(&mask(word))
        } else {
            out.push_str(word)
        }
        rest = after;
    }
    bounded(&out, most)
}

/// `text` with control and hidden characters replaced, and at most `most` characters.
#[must_use]
pub fn bounded(text: &str, most: usize) -> String {
    let mut out: String =
        text.chars().take(most).map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// Control characters, and those that turn or hide the text around them (Unicode 16, general categories Cc, Zl, Zp
/// and the invisible ones of Cf).
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

fn looks_secret(word: &str) -> bool {
    let begins = |start: &&str| word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    word.len() >= SECRET_RUN || (word.len() >= NAMED_RUN && BEGINNINGS.iter().any(begins))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(plain(text, 60), expect);
    }

    #[test]
    fn words_stay_and_credentials_do_not() {
        check("", "");
        check("OpenAI/Python 1.2.3 (Ärzte)", "OpenAI/Python 1.2.3 (Ärzte)");
        check("key_0123456789abcdef0123456789abcdef", "key_0123456789abcdef0123456789abcdef");
        let key = format!("pc_live_{}", "0123456789abc".repeat(4));
        check(&format!("agent {key}!"), "agent pc_l…9abc!");
        check("sk-proj-abcdefgh1234", "sk-p…1234");
        check("PC_OP_abcdefgh", "****");
        check(&"f".repeat(64), "ffff…ffff");
    }

    #[test]
    fn what_drives_a_terminal_is_replaced() {
        check("a\u{1b}[31mb\r\nc\u{202e}d\0", "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}d\u{fffd}");
    }

    #[test]
    fn what_is_too_long_ends_with_a_mark() {
        assert_eq!(plain("abc def", 4), "abc…");
        assert_eq!(plain("abcd", 4), "abcd");
    }

    proptest! {
        #[test]
        fn nothing_hidden_gets_through(text in any::<String>(), most in 1usize..80) {
            let out = plain(&text, most);
            prop_assert!(out.chars().count() <= most);
            prop_assert!(!out.chars().any(is_hidden));
        }

        #[test]
        fn no_credential_gets_through(before in "[a-z ]{0,20}", body in "[0-9a-hjkmnp-tv-z]{52}") {
            let out = plain(&format!("{before}pc_test_{body}"), 400);
            prop_assert!(!out.contains(&body[..20]));
        }
    }
}
