//! What an upstream says of the caller's mistake, made fit to be passed on: bounded, and without the account and the
//! key that it may name.

use domain::secret::Secret;
use http::StatusCode;
use wire::failure::UpstreamError;

/// Most characters of an upstream's message that are passed on.
const MESSAGE_CHARS: usize = 2_000;
/// Beginnings of words that name an account or a key, and are masked in messages.
const TELLING: [&str; 9] = ["sk-", "org-", "proj_", "gsk_", "AIza", "xai-", "user-", "req_", "acct_"];

/// The upstream's words about the caller's mistake, without the account they may name.
pub(super) fn clean(
    said: Option<UpstreamError>,
    status: StatusCode,
    secret: Option<&Secret>,
) -> UpstreamError {
    let fallback = format!("The provider refused the request with status {}.", status.as_u16());
    let Some(mut error) = said else {
        return UpstreamError { message: fallback, kind: None, param: None, code: None };
    };
    let echoes = |text: &str| secret.is_some_and(|secret| secret.leaks_into(text.as_bytes()));
    if error.message.is_empty() || echoes(&error.message) {
        error.message = fallback;
    }
    error.message = mask_accounts(&error.message);
    for field in [&mut error.kind, &mut error.param, &mut error.code] {
        if field.as_deref().is_some_and(|text| text.len() > 100 || echoes(text)) {
            *field = None;
        }
    }
    error
}

fn mask_accounts(message: &str) -> String {
    let boundary = |c: char| c.is_whitespace() || "\"'`(),;:<>[]{}".contains(c);
    let mut masked = String::with_capacity(message.len());
    let mut rest: String = message.chars().take(MESSAGE_CHARS).collect();
    while !rest.is_empty() {
        let end = rest.find(boundary).unwrap_or(rest.len());
        let tail = rest.split_off(end);
        // A full stop ends the sentence, not the name.
        let stop = rest.len() - rest.trim_end_matches('.').len();
        let telling = TELLING.iter().any(|start| rest.starts_with(start)) && rest.len() >= 10;
        if telling {
            masked.push_str("****");
            masked.extend(std::iter::repeat_n('.', stop));
        } else {
            masked.push_str(&rest);
        }
        let after = tail.find(|c| !boundary(c)).unwrap_or(tail.len());
        masked.push_str(&tail[..after]);
        rest = tail[after..].to_owned();
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_keys_are_masked_in_messages() {
        let check = |said: &str, expect: &str| assert_eq!(mask_accounts(said), expect);
        check("Unsupported parameter: 'max_tokens'.", "Unsupported parameter: 'max_tokens'.");
        check("Limit for org-AbCdEf123456 (proj_12345678)", "Limit for **** (****)");
        check("Incorrect key sk-abcdefghijkl", "Incorrect key ****");
        check("", "");
    }

    #[test]
    fn an_echoed_secret_withholds_the_message() {
        let secret = Secret::new(b"whatever-secret".to_vec());
        let said = UpstreamError {
            message: "no whatever-secret here".to_owned(),
            kind: Some("invalid_request_error".to_owned()),
            param: Some("whatever-secret".to_owned()),
            code: None,
        };
        let error = clean(Some(said), StatusCode::BAD_REQUEST, Some(&secret));
        assert_eq!(error.message, "The provider refused the request with status 400.");
        assert_eq!(error.param, None);
        assert_eq!(error.kind.as_deref(), Some("invalid_request_error"));
    }
}
