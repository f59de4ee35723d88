//! How many files and sockets the process may hold open: as many as the system lets it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the gate needs besides its connections: databases, journals, listeners, logs.
const HOUSEHOLD: u64 = 256;

/// Raises the soft limit to the hard one, and warns when that is too little for `connections` from callers and as
/// many to providers.
pub fn raise(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    if let Err(failed) =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%failed, "the limit on open files cannot be raised");
    }
    let allowed = getrlimit(Resource::Nofile).current;
    let wanted = 2 * u64::try_from(connections).unwrap_or(u64::MAX / 2) + HOUSEHOLD;
    if allowed.is_some_and(|allowed| allowed < wanted) {
        tracing::warn!(
            allowed,
            wanted,
            "fewer files may be open than network.max_connections needs; raise the limit (ulimit -n, LimitNOFILE)"
        );
    }
}
