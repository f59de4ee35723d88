//! Sealed secrets: a fresh data key for each, wrapped by the keyring's newest key or by a remote provider, and bound to
//! the row it is for, so that a sealed value copied elsewhere does not open. It does not know what the secret is or
//! where it is kept.

mod elsewhere;
mod parts;
mod prepared;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use domain::id::OrgId;
use domain::secret::Secret;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::entropy;
use crate::keyring::{KeyName, Keyring};
use crate::remote::{DataKeys, RemoteFailed, RemoteKey};
use parts::{Parts, WRAPPED_BYTES, Wrapping};

pub use elsewhere::Fetched;
pub use prepared::Prepared;

/// Most bytes of a secret worth sealing; a service-account file is about 2 KiB.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const DATA_KEY_BYTES: usize = 32;
const WRAP_LABEL: &[u8] = b"portcullis/vault/data-key/1\0";
const SEAL_LABEL: &[u8] = b"portcullis/vault/secret/1\0";
/// Stands in the place of a tenant for what belongs to the installation; no tenant's identifier is eight bytes long.
const PLATFORM: &[u8] = b"platform";

/// The row a secret belongs to. What was sealed for one row opens for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The tenant; `None` for the installation's own.
    pub org: Option<OrgId>,
    /// The row.
    pub record: Uuid,
    /// What the secret is for, such as `provider_key`.
    pub purpose: &'a str,
}

/// Why a secret was not sealed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealFailed {
    /// It is longer than [`MAX_SECRET_BYTES`].
    #[error("a secret has at most 65536 bytes")]
    TooLong,
    /// The cipher or the generator refused.
    #[error("the secret could not be sealed: no random bytes")]
    NoEntropy,
    /// The provider of its key did.
    #[error(transparent)]
    Remote(#[from] RemoteFailed),
}

/// A sealed value that does not open. It does not tell a wrong row from a wrong key or a changed byte: nobody who
/// needs the difference may learn it from here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the sealed value does not open with the keys and for the row given")]
pub struct DoesNotOpen;

/// Why a sealed value was not wrapped anew; it is as it was.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RewrapFailed {
    /// It does not open, so nothing vouches for it.
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),
    /// The cipher or the generator refused.
    #[error("the data key could not be wrapped: no random bytes")]
    NoEntropy,
    /// The provider of a key did.
    #[error(transparent)]
    Remote(#[from] RemoteFailed),
}

/// What wraps the data key of a sealed value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrappedBy {
    /// A key of the ring.
    Ring(KeyName),
    /// A key elsewhere.
    Remote(RemoteKey),
}

impl fmt::Display for WrappedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(name) => name.fmt(f),
            Self::Remote(key) => key.fmt(f),
        }
    }
}

/// Seals and opens secrets under one keyring, and opens what remote providers wrap while their data keys are kept.
pub struct Vault {
    keyring: Keyring,
    data_keys: Option<Arc<DataKeys>>,
}

impl Vault {
    /// A vault with these keys.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self { keyring, data_keys: None }
    }

    /// Seals `secret` for the row `bind`. Sealing the same secret twice gives different bytes.
    ///
    /// # Errors
    /// [`SealFailed`] when the secret is too long or there is no entropy.
    pub fn seal(&self, secret: &Secret, bind: &Bind<'_>) -> Result<Vec<u8>, SealFailed> {
        let mut bytes = vec![0; DATA_KEY_BYTES];
        entropy::fill(&mut bytes).map_err(|_| SealFailed::NoEntropy)?;
        let data_key = Secret::new(bytes);
        let (nonce, ciphertext) = encrypt_secret(&data_key, secret, bind)?;
        self.wrapped(&data_key, nonce.as_ref(), &ciphertext)
    }

    /// Opens what [`Vault::seal`] sealed for the same row. Only the key that the value names is tried.
    ///
    /// # Errors
    /// [`DoesNotOpen`] for any other row, a key that is not in the ring, or a changed byte.
    pub fn open(&self, sealed: &[u8], bind: &Bind<'_>) -> Result<Secret, DoesNotOpen> {
        let parts = Parts::read(sealed).ok_or(DoesNotOpen)?;
        let data_key = self.data_key(&parts)?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, data_key.open()).map_err(|_| DoesNotOpen)?;
        decrypt(&cipher, &bound_to(bind), parts.nonce, parts.ciphertext)
    }

    /// Wraps the data key of a sealed value with the newest key. The secret itself stays as it was encrypted; it is
    /// opened once, so that a value that is not of this row is not carried over to the new key.
    ///
    /// # Errors
    /// [`RewrapFailed`] when the value does not open for `bind`, or there is no entropy.
    pub fn rewrap(&self, sealed: &[u8], bind: &Bind<'_>) -> Result<Vec<u8>, RewrapFailed> {
        let parts = Parts::read(sealed).ok_or(DoesNotOpen)?;
        let data_key = self.data_key(&parts)?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, data_key.open()).map_err(|_| DoesNotOpen)?;
        decrypt(&cipher, &bound_to(bind), parts.nonce, parts.ciphertext)?;
        self.wrapped(&data_key, parts.nonce, parts.ciphertext).map_err(|_| RewrapFailed::NoEntropy)
    }

    /// Whether the newest key wrapped this value; if not, it should be wrapped anew before an older key is dropped.
    #[must_use]
    pub fn wrapped_by_newest(&self, sealed: &[u8]) -> bool {
        let is_newest = |parts: Parts<'_>| match parts.wrapping {
            Wrapping::Ring { key_id, .. } => key_id == self.keyring.newest().id,
            Wrapping::Remote { .. } => false,
        };
        Parts::read(sealed).is_some_and(is_newest)
    }

    /// Whether the key that wrapped this value is in the ring, or is none of the ring's business.
    #[must_use]
    pub fn holds_wrapper_of(&self, sealed: &[u8]) -> bool {
        let holds = |parts: Parts<'_>| match parts.wrapping {
            Wrapping::Ring { key_id, .. } => self.keyring.find(key_id).is_some(),
            Wrapping::Remote { .. } => true,
        };
        Parts::read(sealed).is_some_and(holds)
    }

    /// The names of the keys in the ring, newest first; never empty.
    #[must_use]
    pub fn key_names(&self) -> Vec<KeyName> {
        self.keyring.names()
    }

    /// The plaintext data key.
    fn data_key(&self, parts: &Parts<'_>) -> Result<Secret, DoesNotOpen> {
        match &parts.wrapping {
            Wrapping::Ring { key_id, nonce, wrapped } => {
                let wrapper = self.keyring.find(key_id).ok_or(DoesNotOpen)?;
                decrypt(&wrapper.key, &named(&wrapper.id), nonce, wrapped)
            }
            Wrapping::Remote { key, wrapped } => {
                self.data_keys.as_ref().and_then(|keys| keys.get(key, wrapped)).ok_or(DoesNotOpen)
            }
        }
    }

    /// The sealed value, its data key wrapped with the newest key of the ring.
    fn wrapped(&self, data_key: &Secret, nonce: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, SealFailed> {
        let wrapper = self.keyring.newest();
        let mut wrapped = Zeroizing::new(Vec::with_capacity(WRAPPED_BYTES));
        wrapped.extend_from_slice(data_key.open());
        let wrap_nonce = encrypt(&wrapper.key, &named(&wrapper.id), &mut wrapped)?;
        let wrapping = Wrapping::Ring { key_id: &wrapper.id, nonce: wrap_nonce.as_ref(), wrapped: &wrapped };
        Parts { wrapping, nonce, ciphertext }.write().ok_or(SealFailed::NoEntropy)
    }
}

/// The name of the key that wrapped this value; `None` when it is no sealed value.
#[must_use]
pub fn wrapped_by(sealed: &[u8]) -> Option<WrappedBy> {
    match Parts::read(sealed)?.wrapping {
        Wrapping::Ring { key_id, .. } => KeyName::read(key_id).map(WrappedBy::Ring),
        Wrapping::Remote { key, .. } => Some(WrappedBy::Remote(key)),
    }
}

/// The secret under a data key of its own: the nonce, and the ciphertext with its tag.
fn encrypt_secret(
    data_key: &Secret,
    secret: &Secret,
    bind: &Bind<'_>,
) -> Result<(Nonce, Zeroizing<Vec<u8>>), SealFailed> {
    if secret.open().len() > MAX_SECRET_BYTES {
        return Err(SealFailed::TooLong);
    }
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, data_key.open()).map_err(|_| SealFailed::NoEntropy)?;
    let mut text = Zeroizing::new(Vec::with_capacity(secret.open().len() + TAG_BYTES));
    text.extend_from_slice(secret.open());
    let nonce = encrypt(&cipher, &bound_to(bind), &mut text)?;
    Ok((nonce, text))
}

fn encrypt(key: &RandomizedNonceKey, aad: &[u8], text: &mut Vec<u8>) -> Result<Nonce, SealFailed> {
    key.seal_in_place_append_tag(Aad::from(aad), text).map_err(|_| SealFailed::NoEntropy)
}

fn decrypt(key: &RandomizedNonceKey, aad: &[u8], nonce: &[u8], sealed: &[u8]) -> Result<Secret, DoesNotOpen> {
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad), &mut buffer).map_err(|_| DoesNotOpen)?.len();
    buffer.truncate(length);
    Ok(Secret::new(std::mem::take(&mut buffer)))
}

fn named(key_id: &[u8]) -> Vec<u8> {
    [WRAP_LABEL, key_id].concat()
}

/// Every part is preceded by its length, so that no two rows have the same bytes.
fn bound_to(bind: &Bind<'_>) -> Vec<u8> {
    let org = bind.org.map(OrgId::uuid);
    let org = org.as_ref().map_or(PLATFORM, |uuid| uuid.as_bytes().as_slice());
    let mut out = SEAL_LABEL.to_vec();
    for part in [org, bind.record.as_bytes(), bind.purpose.as_bytes()] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}
