//! Checked targets of connections: each thread keeps those it used, so that no request parses a URL twice and no
//! two requests meet at a lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use domain::id::ProviderKeyId;
use domain::route::Connection;
use domain::usage::Surface;
use egress::{Policy, Target};

/// Targets a thread keeps; beyond it, it starts again with none.
const KEPT: usize = 1_024;

/// Why a connection leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTarget {
    /// The policy refuses its base URL.
    #[error(transparent)]
    Rejected(#[from] egress::Rejected),
    /// Its base URL takes no path.
    #[error(transparent)]
    Path(#[from] egress::BadPath),
}

type Kept = HashMap<(ProviderKeyId, Surface), (Arc<str>, Target)>;

thread_local! {
    static TARGETS: RefCell<Kept> = RefCell::new(HashMap::new());
}

/// Where `surface` of `connection` is.
pub(crate) fn target(policy: &Policy, connection: &Connection, surface: Surface) -> Result<Target, NoTarget> {
    TARGETS.with_borrow_mut(|kept| {
        let key = (connection.id, surface);
        // A changed base URL is a new text, so a stale target is never used.
        if let Some((base_url, target)) = kept.get(&key)
            && *base_url == connection.base_url
        {
            return Ok(target.clone());
        }
        let target = policy.check(&connection.base_url)?.join(surface.path().trim_start_matches('/'))?;
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, (Arc::clone(&connection.base_url), target.clone()));
        Ok(target)
    })
}
