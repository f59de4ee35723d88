//! Which connection keeps an answer that a later request names: remembered for a while in a table of a fixed size, and
//! for as long as the provider keeps it behind [`Lookup`]. It knows no SQL, and of an answer only the digest of its name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use domain::id::{OrgId, ProviderKeyId};
use domain::pinned::Pinned;
use domain::usage::Event;
use quick_cache::sync::Cache;

use crate::outbox::{Full, Outbox, Ticket};
use crate::snapshot::LookupFailed;

/// Answers that are remembered here, of all organizations; about 8 MiB.
const REMEMBERED: usize = 65_536;

/// What a lookup answers, some time later.
pub type Looked<'a> = Pin<Box<dyn Future<Output = Result<Option<ProviderKeyId>, LookupFailed>> + Send + 'a>>;

/// Where answers are looked up that are not remembered any more. The binary joins it to the store.
pub trait Lookup: Send + Sync + 'static {
    /// The connection that keeps the answer of `org` whose name has this digest.
    fn connection<'a>(&'a self, org: OrgId, digest: &'a [u8; 32]) -> Looked<'a>;
}

/// The answers that providers keep.
pub struct Answers {
    lookup: Arc<dyn Lookup>,
    outbox: Outbox,
    remembered: Cache<(OrgId, [u8; 32]), ProviderKeyId>,
}

impl Answers {
    /// None yet. What is new goes to `outbox`, what is not remembered is asked of `lookup`.
    #[must_use]
    pub fn new(lookup: Arc<dyn Lookup>, outbox: Outbox) -> Self {
        Self { lookup, outbox, remembered: Cache::new(REMEMBERED) }
    }

    /// Remembers an answer, from this moment and across a restart.
    ///
    /// # Errors
    /// [`Full`] when the outbox takes no record: the answer is then remembered here, for a while.
    pub fn keep(&self, pinned: Pinned) -> Result<Ticket, Full> {
        self.remembered.insert((pinned.org, pinned.digest), pinned.connection);
        self.outbox.append(&Event::Pinned(pinned))
    }

    /// The connection that keeps the answer of `org` whose name has this digest. An answer of another organization and one
    /// that never was take the same way and find the same: nothing.
    ///
    /// # Errors
    /// [`LookupFailed`] when it is not remembered and the store cannot be asked.
    pub async fn find(&self, org: OrgId, digest: &[u8; 32]) -> Result<Option<ProviderKeyId>, LookupFailed> {
        if let Some(connection) = self.remembered.get(&(org, *digest)) {
            return Ok(Some(connection));
        }
        let found = self.lookup.connection(org, digest).await?;
        if let Some(connection) = found {
            self.remembered.insert((org, *digest), connection);
        }
        Ok(found)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("remembered", &self.remembered.len()).finish_non_exhaustive()
    }
}
