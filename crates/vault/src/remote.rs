//! Keys that are kept elsewhere: a provider outside this process wraps and unwraps data keys, and what it unwrapped is
//! remembered for a bounded time. It does not know how a provider is reached.

mod data_keys;

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;

use domain::secret::Secret;

pub use data_keys::{DataKeys, MAX_DATA_KEYS};

/// Most characters of a key's name.
const NAME_CHARACTERS: usize = 64;
/// What stands before the name of a key of HashiCorp Vault's or OpenBao's Transit engine.
const TRANSIT: &str = "transit:";

/// A key at a remote provider: `transit:NAME`, the name of letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteKey(String);

/// A text that names no such key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a remote key is named as transit:NAME, with at most 64 letters, digits, dots, hyphens and underscores"
)]
pub struct NotARemoteKey;

impl RemoteKey {
    /// The name at the provider, without what stands before it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The key of this name, if it is one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=NAME_CHARACTERS).contains(&name.len()) && name.bytes().all(plain);
        (fits && !name.starts_with('.')).then(|| Self(name.to_owned()))
    }
}

impl FromStr for RemoteKey {
    type Err = NotARemoteKey;

    fn from_str(text: &str) -> Result<Self, NotARemoteKey> {
        text.strip_prefix(TRANSIT).and_then(Self::of).ok_or(NotARemoteKey)
    }
}

impl fmt::Display for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TRANSIT}{}", self.0)
    }
}

/// Why a remote provider did not do what it was asked. The texts hold nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteFailed {
    /// It cannot be reached, does not answer in time, or says that it cannot serve now.
    #[error("the key provider is unavailable: {0}")]
    Unavailable(String),
    /// It answered that it will not do it: the key is gone, or the right to use it.
    #[error("the key provider refused: {0}")]
    Refused(String),
}

/// What becomes of a wrapped key that is to be under the newest version of its remote key.
#[derive(Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It was.
    Current,
    /// It is now, in this form.
    Newer(Vec<u8>),
}

/// What a remote provider was asked, to be awaited.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, RemoteFailed>> + Send + 'a>>;

/// A provider of keys outside this process.
pub trait Remote: Send + Sync {
    /// Wraps a data key with `key`.
    fn wrap<'a>(&'a self, key: &'a RemoteKey, data_key: &'a Secret) -> Asked<'a, Vec<u8>>;

    /// Unwraps what `key` wrapped.
    fn unwrap<'a>(&'a self, key: &'a RemoteKey, wrapped: &'a [u8]) -> Asked<'a, Secret>;

    /// Wraps anew what `key` wrapped, if a newer version of it is there.
    fn renew<'a>(&'a self, key: &'a RemoteKey, wrapped: &'a [u8]) -> Asked<'a, Renewed>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["transit:acme", "transit:Acme_2.key-1", &format!("transit:{}", "a".repeat(64))] {
            assert_eq!(good.parse::<RemoteKey>().map(|key| key.to_string()).as_deref(), Ok(good));
        }
        for bad in
            ["", "acme", "transit:", "transit:a/b", "transit:..", "transit:a b", "kms:acme", "transit:ä"]
        {
            assert_eq!(bad.parse::<RemoteKey>(), Err(NotARemoteKey), "{bad}");
        }
        assert_eq!(format!("transit:{}", "a".repeat(65)).parse::<RemoteKey>(), Err(NotARemoteKey));
    }
}
