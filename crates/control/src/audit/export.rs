//! The audit trail as NDJSON: one row a line, and a last line that signs all the others, so that a copy can be checked
//! away from here with the public key and nothing else. It writes lines and does not know where they go.

use data_encoding::{BASE64, HEXLOWER};
use domain::audit::chain::Link;
use serde::Serialize;
use store::audit::AuditFilter;
use store::{ReadFailed, Store};
use vault::digest::Sha256;
use vault::signing::SigningKeys;

/// Begins what is signed, followed by the SHA-256 of all lines before the last, newlines included.
const LABEL: &[u8] = b"portcullis/audit/export/1\0";

/// Why an export ended early; it then has no signature.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// The trail cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// A row cannot be written down, or its place does not take it.
    #[error("the export cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// A row as it is exported.
#[derive(Serialize)]
struct Line<'a> {
    seq: i64,
    at_us: i64,
    actor: Actor<'a>,
    action: &'a str,
    resource: &'a str,
    outcome: &'a str,
    request_id: &'a str,
    ip: &'a str,
    user_agent: &'a str,
    /// As it is under the hash: text.
    detail: &'a str,
    event: &'a str,
    prev: String,
    this: String,
}

#[derive(Serialize)]
struct Actor<'a> {
    kind: &'a str,
    id: &'a str,
    prefix: &'a str,
}

#[derive(Serialize)]
struct Last<'a> {
    signature: Signature<'a>,
}

#[derive(Serialize)]
struct Signature<'a> {
    algorithm: &'static str,
    key_id: &'a str,
    public_key: String,
    rows: u64,
    sha256: String,
    value: String,
}

/// Writes the rows that fit, and the line that signs them; says how many rows there were.
///
/// # Errors
/// [`NotExported`] when a row cannot be read or a line not be written.
pub async fn export(
    store: &Store,
    keys: &SigningKeys,
    filter: &AuditFilter,
    mut line: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<u64, NotExported> {
    let (mut lines, mut rows, mut last) = (Sha256::new(), 0, 0);
    loop {
        let page = store.audit().fitting(filter, last).await?;
        let Some(end) = page.last() else { break };
        last = end.seq;
        for link in &page {
            let text = format!("{}\n", serde_json::to_string(&written(link)).map_err(std::io::Error::other)?);
            lines.update(text.as_bytes());
            line(&text)?;
            rows += 1;
        }
    }
    let sha256 = lines.finish();
    let signature = Signature {
        algorithm: "ed25519",
        key_id: keys.id().as_str(),
        public_key: BASE64.encode(keys.public_key()),
        rows,
        sha256: HEXLOWER.encode(&sha256),
        value: BASE64.encode(&keys.sign(&signed_bytes(&sha256))),
    };
    let text = serde_json::to_string(&Last { signature }).map_err(std::io::Error::other)?;
    line(&format!("{text}\n"))?;
    Ok(rows)
}

/// The bytes that the signature of an export is for.
#[must_use]
pub fn signed_bytes(sha256: &[u8; 32]) -> Vec<u8> {
    [LABEL, sha256].concat()
}

fn written(link: &Link) -> Line<'_> {
    let entry = &link.entry;
    Line {
        seq: link.seq,
        at_us: entry.at.0,
        actor: Actor { kind: &entry.actor.kind, id: &entry.actor.id, prefix: &entry.actor.prefix },
        action: &entry.action,
        resource: &entry.resource,
        outcome: &entry.outcome,
        request_id: &entry.request_id,
        ip: &entry.ip,
        user_agent: &entry.user_agent,
        detail: &entry.detail,
        event: &entry.event,
        prev: HEXLOWER.encode(&link.prev),
        this: HEXLOWER.encode(&link.this),
    }
}
