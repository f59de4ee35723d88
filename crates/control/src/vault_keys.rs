//! The encryption keys against what the store keeps: whether they are the right ones, and what each of them still
//! wraps. It never sees a secret and does not know where keys come from.

pub mod rotate;
pub mod sealer;
pub mod transit;

use std::collections::BTreeMap;

use domain::secret::Secret;
use domain::time::Timestamp;
use store::Store;
use store::sealed_values::{CHECK, SealedValue};
use vault::entropy::{self, NoEntropy};
use vault::envelope::{Bind, SealFailed, Vault, WrappedBy, wrapped_by};

/// What is sealed to know the right keys by. It is no secret: that it opens is what it tells.
const CHECK_TEXT: &[u8] = b"portcullis";

/// Why the encryption keys were not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotProved {
    /// They open nothing of this installation.
    #[error(
        "the encryption keys are not those of this database: what key {wrapped_by} wrapped does not open. Put that \
         key back into secrets.encryption_keys, or restore the key file that belongs to this database; if it is \
         lost, so are the provider keys, and only a new installation helps"
    )]
    WrongKeys {
        /// The name of the key that is missing, if the value still has one.
        wrapped_by: String,
    },
    /// The check value could not be made.
    #[error("the check value of the encryption keys cannot be made: {0}")]
    Seal(#[from] SealFailed),
    /// The check value could not be named.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The store does not answer.
    #[error(transparent)]
    Read(#[from] store::ReadFailed),
    /// The store cannot be written.
    #[error(transparent)]
    Write(#[from] store::WriteFailed),
}

/// What a sealed value of the store is bound to.
#[must_use]
pub fn bind(value: &SealedValue) -> Bind<'static> {
    Bind { org: value.owner, record: value.record, purpose: value.purpose }
}

/// Whether there is a check value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckValue {
    /// There is, and it opens.
    Opens,
    /// The first start has not made it yet.
    NotMade,
}

/// Tries `vault` on the check value and makes none.
///
/// # Errors
/// [`NotProved::WrongKeys`] when it does not open, [`NotProved::Read`] when the store does not answer.
pub async fn examine(store: &Store, vault: &Vault) -> Result<CheckValue, NotProved> {
    match store.sealed_values().check().await? {
        Some(check) => opens(vault, &check).map(|()| CheckValue::Opens),
        None => Ok(CheckValue::NotMade),
    }
}

/// Proves that `vault` holds the keys of this installation by opening its check value. The first time there is none:
/// then one is made, unless there are sealed values and not one of them opens.
///
/// # Errors
/// [`NotProved::WrongKeys`] when the keys are others; the rest when the store fails.
pub async fn prove(store: &Store, vault: &Vault, now: Timestamp) -> Result<(), NotProved> {
    if examine(store, vault).await? == CheckValue::Opens {
        return Ok(());
    }
    refuse_strangers(store, vault).await?;
    let record = entropy::uuid_v7(now)?;
    let bind = Bind { org: None, record, purpose: CHECK };
    let sealed = vault.seal(&Secret::new(CHECK_TEXT.to_vec()), &bind)?;
    store.sealed_values().keep_check(record, &sealed, now).await?;
    // Another process may have been first, with other keys.
    examine(store, vault).await.map(drop)
}

fn opens(vault: &Vault, value: &SealedValue) -> Result<(), NotProved> {
    match vault.open(&value.sealed, &bind(value)) {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong(value)),
    }
}

fn wrong(value: &SealedValue) -> NotProved {
    let name = wrapped_by(&value.sealed).map_or_else(|| "(unreadable)".to_owned(), |name| name.to_string());
    NotProved::WrongKeys { wrapped_by: name }
}

async fn refuse_strangers(store: &Store, vault: &Vault) -> Result<(), NotProved> {
    let mut refused = None;
    let mut pages = Pages::new(store);
    while let Some(page) = pages.next().await? {
        // What a provider outside wraps says nothing of the ring.
        for value in page.iter().filter(|value| !vault.is_remote(&value.sealed)) {
            match opens(vault, value) {
                Ok(()) => return Ok(()),
                Err(stranger) => refused = Some(stranger),
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

/// How many sealed values each key wraps, the check value among them; `None` counts what names no key.
///
/// # Errors
/// The store's, when it does not answer.
pub async fn census(store: &Store) -> Result<BTreeMap<Option<WrappedBy>, u64>, store::ReadFailed> {
    let mut counts = BTreeMap::new();
    let mut count = |value: &SealedValue| *counts.entry(wrapped_by(&value.sealed)).or_insert(0) += 1;
    store.sealed_values().check().await?.iter().for_each(&mut count);
    let mut pages = Pages::new(store);
    while let Some(page) = pages.next().await? {
        page.iter().for_each(&mut count);
    }
    Ok(counts)
}

/// What would no longer open if `next` took the place of `present`, by the names people gave.
///
/// # Errors
/// The store's, when it does not answer.
pub async fn lost(store: &Store, present: &Vault, next: &Vault) -> Result<Vec<String>, store::ReadFailed> {
    let is_lost = |value: &SealedValue| {
        present.holds_wrapper_of(&value.sealed) && !next.holds_wrapper_of(&value.sealed)
    };
    let mut lost = Vec::new();
    lost.extend(store.sealed_values().check().await?.filter(is_lost).map(|value| value.label));
    let mut pages = Pages::new(store);
    while let Some(page) = pages.next().await? {
        lost.extend(page.into_iter().filter(is_lost).map(|value| value.label));
    }
    Ok(lost)
}

/// Walks the sealed values page by page; what is added behind the walker is not seen.
pub(crate) struct Pages<'a> {
    store: &'a Store,
    after: Option<SealedValue>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, after: None }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Vec<SealedValue>>, store::ReadFailed> {
        let page = self.store.sealed_values().page(self.after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.clone());
        Ok(Some(page))
    }
}
