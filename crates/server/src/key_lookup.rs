//! API keys for the request path: the only place where it and the store meet.

use live::snapshot::{Looked, Lookup, LookupFailed};
use store::Store;

/// Looks keys up in the store.
pub struct KeyLookup(pub Store);

impl Lookup for KeyLookup {
    fn key_by_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Looked<'a> {
        Box::pin(async move {
            self.0.keys().find_by_digest(digest).await.map_err(|failed| LookupFailed(Box::new(failed)))
        })
    }
}
