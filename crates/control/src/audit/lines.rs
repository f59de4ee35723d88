//! Rows of the audit trail as lines of JSON, written and read again, and the last line that signs all others. Where the
//! lines go is not known here.

use data_encoding::{BASE64, HEXLOWER};
use domain::audit::chain::Link;
use domain::audit::{Actor, Entry};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use vault::digest::Sha256;
use vault::signing::SigningKeys;

/// Begins what is signed, followed by the SHA-256 of all lines before the last, newlines included.
const LABEL: &[u8] = b"portcullis/audit/export/1\0";

/// A row as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: i64,
    /// The organization it concerns; empty for what concerns the installation.
    org: String,
    at_us: i64,
    actor: Actor,
    action: String,
    resource: String,
    outcome: String,
    request_id: String,
    ip: String,
    user_agent: String,
    /// As it is under the hash: text.
    detail: String,
    event: String,
    prev: String,
    this: String,
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

/// Lines that are being written, of which the last will sign the others.
pub(super) struct Lines {
    sum: Sha256,
    rows: u64,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { sum: Sha256::new(), rows: 0 }
    }

    /// How many there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// These rows as lines.
    pub(super) fn write(&mut self, links: &[Link]) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for link in links {
            text.push_str(&serde_json::to_string(&written(link))?);
            text.push('\n');
            self.rows += 1;
        }
        self.sum.update(text.as_bytes());
        Ok(text)
    }

    /// The line that signs the others.
    pub(super) fn sign(self, keys: &SigningKeys) -> Result<String, serde_json::Error> {
        let sha256 = self.sum.finish();
        let signature = Signature {
            algorithm: "ed25519",
            key_id: keys.id().as_str(),
            public_key: BASE64.encode(keys.public_key()),
            rows: self.rows,
            sha256: HEXLOWER.encode(&sha256),
            value: BASE64.encode(&keys.sign(&signed_bytes(&sha256))),
        };
        Ok(serde_json::to_string(&Last { signature })? + "\n")
    }
}

/// The bytes that the signature of lines is for.
#[must_use]
pub fn signed_bytes(sha256: &[u8; 32]) -> Vec<u8> {
    [LABEL, sha256].concat()
}

/// Reads a line; `None` when it is none.
pub(super) fn read(line: &str) -> Option<Link> {
    let line: Line = serde_json::from_str(line).ok()?;
    Some(Link {
        seq: line.seq,
        entry: Entry {
            event: line.event,
            org: line.org,
            at: Timestamp(line.at_us),
            actor: line.actor,
            action: line.action,
            resource: line.resource,
            outcome: line.outcome,
            request_id: line.request_id,
            ip: line.ip,
            user_agent: line.user_agent,
            detail: line.detail,
            claim: None,
        },
        prev: HEXLOWER.decode(line.prev.as_bytes()).ok()?,
        this: HEXLOWER.decode(line.this.as_bytes()).ok()?,
    })
}

fn written(link: &Link) -> Line {
    let entry = link.entry.clone();
    Line {
        seq: link.seq,
        org: entry.org,
        at_us: entry.at.0,
        actor: entry.actor,
        action: entry.action,
        resource: entry.resource,
        outcome: entry.outcome,
        request_id: entry.request_id,
        ip: entry.ip,
        user_agent: entry.user_agent,
        detail: entry.detail,
        event: entry.event,
        prev: HEXLOWER.encode(&link.prev),
        this: HEXLOWER.encode(&link.this),
    }
}
