//! Proving the audit trail: every row from the first to the last, in archives and in the database, every signed head,
//! and that nothing is missing at the end. The first thing that is wrong is named.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use domain::audit::chain::{Broken, Fault, Link, Walk};
use store::audit::{Archived, Head, Kept, KeptHead};
use store::{ReadFailed, Store};
use vault::digest::sha256;
use vault::signing::{DoesNotHold, SigningKeys};

use super::head::signed_bytes;
use super::{archive, lines};

/// How the line begins that signs the others.
const SIGNATURE: &str = "{\"signature\":";

/// What was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The rows, from the first to the last, without those of archives that are not at hand.
    pub rows: u64,
    /// The hash of the last.
    pub this: [u8; 32],
    /// The signed heads.
    pub heads: u64,
    /// The rows after the last head, which no signature covers yet.
    pub unsigned: u64,
    /// Those of the rows that are in archives.
    pub archived: u64,
    /// The archives that were not at hand: their signed ends stand for their rows.
    pub absent: u64,
}

/// What is wrong with a signed head, or with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadFault {
    /// It is not there.
    Missing,
    /// It does not hold what a head holds.
    Changed,
    /// Its signature names a key that is not configured.
    UnknownKey,
    /// Its signature does not hold.
    Forged,
    /// It is genuine and the row it covers is not the one that was signed.
    Contradicts,
}

impl HeadFault {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::UnknownKey => "unknown_key",
            Self::Forged => "forged",
            Self::Contradicts => "contradicts",
        }
    }
}

/// Why the trail is not proved.
#[derive(Debug, thiserror::Error)]
pub enum NotProved {
    /// The chain breaks.
    #[error(
        "the audit trail is broken: row {} {}",
        .0.seq,
        match .0.fault {
            Fault::Changed => "does not say what was written",
            Fault::Missing => "is missing",
            Fault::Displaced => "is whole but does not follow the row before it: rows were removed or moved",
        }
    )]
    Row(Broken),
    /// A head does not hold.
    #[error(
        "the audit trail is broken: signed head {id} {}",
        match fault {
            HeadFault::Missing => "is missing".to_owned(),
            HeadFault::Changed => "does not hold what was written".to_owned(),
            HeadFault::UnknownKey => "is signed with a key that secrets.audit does not hold".to_owned(),
            HeadFault::Forged => "is forged or changed: its signature does not hold".to_owned(),
            HeadFault::Contradicts => format!("is genuine, but row {seq} is not the row that it signed"),
        }
    )]
    Head {
        /// The head's number.
        id: i64,
        /// The row it covers; zero where that is not known.
        seq: i64,
        /// What is wrong.
        fault: HeadFault,
    },
    /// An archive does not hold.
    #[error(
        "the audit trail is broken: archive {id} {}",
        match fault {
            HeadFault::Missing => "is missing in the database",
            HeadFault::Changed => "is not the file that was written",
            HeadFault::UnknownKey => "is signed with a key that secrets.audit does not hold",
            HeadFault::Forged => "is forged or changed: its signature does not hold",
            HeadFault::Contradicts => "does not follow the one before it, or does not end where it says",
        }
    )]
    Archive {
        /// The archive's number.
        id: i64,
        /// What is wrong.
        fault: HeadFault,
    },
    /// An archive is at hand and cannot be read.
    #[error("archive {id} of the audit trail cannot be read: {source}")]
    Unreadable {
        /// The archive's number.
        id: i64,
        /// What the system said.
        source: io::Error,
    },
    /// The database does not answer.
    #[error(transparent)]
    Read(#[from] ReadFailed),
}

impl From<Broken> for NotProved {
    fn from(broken: Broken) -> Self {
        Self::Row(broken)
    }
}

/// Proves the trail as far as it is in the database.
///
/// # Errors
/// [`NotProved`], with the first thing that is wrong.
pub async fn verify(
    store: &Store,
    keys: &SigningKeys,
    progress: impl FnMut(u64),
) -> Result<Proved, NotProved> {
    verify_with(store, keys, None, progress).await
}

/// Walks the whole trail, the archives that are in `folder` first, and says on the way how many rows are proved. Where
/// an archive is not at hand, its signed end in the database stands for its rows.
///
/// # Errors
/// [`NotProved`], with the first thing that is wrong.
pub async fn verify_with(
    store: &Store,
    keys: &SigningKeys,
    folder: Option<&Path>,
    mut progress: impl FnMut(u64),
) -> Result<Proved, NotProved> {
    loop {
        let through = store.audit().archived_through().await?;
        match prove(store, keys, folder, &mut progress).await {
            // Rows that went into an archive meanwhile are not missing.
            Err(NotProved::Row(Broken { fault: Fault::Missing, .. }))
                if store.audit().archived_through().await? > through => {}
            proved => return proved,
        }
    }
}

async fn prove(
    store: &Store,
    keys: &SigningKeys,
    folder: Option<&Path>,
    progress: &mut impl FnMut(u64),
) -> Result<Proved, NotProved> {
    let trail = store.audit();
    // What is read first bounds what must be found: rows and heads that come meanwhile are not asked for.
    let heads = genuine_heads(store, keys).await?;
    let (count, signed) = (count(heads.len()), heads.iter().map(|(_, head)| head.seq).max().unwrap_or(0));
    let highest = trail.highest().await?.max(signed);
    let archives = archive::genuine(store, keys).await?;
    let mut proof = Proof { walk: Walk::new(trail.hash()), heads, rows: 0 };
    let mut absent = 0;
    for (archive, id) in archives.iter().zip(1..) {
        match read(folder, archive).await.map_err(|source| NotProved::Unreadable { id, source })? {
            Some(text) => proof.archive(&text, archive).map_err(|fault| fault.of(id))?,
            None => {
                absent += 1;
                proof.pass(archive)?;
            }
        }
        progress(proof.rows);
    }
    let archived = proof.rows;
    prove_remainder(store, &archives).await?;
    loop {
        let page = trail.page(proof.walk.seq()).await?;
        if page.is_empty() {
            break;
        }
        for kept in &page {
            proof.kept(kept)?;
        }
        progress(proof.rows);
    }
    let walk = proof.walk;
    if walk.seq() < highest {
        return Err(Broken { seq: walk.seq().saturating_add(1), fault: Fault::Missing }.into());
    }
    let unsigned = u64::try_from(walk.seq().saturating_sub(signed)).unwrap_or(0);
    Ok(Proved { rows: proof.rows, this: walk.this(), heads: count, unsigned, archived, absent })
}

/// A proof on its way from row to row, past the heads that cover them.
struct Proof {
    walk: Walk,
    heads: VecDeque<(i64, Head)>,
    rows: u64,
}

/// What is wrong with an archive that is at hand.
enum Unfit {
    Row(NotProved),
    File(HeadFault),
}

impl Unfit {
    fn of(self, id: i64) -> NotProved {
        match self {
            Unfit::Row(row) => row,
            Unfit::File(fault) => NotProved::Archive { id, fault },
        }
    }
}

impl Proof {
    fn step(&mut self, link: &Link) -> Result<(), NotProved> {
        self.walk.step(link)?;
        self.rows += 1;
        while let Some((id, head)) = self.heads.pop_front_if(|(_, head)| head.seq <= self.walk.seq()) {
            if head.seq != self.walk.seq() || head.this != self.walk.this() {
                return Err(NotProved::Head { id, seq: head.seq, fault: HeadFault::Contradicts });
            }
        }
        Ok(())
    }

    fn kept(&mut self, kept: &Kept) -> Result<(), NotProved> {
        match &kept.link {
            Some(link) => self.step(link),
            None => {
                self.walk.reach(kept.seq)?;
                Err(Broken { seq: kept.seq, fault: Fault::Changed }.into())
            }
        }
    }

    /// The rows of an archive that is at hand.
    fn archive(&mut self, text: &str, archive: &Archived) -> Result<(), Unfit> {
        if sha256(text.as_bytes()).as_slice() != archive.sha256 {
            return Err(Unfit::File(HeadFault::Changed));
        }
        let lines = text.lines().filter(|line| !line.starts_with(SIGNATURE));
        for line in lines {
            let link = lines::read(line).ok_or(Unfit::File(HeadFault::Changed))?;
            self.step(&link).map_err(Unfit::Row)?;
        }
        if self.walk.seq() != archive.through_seq || self.walk.this() != archive.this.as_slice() {
            return Err(Unfit::File(HeadFault::Contradicts));
        }
        Ok(())
    }

    /// Goes on behind an archive that is not at hand. What its heads cover cannot be looked at, but for its end.
    fn pass(&mut self, archive: &Archived) -> Result<(), NotProved> {
        while let Some((id, head)) = self.heads.pop_front_if(|(_, head)| head.seq <= archive.through_seq) {
            if head.seq == archive.through_seq && head.this != archive.this {
                return Err(NotProved::Head { id, seq: head.seq, fault: HeadFault::Contradicts });
            }
        }
        self.walk = self.walk.moved(archive.through_seq, archive::end(std::slice::from_ref(archive)).1);
        Ok(())
    }
}

/// The rows of archives that are still in the table, because their removal was interrupted: they end where the archive
/// ends.
async fn prove_remainder(store: &Store, archives: &[Archived]) -> Result<(), NotProved> {
    let trail = store.audit();
    let (through, this) = archive::end(archives);
    let mut walk: Option<Walk> = None;
    loop {
        let last = walk.as_ref().map_or(0, Walk::seq);
        let page = trail.page(last).await?;
        let mut rows = page.into_iter().take_while(|kept| kept.seq <= through).peekable();
        if rows.peek().is_none() {
            break;
        }
        for kept in rows {
            let broken = Broken { seq: kept.seq, fault: Fault::Changed };
            let link = kept.link.ok_or(broken)?;
            let prev = link.prev.as_slice().try_into().map_err(|_| broken)?;
            walk.get_or_insert_with(|| Walk::behind(trail.hash(), link.seq.saturating_sub(1), prev))
                .step(&link)?;
        }
    }
    match walk {
        Some(walk) if walk.seq() != through || walk.this() != this => {
            Err(Broken { seq: through, fault: Fault::Displaced }.into())
        }
        _ => Ok(()),
    }
}

/// The text of an archive, if it is at hand.
async fn read(folder: Option<&Path>, archive: &Archived) -> io::Result<Option<String>> {
    let (Some(folder), Some(name)) = (folder, Path::new(&archive.file).file_name()) else { return Ok(None) };
    let path = folder.join(name);
    match tokio::task::spawn_blocking(move || std::fs::read(path)).await.map_err(io::Error::other)? {
        // Bytes that are no text are not those that were written.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Every head, by the row it covers, once its signature holds.
async fn genuine_heads(store: &Store, keys: &SigningKeys) -> Result<VecDeque<(i64, Head)>, NotProved> {
    let highest = store.audit().highest_head().await?;
    let mut heads = Vec::new();
    let mut last = 0;
    loop {
        let page = store.audit().heads(last).await?;
        if page.is_empty() {
            break;
        }
        for kept in page {
            let next = last + 1;
            if kept.id != next {
                return Err(NotProved::Head { id: next, seq: 0, fault: HeadFault::Missing });
            }
            last = kept.id;
            heads.push((kept.id, genuine(kept, keys)?));
        }
    }
    if last < highest {
        return Err(NotProved::Head { id: last + 1, seq: 0, fault: HeadFault::Missing });
    }
    heads.sort_by_key(|(id, head)| (head.seq, *id));
    Ok(heads.into())
}

fn genuine(KeptHead { id, head }: KeptHead, keys: &SigningKeys) -> Result<Head, NotProved> {
    let Some(head) = head else { return Err(NotProved::Head { id, seq: 0, fault: HeadFault::Changed }) };
    let signed = signed_bytes(head.seq, &head.this, head.signed_at);
    match keys.verify(&head.key_id, &signed, &head.signature) {
        Ok(()) => Ok(head),
        Err(held) => {
            let fault = match held {
                DoesNotHold::UnknownKey => HeadFault::UnknownKey,
                DoesNotHold::Forged => HeadFault::Forged,
            };
            Err(NotProved::Head { id, seq: head.seq, fault })
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
