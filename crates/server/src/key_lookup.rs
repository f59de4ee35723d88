//! API keys for the request path: the only place where it and the store meet.

use live::snapshot::{LookupFailed, LookupSeveral, One, Several};
use store::{ReadFailed, Store};

/// Looks keys up in the store.
pub struct KeyLookup(pub Store);

impl LookupSeveral for KeyLookup {
    fn keys_by_digests<'a>(&'a self, digests: &'a [[u8; 32]]) -> Several<'a> {
        Box::pin(async move {
            let keys = self.0.keys();
            if let [digest] = digests {
                return Ok(vec![keys.find_by_digest(digest).await.map_err(failed)]);
            }
            let found = keys.find_by_digests(digests).await.map_err(failed)?;
            Ok(found.into_iter().map(|one| -> One { one.map_err(failed) }).collect())
        })
    }
}

fn failed(read: ReadFailed) -> LookupFailed {
    LookupFailed(Box::new(read))
}
