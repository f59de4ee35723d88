//! When a request was read, where it comes from and by what name it goes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use domain::id::CallId;
use domain::protocol::Dialect;
use domain::time::Timestamp;
use http::HeaderValue;
use vault::envelope::Vault;

use crate::gate::Gateway;
use crate::head::Head;
use crate::refusal::{Refusal, Stop};
use crate::surface;

/// Longest request id that is taken from a caller.
const REQUEST_ID_CHARS: usize = 128;

/// The facts of a request's arrival.
pub(crate) struct Arrival {
    /// Ours, unique.
    pub call: CallId,
    /// The caller's `x-request-id` when it is sane, else ours.
    pub request_id: HeaderValue,
    /// Whose envelope the caller expects its errors in.
    pub dialect: Dialect,
    /// The caller's address: the other end of the connection, or the one that trusted proxies name.
    pub client: IpAddr,
    /// The encryption keys of this moment. Taken before the routes are read, and changed after them: what a call finds
    /// in a route opens, however long the call takes.
    pub vault: Arc<Vault>,
    /// For durations.
    pub instant: Instant,
    /// For records.
    pub at: Timestamp,
}

impl Arrival {
    /// Notes the arrival of a request with this head over a connection with `peer`.
    pub(crate) fn note(gate: &Gateway, peer: IpAddr, head: &Head<'_>) -> Result<Self, Stop> {
        let headers = &head.headers;
        let at = gate.clock.now();
        let uuid = vault::entropy::uuid_v7(at).map_err(|_| Stop::HangUp)?;
        let call = CallId::new(uuid);
        let request_id = match head.request_id.first.filter(|id| is_sane(id)) {
            Some(theirs) => theirs.clone(),
            None => HeaderValue::try_from(call.to_string()).map_err(|_| Stop::HangUp)?,
        };
        let client = gate.proxies.client(peer, headers);
        Ok(Self {
            call,
            request_id,
            dialect: surface::dialect(head.uri.path(), headers),
            client,
            vault: gate.vault.load_full(),
            instant: Instant::now(),
            at,
        })
    }

    /// The request id as text.
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// A refusal, bound to this request.
    pub(crate) fn refuse(&self, refusal: Refusal) -> http::Response<crate::body::Body> {
        refusal.respond(&self.request_id, self.dialect)
    }
}

fn is_sane(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=REQUEST_ID_CHARS).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_request_ids_are_taken_over() {
        let check = |id: &str, expect: bool| {
            assert_eq!(is_sane(&HeaderValue::from_str(id).unwrap()), expect, "{id}");
        };
        check("req-1.a:B_2", true);
        check("", false);
        check("a b", false);
        check("a<script>", false);
        check(&"x".repeat(128), true);
        check(&"x".repeat(129), false);
    }
}
