//! Archives: whole segments of the audit trail, proved and then moved to files, so that rows past their time leave the
//! table and the chain stays provable. What is kept of a segment in the database is signed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::chain::{Broken, Fault, GENESIS, HASH_BYTES, Walk};
use domain::audit::detail::Detail;
use domain::time::Timestamp;
use store::audit::{Archived, KeptArchive};
use store::{ReadFailed, Store, WriteFailed};
use vault::digest::sha256;
use vault::signing::{DoesNotHold, SigningKeys};

use super::lines::Lines;
use super::verify::{HeadFault, NotProved};

/// Begins what is signed: no signature of anything else can pass for that of an archive.
const LABEL: &[u8] = b"portcullis/audit/archive/1\0";
/// Most rows of a file, where a signed head is so near.
pub const MAX_ROWS: u32 = 5_000;

/// Why a segment was not archived.
#[derive(Debug, thiserror::Error)]
pub enum NotArchived {
    /// It is broken, and stays where it is.
    #[error(transparent)]
    Broken(#[from] NotProved),
    /// The trail cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// It is not kept that the segment is in a file.
    #[error(transparent)]
    Write(#[from] WriteFailed),
    /// A row cannot be written down.
    #[error("a row of the audit trail cannot be written down: {0}")]
    Line(#[from] serde_json::Error),
    /// The file is not written.
    #[error("the archive {} cannot be written: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Archives one segment of rows that were all written before `before`, up to a signed head, and keeps that it did. The
/// rows may be removed from then on.
///
/// # Errors
/// [`NotArchived`] when the segment is broken, or something cannot be read or written; then everything is as it was.
pub async fn archive(
    store: &Store,
    keys: &SigningKeys,
    folder: &Path,
    before: Timestamp,
    act: &Act,
) -> Result<Option<Archived>, NotArchived> {
    let trail = store.audit();
    let Some((through_seq, this)) = trail.archivable(before, MAX_ROWS).await? else { return Ok(None) };
    let (last, prev) = end(&genuine(store, keys).await?);
    let from_seq = last.saturating_add(1);
    let file = format!("audit-{from_seq}-{through_seq}.ndjson");
    let text = proved_lines(store, keys, Walk::behind(trail.hash(), last, prev), through_seq, &this).await?;
    let sum = sha256(text.as_bytes()).to_vec();
    write(folder.to_owned(), file.clone(), text).await?;
    let mut archive = Archived {
        from_seq,
        through_seq,
        this,
        file,
        sha256: sum,
        archived_at: act.at,
        key_id: keys.id().to_string(),
        signature: Vec::new(),
    };
    archive.signature = keys.sign(&signed_bytes(&archive));
    let count = |seq: i64| u64::try_from(seq).unwrap_or_default();
    let detail = Detail::none()
        .number("from", count(from_seq))
        .number("through", count(through_seq))
        .text("file", &archive.file);
    trail.keep_archive(&archive, &act.done(Action::AUDIT_ARCHIVE, "audit", detail)).await?;
    tracing::info!(from_seq, through_seq, file = archive.file, "a segment of the audit trail is archived");
    Ok(Some(archive))
}

/// The rows up to `through`, which has the hash `this`, as signed lines.
async fn proved_lines(
    store: &Store,
    keys: &SigningKeys,
    mut walk: Walk,
    through: i64,
    this: &[u8],
) -> Result<String, NotArchived> {
    let (mut lines, mut text) = (Lines::new(), String::new());
    while walk.seq() < through {
        let page = store.audit().page(walk.seq()).await?;
        let mut links = Vec::with_capacity(page.len());
        for kept in page.into_iter().take_while(|kept| kept.seq <= through) {
            let seq = kept.seq;
            let link = kept.link.ok_or(NotProved::Row(Broken { seq, fault: Fault::Changed }))?;
            walk.step(&link).map_err(NotProved::Row)?;
            links.push(link);
        }
        if links.is_empty() {
            return Err(
                NotProved::Row(Broken { seq: walk.seq().saturating_add(1), fault: Fault::Missing }).into()
            );
        }
        text.push_str(&lines.write(&links)?);
    }
    if walk.this() != this {
        return Err(NotProved::Row(Broken { seq: through, fault: Fault::Displaced }).into());
    }
    text.push_str(&lines.sign(keys)?);
    Ok(text)
}

/// Writes a file that is there whole or not at all, for nobody else to read.
async fn write(folder: PathBuf, name: String, text: String) -> Result<(), NotArchived> {
    let path = folder.join(name);
    let place = path.clone();
    let written = tokio::task::spawn_blocking(move || {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let fresh = place.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &place)?;
        File::open(&folder)?.sync_all()
    });
    written
        .await
        .unwrap_or_else(|died| Err(io::Error::other(died)))
        .map_err(|source| NotArchived::File { path, source })
}

/// The bytes that the signature of an archive is for. Numbers are big-endian, and what has no fixed length has its
/// length before it.
fn signed_bytes(archive: &Archived) -> Vec<u8> {
    let mut bytes = LABEL.to_vec();
    for number in [archive.from_seq, archive.through_seq, archive.archived_at.0] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    for part in [archive.this.as_slice(), archive.sha256.as_slice(), archive.file.as_bytes()] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Every archive in its order, once its signature holds and it follows the one before it.
pub(super) async fn genuine(store: &Store, keys: &SigningKeys) -> Result<Vec<Archived>, NotProved> {
    let highest = store.audit().highest_archive().await?;
    let kept = store.audit().archives().await?;
    let mut found: Vec<Archived> = Vec::with_capacity(kept.len());
    for (KeptArchive { id, archived }, expected) in kept.into_iter().zip(1..) {
        let broken = |fault| NotProved::Archive { id: expected, fault };
        if id != expected {
            return Err(broken(HeadFault::Missing));
        }
        let archive = archived.ok_or(broken(HeadFault::Changed))?;
        match keys.verify(&archive.key_id, &signed_bytes(&archive), &archive.signature) {
            Ok(()) => {}
            Err(DoesNotHold::UnknownKey) => return Err(broken(HeadFault::UnknownKey)),
            Err(DoesNotHold::Forged) => return Err(broken(HeadFault::Forged)),
        }
        if archive.from_seq != end(&found).0.saturating_add(1) || archive.this.len() != HASH_BYTES {
            return Err(broken(HeadFault::Contradicts));
        }
        found.push(archive);
    }
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    if count < highest {
        return Err(NotProved::Archive { id: count.saturating_add(1), fault: HeadFault::Missing });
    }
    Ok(found)
}

/// The number and the hash of the last row that is in a file.
pub(super) fn end(archives: &[Archived]) -> (i64, [u8; HASH_BYTES]) {
    let last = archives.last().map(|archive| (archive.through_seq, archive.this.as_slice().try_into()));
    last.map_or((0, GENESIS), |(seq, this)| (seq, this.unwrap_or(GENESIS)))
}
