//! How signatures travel through callers of this protocol. Google's clients hold a `thoughtSignature` as bytes and refuse
//! what is not base64, so that one of another maker is written in base64 with its maker's name inside.

use std::borrow::Cow;

use domain::chat::Signature;
use domain::protocol::Protocol;

use super::base64;

/// Stands before the signature of a thought whose words are withheld.
const WITHHELD: &str = "withheld~";

/// Stands where Gemini 3 demands the signature of a call that another model made (Google's page on thought signatures,
/// on histories that come from elsewhere).
pub(super) const UNSIGNED: &str = "skip_thought_signature_validator";

/// The other word that Google takes for the same.
const ALSO_UNSIGNED: &str = "context_engineering_is_the_way_to_go";

/// A signature as it came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Returned {
    pub(super) signature: Signature,
    /// Whether it belongs to a thought whose words its provider withholds.
    pub(super) redacted: bool,
}

/// As a caller carries it.
pub(super) fn carry(signature: &Signature, redacted: bool) -> Cow<'_, str> {
    match signature.of(Protocol::Gemini) {
        Some(own) if !redacted => Cow::Borrowed(own),
        _ => {
            let mark = if redacted { WITHHELD } else { "" };
            let named = format!("{mark}{}~{}", signature.maker.word(), signature.value);
            Cow::Owned(base64::encode(named.as_bytes()))
        }
    }
}

/// Reads what a caller sent back, in whichever alphabet its client writes; `None` for what stands in place of one.
pub(super) fn returned(carried: &str) -> Option<Returned> {
    if matches!(carried, UNSIGNED | ALSO_UNSIGNED) {
        return None;
    }
    let named = base64::decode(carried).and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|named| {
        let (redacted, named) = match named.strip_prefix(WITHHELD) {
            Some(rest) => (true, rest),
            None => (false, named.as_str()),
        };
        let (word, value) = named.split_once('~')?;
        Some(Returned { signature: Signature::new(Protocol::parse(word)?, value), redacted })
    });
    let own = || Returned { signature: Signature::new(Protocol::Gemini, carried), redacted: false };
    Some(named.unwrap_or_else(own))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_carried_returns(value in "[A-Za-z0-9+/=_-]{0,60}", maker in 0..5_usize, redacted in any::<bool>()) {
            let signature = Signature::new(Protocol::ALL[maker], value);
            let carried = carry(&signature, redacted);
            if redacted || maker != 3 {
                prop_assert!(base64::decode(&carried).is_some());
            }
            let url = carried.replace('+', "-").replace('/', "_");
            if signature.maker != Protocol::Gemini || redacted {
                prop_assert_eq!(returned(&url), Some(Returned { signature: signature.clone(), redacted }));
            }
            prop_assert_eq!(returned(&carried), Some(Returned { signature, redacted }));
        }
    }
}
