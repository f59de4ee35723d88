//! A sealed value whose data key is unwrapped and ready for use, so that every opening of it is one decryption. What is
//! sealed is not kept: it is decrypted for whoever asks, each time.

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use domain::secret::Secret;

use super::parts::{Parts, Wrapping};
use super::{Bind, DoesNotOpen, Vault, bound_to, decrypt};

/// The data key of one sealed value, and the row it is bound to.
pub struct Prepared {
    cipher: RandomizedNonceKey,
    bound: Vec<u8>,
}

impl Vault {
    /// Prepares to open what [`Vault::seal`] sealed for the row `bind`. None for a value that a remote provider wraps: its
    /// data key is kept for a bounded time and not here.
    ///
    /// # Errors
    /// [`DoesNotOpen`] for a key that is not in the ring, or a changed byte in what it wraps.
    pub fn prepare(&self, sealed: &[u8], bind: &Bind<'_>) -> Result<Option<Prepared>, DoesNotOpen> {
        let parts = Parts::read(sealed).ok_or(DoesNotOpen)?;
        if matches!(parts.wrapping, Wrapping::Remote { .. }) {
            return Ok(None);
        }
        let data_key = self.data_key(&parts)?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, data_key.open()).map_err(|_| DoesNotOpen)?;
        Ok(Some(Prepared { cipher, bound: bound_to(bind) }))
    }
}

impl Prepared {
    /// Opens `sealed`, which is the value that this was prepared for.
    ///
    /// # Errors
    /// [`DoesNotOpen`] for any other value or row, or a changed byte.
    pub fn open(&self, sealed: &[u8]) -> Result<Secret, DoesNotOpen> {
        let parts = Parts::read(sealed).ok_or(DoesNotOpen)?;
        decrypt(&self.cipher, &self.bound, parts.nonce, parts.ciphertext)
    }
}
