//! Heads: the end of the chain at an instant, signed, so that whoever can write the database but has no signing key
//! cannot write another history. Each head is logged as well: kept elsewhere, it also shows when heads are gone.

use data_encoding::{BASE64, HEXLOWER};
use domain::time::Timestamp;
use store::Store;
use store::audit::Head;
use vault::signing::SigningKeys;

/// Begins what is signed: no signature of anything else can pass for that of a head.
const LABEL: &[u8] = b"portcullis/audit/head/1\0";

/// A head could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// The end of the chain is not known.
    #[error(transparent)]
    Read(#[from] store::ReadFailed),
    /// The head is not kept.
    #[error(transparent)]
    Write(#[from] store::WriteFailed),
}

/// The bytes that a head's signature is for. Numbers are big-endian; the hash has its length before it, for it comes
/// out of the database.
pub(super) fn signed_bytes(seq: i64, this: &[u8], signed_at: Timestamp) -> Vec<u8> {
    let length = u64::try_from(this.len()).unwrap_or(u64::MAX);
    [LABEL, &seq.to_be_bytes(), &signed_at.0.to_be_bytes(), &length.to_be_bytes(), this].concat()
}

/// Signs the end of the chain, unless the last head covers it already.
///
/// # Errors
/// [`NotSigned`] when the database fails.
pub async fn sign(store: &Store, keys: &SigningKeys, now: Timestamp) -> Result<Option<Head>, NotSigned> {
    let trail = store.audit();
    let Some((seq, this)) = trail.end().await? else { return Ok(None) };
    if trail.covered().await? == seq {
        return Ok(None);
    }
    let signature = keys.sign(&signed_bytes(seq, &this, now));
    let head = Head { seq, this, signed_at: now, key_id: keys.id().to_string(), signature };
    trail.keep_head(&head).await?;
    tracing::info!(
        row = head.seq,
        hash = HEXLOWER.encode(&head.this),
        signed_at_us = head.signed_at.0,
        key_id = head.key_id,
        signature = BASE64.encode(&head.signature),
        "the head of the audit trail is signed"
    );
    Ok(Some(head))
}
