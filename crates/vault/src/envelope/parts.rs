//! The bytes of a sealed value, in both of their versions.
//!
//! 1, wrapped by the ring: version 1 · key id 8 · nonce 12 · wrapped data key 32 + tag 16 · nonce 12 · secret n + tag 16.
//!
//! 2, wrapped elsewhere: version 1 · provider 1 · length 1 · key name · length 2 · wrapped data key · nonce 12 ·
//! secret n + tag 16. Lengths are big-endian.

use super::{DATA_KEY_BYTES, MAX_SECRET_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::keyring::KEY_ID_BYTES;
use crate::remote::RemoteKey;

pub(super) const RING: u8 = 1;
pub(super) const REMOTE: u8 = 2;
pub(super) const WRAPPED_BYTES: usize = DATA_KEY_BYTES + TAG_BYTES;
/// The Transit engine of HashiCorp Vault and OpenBao.
const TRANSIT: u8 = 1;
/// Most bytes of what a remote provider makes of a data key; under RSA-4096 they are 693.
const MAX_REMOTE_BYTES: usize = 1_024;

/// A sealed value, taken apart.
pub(super) struct Parts<'a> {
    pub wrapping: Wrapping<'a>,
    pub nonce: &'a [u8],
    pub ciphertext: &'a [u8],
}

/// How the data key is wrapped.
pub(super) enum Wrapping<'a> {
    Ring { key_id: &'a [u8], nonce: &'a [u8], wrapped: &'a [u8] },
    Remote { key: RemoteKey, wrapped: &'a [u8] },
}

impl<'a> Parts<'a> {
    pub fn read(sealed: &'a [u8]) -> Option<Self> {
        let (version, rest) = sealed.split_first()?;
        let (wrapping, rest) = match *version {
            RING => ring(rest)?,
            REMOTE => remote(rest)?,
            _ => return None,
        };
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES)?;
        let fits = (TAG_BYTES..=MAX_SECRET_BYTES + TAG_BYTES).contains(&ciphertext.len());
        fits.then_some(Self { wrapping, nonce, ciphertext })
    }

    /// The bytes; `None` when what a remote provider made has no place in them.
    pub fn write(&self) -> Option<Vec<u8>> {
        let head = match &self.wrapping {
            Wrapping::Ring { key_id, nonce, wrapped } => [&[RING][..], key_id, nonce, wrapped].concat(),
            Wrapping::Remote { key, wrapped } => {
                let name = key.name().as_bytes();
                let name_bytes = u8::try_from(name.len()).ok()?;
                let fits = (1..=MAX_REMOTE_BYTES).contains(&wrapped.len());
                let wrapped_bytes = u16::try_from(wrapped.len()).ok().filter(|_| fits)?.to_be_bytes();
                [&[REMOTE, TRANSIT, name_bytes][..], name, &wrapped_bytes, wrapped].concat()
            }
        };
        Some([head.as_slice(), self.nonce, self.ciphertext].concat())
    }
}

fn ring(rest: &[u8]) -> Option<(Wrapping<'_>, &[u8])> {
    let (key_id, rest) = rest.split_at_checked(KEY_ID_BYTES)?;
    let (nonce, rest) = rest.split_at_checked(NONCE_BYTES)?;
    let (wrapped, rest) = rest.split_at_checked(WRAPPED_BYTES)?;
    Some((Wrapping::Ring { key_id, nonce, wrapped }, rest))
}

fn remote(rest: &[u8]) -> Option<(Wrapping<'_>, &[u8])> {
    let ([provider, name_bytes], rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_bytes))?;
    let key = RemoteKey::of(std::str::from_utf8(name).ok()?)?;
    let (wrapped_bytes, rest) = rest.split_first_chunk()?;
    let wrapped_bytes = usize::from(u16::from_be_bytes(*wrapped_bytes));
    let (wrapped, rest) = rest.split_at_checked(wrapped_bytes)?;
    let fits = *provider == TRANSIT && (1..=MAX_REMOTE_BYTES).contains(&wrapped_bytes);
    fits.then_some((Wrapping::Remote { key, wrapped }, rest))
}
