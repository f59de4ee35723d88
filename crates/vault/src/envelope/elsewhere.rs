//! Sealed values whose data key a remote provider wraps. Sealing and wrapping anew ask the provider and wait; opening
//! does not: it finds the data key among those that were fetched before, or the value does not open.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use domain::secret::Secret;
use domain::time::Timestamp;

use super::parts::{Parts, Wrapping};
use super::{
    Bind, DATA_KEY_BYTES, DoesNotOpen, RewrapFailed, SealFailed, Vault, bound_to, decrypt, encrypt_secret,
};
use crate::entropy;
use crate::remote::{DataKeys, Remote, RemoteFailed, RemoteKey, Renewed};

/// What fetching found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The ring wraps the value, so there was nothing to fetch.
    InTheRing,
    /// The data key was not here, or its time was over.
    Anew,
    /// It was here, and its time begins anew.
    Again,
}

impl Vault {
    /// The same vault, which opens what remote providers wrap with the data keys kept in `keys`.
    #[must_use]
    pub fn with_data_keys(self, keys: Arc<DataKeys>) -> Self {
        Self { data_keys: Some(keys), ..self }
    }

    /// Whether a remote provider wraps the data key of this value.
    #[must_use]
    pub fn is_remote(&self, sealed: &[u8]) -> bool {
        Parts::read(sealed).is_some_and(|parts| matches!(parts.wrapping, Wrapping::Remote { .. }))
    }

    /// When the data key of a remotely wrapped value has to be fetched again; `None` when that is due, or it never is.
    #[must_use]
    pub fn reachable_until(&self, sealed: &[u8]) -> Option<Timestamp> {
        match Parts::read(sealed)?.wrapping {
            Wrapping::Ring { .. } => None,
            Wrapping::Remote { key, wrapped } => self.data_keys.as_ref()?.ends_at(&key, wrapped),
        }
    }

    /// Seals `secret` for the row `bind` under a data key that `remote` wraps with `key`.
    ///
    /// # Errors
    /// [`SealFailed`] when the secret is too long, there is no entropy, or the provider does not do it.
    pub async fn seal_by(
        &self,
        remote: &dyn Remote,
        key: &RemoteKey,
        secret: &Secret,
        bind: &Bind<'_>,
    ) -> Result<Vec<u8>, SealFailed> {
        let mut bytes = vec![0; DATA_KEY_BYTES];
        entropy::fill(&mut bytes).map_err(|_| SealFailed::NoEntropy)?;
        let data_key = Secret::new(bytes);
        let (nonce, ciphertext) = encrypt_secret(&data_key, secret, bind)?;
        let wrapped = remote.wrap(key, &data_key).await?;
        let wrapping = Wrapping::Remote { key: key.clone(), wrapped: &wrapped };
        let sealed = Parts { wrapping, nonce: nonce.as_ref(), ciphertext: &ciphertext }.write();
        let sealed = sealed.ok_or_else(too_much)?;
        self.keep(key, &wrapped, data_key);
        Ok(sealed)
    }

    /// Fetches the data key of a value from its provider, so that it opens for as long as data keys are kept.
    ///
    /// # Errors
    /// [`RemoteFailed`] when the provider does not unwrap it. What was fetched before stays for its time.
    pub async fn fetch(&self, remote: &dyn Remote, sealed: &[u8]) -> Result<Fetched, RemoteFailed> {
        let Some(Parts { wrapping: Wrapping::Remote { key, wrapped }, .. }) = Parts::read(sealed) else {
            return Ok(Fetched::InTheRing);
        };
        let data_key = remote.unwrap(&key, wrapped).await?;
        if data_key.open().len() != DATA_KEY_BYTES {
            return Err(RemoteFailed::Refused("it gave something that is no data key".to_owned()));
        }
        let kept = self.data_keys.as_ref().is_some_and(|keys| keys.ends_at(&key, wrapped).is_some());
        self.keep(&key, wrapped, data_key);
        Ok(if kept { Fetched::Again } else { Fetched::Anew })
    }

    /// Wraps the data key of a sealed value with the newest version of `key`, whatever wraps it now; `None` when that
    /// is how it is. The secret stays as it was encrypted; it is opened once, as by [`Vault::rewrap`].
    ///
    /// # Errors
    /// [`RewrapFailed`] when the value does not open for `bind`, or the provider does not do it.
    pub async fn rewrap_by(
        &self,
        remote: &dyn Remote,
        key: &RemoteKey,
        sealed: &[u8],
        bind: &Bind<'_>,
    ) -> Result<Option<Vec<u8>>, RewrapFailed> {
        self.fetch(remote, sealed).await?;
        let parts = Parts::read(sealed).ok_or(DoesNotOpen)?;
        let data_key = self.data_key(&parts)?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, data_key.open()).map_err(|_| DoesNotOpen)?;
        decrypt(&cipher, &bound_to(bind), parts.nonce, parts.ciphertext)?;
        let rewrapped = match &parts.wrapping {
            Wrapping::Remote { key: present, wrapped } if present == key => {
                match remote.renew(key, wrapped).await? {
                    Renewed::Current => return Ok(None),
                    Renewed::Newer(rewrapped) => rewrapped,
                }
            }
            _ => remote.wrap(key, &data_key).await?,
        };
        let wrapping = Wrapping::Remote { key: key.clone(), wrapped: &rewrapped };
        let sealed = Parts { wrapping, ..parts }.write().ok_or_else(too_much)?;
        self.keep(key, &rewrapped, data_key);
        Ok(Some(sealed))
    }

    fn keep(&self, key: &RemoteKey, wrapped: &[u8], data_key: Secret) {
        if let Some(keys) = &self.data_keys {
            keys.put(key, wrapped, data_key);
        }
    }
}

fn too_much() -> RemoteFailed {
    RemoteFailed::Refused("it gave a wrapped key that is empty or too long".to_owned())
}
