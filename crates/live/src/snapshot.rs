//! What the request path knows of keys and routes, without waiting for the store where it can: keys are looked up
//! once and kept for a while, routes are replaced whole. It knows no SQL and never sees a key's text.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use domain::id::KeyId;
use domain::origin::Origins;
use domain::route::Routes;
use domain::scope::ApiKey;
use domain::time::Clock;

mod gather;
mod keys;

pub use gather::{Gather, LookupSeveral, MOST_AT_ONCE, One, PAUSE, Several};
pub use keys::{FRESH_MS, NEGATIVE_MS, STALE_MS};

/// What a lookup answers, some time later.
pub type Looked<'a> = Pin<Box<dyn Future<Output = Result<Option<ApiKey>, LookupFailed>> + Send + 'a>>;

/// Where keys are looked up that the snapshot does not know. The binary joins it to the store.
pub trait Lookup: Send + Sync + 'static {
    /// The key with this digest, `None` when nobody has it.
    fn key_by_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Looked<'a>;
}

/// The store could not be asked. Never to be mistaken for "nobody has this key".
#[derive(Debug, thiserror::Error)]
#[error("the key could not be looked up")]
pub struct LookupFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Whether credentials that another gateway issued are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForeignKeys {
    /// They are refused like anything that breaks our grammar.
    #[default]
    Refused,
    /// Some were imported.
    LookedUp,
}

/// Keys and routes as the request path sees them.
pub struct Snapshot {
    keys: keys::Keys,
    routes: ArcSwap<Routes>,
    origins: ArcSwap<Origins>,
    foreign_keys: AtomicBool,
}

impl Snapshot {
    /// An empty snapshot that fills itself from `lookup`.
    #[must_use]
    pub fn new(lookup: Arc<dyn Lookup>, clock: Clock) -> Self {
        Self {
            keys: keys::Keys::new(lookup, clock),
            routes: ArcSwap::from_pointee(Routes::default()),
            origins: ArcSwap::from_pointee(Origins::default()),
            foreign_keys: AtomicBool::new(false),
        }
    }

    /// The key with this digest; `None` when nobody has it.
    ///
    /// # Errors
    /// [`LookupFailed`] when the store cannot be asked and no answer younger than [`STALE_MS`] is known.
    pub async fn key(&self, digest: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, LookupFailed> {
        self.keys.get(digest).await
    }

    /// The routing table of this moment, to be read and let go. It is not counted by how many it is read: that number would
    /// go to and fro between the processors.
    #[must_use]
    pub fn routes(&self) -> impl Deref<Target = Arc<Routes>> {
        self.routes.load()
    }

    /// Replaces the routing table.
    pub fn set_routes(&self, routes: Routes) {
        self.routes.store(Arc::new(routes));
    }

    /// The web pages that any organization lets call it from browsers.
    #[must_use]
    pub fn origins(&self) -> Arc<Origins> {
        self.origins.load_full()
    }

    /// Replaces them.
    pub fn set_origins(&self, origins: Origins) {
        self.origins.store(Arc::new(origins));
    }

    /// Whether credentials that another gateway issued are looked up.
    #[must_use]
    pub fn foreign_keys(&self) -> ForeignKeys {
        match self.foreign_keys.load(Ordering::Relaxed) {
            true => ForeignKeys::LookedUp,
            false => ForeignKeys::Refused,
        }
    }

    /// Says whether they are from now on.
    pub fn set_foreign_keys(&self, foreign_keys: ForeignKeys) {
        self.foreign_keys.store(foreign_keys == ForeignKeys::LookedUp, Ordering::Relaxed);
    }

    /// Forgets everything about one key, and that any key is unknown: the next request asks the store.
    pub fn forget_key(&self, key: KeyId) {
        self.keys.forget(key);
    }

    /// Forgets every key, as after a change to an organization or a project.
    pub fn forget_all_keys(&self) {
        self.keys.forget_all();
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("known_keys", &self.keys.known()).finish_non_exhaustive()
    }
}
