//! When a request was read, where it comes from and by what name it goes.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, header};
use domain::audit::{Act, Actor, Claim};
use domain::id::CallId;
use domain::time::Timestamp;
use tokio::time::Instant;
use vault::entropy::NoEntropy;

use super::Api;

/// Longest request id that is taken from a caller.
const REQUEST_ID_CHARS: usize = 128;

/// The facts of a request's arrival.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Ours, unique.
    pub call: CallId,
    /// The caller's `x-request-id` when it is sane, else ours.
    pub request_id: String,
    /// The caller's address.
    pub client: IpAddr,
    /// What the caller's program calls itself.
    pub user_agent: String,
    /// For records.
    pub at: Timestamp,
    /// The attempt that is made, for a write that may be sent twice.
    pub(super) claim: Option<Claim>,
    /// For durations.
    pub(crate) instant: Instant,
}

impl Arrival {
    /// Notes the arrival of a request with these headers over a connection with `peer`.
    pub(super) fn note(api: &Api, peer: IpAddr, headers: &HeaderMap) -> Result<Self, NoEntropy> {
        let at = api.clock().now();
        let call = CallId::new(vault::entropy::uuid_v7(at)?);
        let theirs = headers.get("x-request-id").filter(|id| is_sane(id)).and_then(|id| id.to_str().ok());
        let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Ok(Self {
            call,
            request_id: theirs.map_or_else(|| call.to_string(), str::to_owned),
            client: (api.0.parts.client_of)(peer, headers),
            user_agent: agent.unwrap_or_default().into_owned(),
            at,
            claim: None,
            instant: Instant::now(),
        })
    }

    /// An act of `actor` that comes with this request.
    #[must_use]
    pub fn act(&self, actor: Actor) -> Act {
        Act {
            at: self.at,
            actor,
            request_id: self.request_id.clone(),
            ip: Some(self.client),
            user_agent: self.user_agent.clone(),
            claim: self.claim,
            acting_as: None,
        }
    }
}

fn is_sane(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=REQUEST_ID_CHARS).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(byte))
}
