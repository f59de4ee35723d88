//! Covers what looks like a secret in a text. A second line of defence: the first is that secrets have a type that
//! cannot be written. It knows shapes, not the secrets themselves.

use domain::secret::mask;

/// How keys begin: ours, those of providers, and of what often stands beside them. Compared without case.
const BEGINNINGS: [&str; 18] = [
    "pc_live_", "pc_test_", "pc_op_", "sk-", "sk_live_", "sk_test_", "rk_live_", "gsk_", "xai-", "AIza",
    "hf_", "r8_", "pplx-", "nvapi-", "whsec_", "ghp_", "xoxb-", "eyJ",
];
/// Fewest characters after such a beginning; anything shorter is a word.
const LEAST_BODY: usize = 8;
/// The scheme before a token (RFC 6750).
const BEARER: &str = "bearer";
/// Ends of the names of parameters whose value is a secret.
const PARAMETERS: [&str; 6] = ["key", "token", "secret", "password", "sig", "signature"];
/// Stands for what was covered whole.
const COVERED: &str = "****";

/// A secret found at the beginning of a text.
struct Found {
    /// Bytes before it that stay.
    keep: usize,
    /// Its bytes.
    length: usize,
    /// What stands in its place.
    shown: String,
}

/// `text` with everything that looks like a secret masked.
#[must_use]
pub fn veil(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, None);
    while let Some(first) = rest.chars().next() {
        match find(rest, before) {
            Some(found) => {
                out.push_str(&rest[..found.keep]);
                out.push_str(&found.shown);
                rest = &rest[found.keep + found.length..];
                before = Some('*');
            }
            None => {
                // Nothing begins within a word, so that the rest of it is as plain as its first character.
                let plain = run(rest, |c| c.is_ascii_alphanumeric()).max(first.len_utf8());
                out.push_str(&rest[..plain]);
                before = rest[..plain].chars().next_back();
                rest = &rest[plain..];
            }
        }
    }
    out
}

fn find(rest: &str, before: Option<char>) -> Option<Found> {
    match rest.as_bytes().first()? {
        b'?' | b'&' | b';' => parameter(rest),
        b':' => user_information(rest),
        _ if before.is_some_and(|before| before.is_ascii_alphanumeric()) => None,
        _ => known_key(rest).or_else(|| bearer(rest)),
    }
}

/// `sk-…`, `pc_live_…` and the like.
fn known_key(rest: &str) -> Option<Found> {
    let beginning = BEGINNINGS.iter().find(|beginning| starts_with(rest, beginning))?;
    // The dots join the parts of a JSON web token; elsewhere a full stop ends the sentence.
    let dots = *beginning == "eyJ";
    let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || (dots && c == '.'));
    let found = Found { keep: 0, length, shown: mask(&rest[..length]) };
    (length >= beginning.len() + LEAST_BODY).then_some(found)
}

/// `Bearer …`, whatever the token looks like.
fn bearer(rest: &str) -> Option<Found> {
    if !starts_with(rest, BEARER) {
        return None;
    }
    let after = &rest[BEARER.len()..];
    let gap = run(after, |c| matches!(c, ' ' | ':' | '"' | '='));
    let length = run(&after[gap..], |c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c));
    let keep = BEARER.len() + gap;
    let found = Found { keep, length, shown: mask(&rest[keep..keep + length]) };
    (gap > 0 && length >= LEAST_BODY).then_some(found)
}

/// `?key=…` and the like in a URL.
fn parameter(rest: &str) -> Option<Found> {
    let name = run(&rest[1..], |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let keep = 1 + name + 1;
    let is_secret = rest.as_bytes().get(1 + name) == Some(&b'=')
        && PARAMETERS.iter().any(|end| ends_with(&rest[1..=name], end));
    if !is_secret {
        return None;
    }
    let length = run(&rest[keep..], |c| !c.is_whitespace() && !"&#;\"'<>".contains(c));
    Some(Found { keep, length, shown: COVERED.to_owned() }).filter(|found| found.length > 0)
}

/// `://user:password@`.
fn user_information(rest: &str) -> Option<Found> {
    let authority = rest.strip_prefix("://")?;
    let authority = &authority[..run(authority, |c| !c.is_whitespace() && !"/?#\"'<>".contains(c))];
    let length = authority.rfind('@').filter(|length| *length > 0)?;
    Some(Found { keep: 3, length, shown: COVERED.to_owned() })
}

/// Bytes of the longest beginning of which every character passes.
fn run(text: &str, passes: impl Fn(char) -> bool) -> usize {
    text.find(|c| !passes(c)).unwrap_or(text.len())
}

fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(veil(text), expect);
    }

    #[test]
    fn what_looks_like_a_secret_is_covered() {
        let body = "0123456789abc".repeat(4);
        check(&format!("key pc_live_{body}."), "key pc_l…9abc.");
        check(&format!("key=\"PC_OP_{body}\""), "key=\"PC_O…9abc\"");
        check("sk-proj-Zq7XbW3nTpLk9sVd, again sk-ant-abcdefgh", "sk-p…9sVd, again ****");
        check("Authorization: Bearer abc.def~ghi+jkl/mno=", "Authorization: Bearer abc.…mno=");
        check("{\"bearer\": \"s3cret-s3cret\"}", "{\"bearer\": \"****\"}");
        check("https://h/v1?alt=sse&key=AAAA-BBBB&x=1", "https://h/v1?alt=sse&key=****&x=1");
        check("https://h/?X-Amz-Signature=00ff#a", "https://h/?X-Amz-Signature=****#a");
        check("postgres://gate:hunter2@db/books", "postgres://****@db/books");
        check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJh…c2ln");
    }

    #[test]
    fn what_does_not_stays() {
        for text in [
            "",
            "the task-runner-of-the-desk-drawer is done",
            "key_0123456789abcdef0123456789abcdef",
            "call_0123456789abcdef0123456789abcdef a request id",
            "a bearer of news",
            "sk-short",
            "pc_live_",
            "?key=&x=1",
            "http://[::1]:8080/v1?model=gpt-4o",
            "127.0.0.1:8081; monkey=1",
            "ünïcödé ✓ https://host/@scope",
        ] {
            check(text, text);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_no_key_gets_through(
            before in any::<String>(), after in any::<String>(), body in "[0-9a-hjkmnp-tv-z]{52}",
        ) {
            let covered = veil(&format!("{before} pc_test_{body} {after}"));
            prop_assert!(!covered.contains(&body[..20]));
            let again = veil(&covered);
            prop_assert_eq!(again, covered);
        }
    }
}
