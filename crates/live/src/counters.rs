//! Counters of live limits: one decision per request, one contract for every back-end. It knows keys, people,
//! projects and organizations by their identifiers only, and nothing of HTTP.

mod memory;
mod shared;

use std::sync::Arc;

use domain::id::{KeyId, OrgId, ProjectId, UserId};
use domain::limit::{Limits, Standing};
use domain::time::Timestamp;

use memory::{Held, Memory};

/// The counters of every key, every person, every project and every organization.
#[derive(Debug)]
pub struct Counters {
    backend: Backend,
}

/// Where the counts are kept.
#[derive(Debug)]
enum Backend {
    Memory(Memory),
}

/// Whose request it is, and what each of them may do.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The key.
    pub key: KeyId,
    /// Its limits.
    pub limits: &'a Limits,
    /// The person who made it; none for a key that nobody made.
    pub user: Option<UserId>,
    /// Requests of that person in any 60 seconds, over all keys of theirs.
    pub user_requests_per_minute: u32,
    /// Its project.
    pub project: ProjectId,
    /// Requests of the project in any 60 seconds; none for no such limit.
    pub project_requests_per_minute: Option<u32>,
    /// Tokens of the project in any 60 seconds; none for no such limit.
    pub project_tokens_per_minute: Option<u32>,
    /// Its organization.
    pub org: OrgId,
    /// Requests of the organization in any 60 seconds.
    pub org_requests_per_minute: u32,
    /// Tokens of the organization in any 60 seconds; none for no such limit.
    pub org_tokens_per_minute: Option<u32>,
}

/// A request that was let in. It holds its place among the concurrent requests of the key until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives its place among the concurrent requests away"]
pub struct Admitted {
    /// How the key stands with its requests per minute.
    pub requests: Standing,
    /// How the key stands with its tokens per minute, if they are limited.
    pub tokens: Option<Standing>,
    held: Held,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

/// A request that was not let in. It was counted nowhere.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("over the limit of {limit} ({which})")]
pub struct Refused {
    /// The limit that refused: `requests_per_minute`, `burst`, `concurrency`, `tokens_per_minute`, the person's
    /// `user_requests_per_minute`, one of the project's: `project_requests_per_minute`, `project_tokens_per_minute`, or
    /// one of the organization's: `org_requests_per_minute`, `org_tokens_per_minute`.
    pub which: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Its value.
    pub limit: u32,
    /// Milliseconds after which a retry may pass.
    pub retry_after_ms: u64,
    /// Milliseconds until that limit is certainly free again.
    pub reset_ms: u64,
}

impl Counters {
    /// Counters in this process.
    #[must_use]
    pub fn memory() -> Self {
        Self { backend: Backend::Memory(Memory::default()) }
    }

    /// Counts one request at `now` against all limits of its key, its person, its project and its organization,
    /// or against none.
    ///
    /// # Errors
    /// [`Refused`] with the first limit that is exhausted.
    pub async fn admit(self: &Arc<Self>, asking: &Asking<'_>, now: Timestamp) -> Result<Admitted, Refused> {
        match &self.backend {
            Backend::Memory(memory) => memory.admit(asking, now.millis()),
        }
    }
}

impl Admitted {
    /// Counts the tokens that the request turned out to use, where they are limited.
    pub fn spend(&self, tokens: u64, now: Timestamp) {
        self.held.spend(u32::try_from(tokens).unwrap_or(u32::MAX), now.millis());
    }

    /// Requests of the key in flight, this one included.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.held.in_flight()
    }
}
