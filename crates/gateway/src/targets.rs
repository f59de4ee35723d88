//! Checked targets of connections: each thread keeps those it used, so that no request parses a URL twice and no
//! two requests meet at a lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use domain::id::ProviderKeyId;
use domain::route::Connection;
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

type Kept = HashMap<ProviderKeyId, HashMap<Box<str>, (Arc<str>, Target)>>;

thread_local! {
    static TARGETS: RefCell<Kept> = RefCell::new(HashMap::new());
}

/// Where `path`, with its query if it has one, is on `connection`.
pub(crate) fn target(policy: &Policy, connection: &Connection, path: &str) -> Result<Target, NoTarget> {
    TARGETS.with_borrow_mut(|kept| {
        // A changed base URL is a new text, so a stale target is never used.
        if let Some((base_url, target)) = kept.get(&connection.id).and_then(|paths| paths.get(path))
            && *base_url == connection.base_url
        {
            return Ok(target.clone());
        }
        let target = once(policy, connection, path)?;
        if kept.values().map(HashMap::len).sum::<usize>() >= KEPT {
            kept.clear();
        }
        let of_this = kept.entry(connection.id).or_default();
        of_this.insert(Box::from(path), (Arc::clone(&connection.base_url), target.clone()));
        Ok(target)
    })
}

/// The same for a path that is not asked for again, such as one with the name of an object.
pub(crate) fn once(policy: &Policy, connection: &Connection, path: &str) -> Result<Target, NoTarget> {
    let base = policy.check(&connection.base_url)?;
    Ok(match path.split_once('?') {
        Some((path, query)) => {
            query.split('&').try_fold(base.join(path)?, |target, member| target.asking(member))?
        }
        None => base.join(path)?,
    })
}
