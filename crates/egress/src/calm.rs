//! Whether an upstream that broke off meant "you ask too much" (RFC 9113, section 7: `ENHANCE_YOUR_CALM`).

use std::error::Error;

/// Whether `error`, of a request or of a body, comes from an HTTP/2 peer that asks for fewer requests.
#[must_use]
pub fn asks_for_calm(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        let reason = current.downcast_ref::<h2::Error>().and_then(h2::Error::reason);
        if reason == Some(h2::Reason::ENHANCE_YOUR_CALM) {
            return true;
        }
        cause = current.source();
    }
    false
}
