//! Kept answers for the request path: the only place where it and the store meet over them.

use domain::id::OrgId;
use live::pinned::{Looked, Lookup};
use live::snapshot::LookupFailed;
use store::Store;

/// Looks kept answers up in the store.
pub struct AnswerLookup(pub Store);

impl Lookup for AnswerLookup {
    fn connection<'a>(&'a self, org: OrgId, digest: &'a [u8; 32]) -> Looked<'a> {
        Box::pin(async move {
            self.0.pinned().connection(org, digest).await.map_err(|failed| LookupFailed(Box::new(failed)))
        })
    }
}
