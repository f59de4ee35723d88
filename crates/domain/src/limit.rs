//! Limits, and the sliding window they are counted in: the arithmetic only, so that every back-end counts alike.

mod ceiling;
mod window;

use serde::{Deserialize, Serialize};

pub use ceiling::{Above, Ceiling, Holder};
pub use window::{Exceeded, PARTS, Standing, Window, end_ms, part};

/// The limits of one API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub requests_per_minute: u32,
    /// Requests in any second.
    pub burst_per_second: u32,
    /// Requests in flight.
    pub concurrent: u32,
    /// Bytes of a request body.
    pub body_bytes: u32,
    /// Tokens in any 60 seconds; none for no such limit.
    #[serde(default)]
    pub tokens_per_minute: Option<u32>,
}

impl Default for Limits {
    /// The defaults of the product: 60 a minute, 10 a second, 64 in flight, 1 MiB.
    fn default() -> Self {
        Self {
            requests_per_minute: 60,
            burst_per_second: 10,
            concurrent: 64,
            body_bytes: 1 << 20,
            tokens_per_minute: None,
        }
    }
}

/// The limits of one organization over all of its keys, as far as it has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrgLimits {
    /// Requests in any 60 seconds; none for what the installation says.
    pub requests_per_minute: Option<u32>,
    /// Tokens in any 60 seconds; none for no such limit.
    pub tokens_per_minute: Option<u32>,
    /// Requests in any 60 seconds of one person, over all keys that this person made; none for what the installation
    /// says.
    pub user_requests_per_minute: Option<u32>,
}

/// The limits of one project over all of its keys, as far as it has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectLimits {
    /// Requests in any 60 seconds; none for no such limit.
    pub requests_per_minute: Option<u32>,
    /// Tokens in any 60 seconds; none for no such limit.
    pub tokens_per_minute: Option<u32>,
}
