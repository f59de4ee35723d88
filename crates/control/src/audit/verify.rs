//! Proving the audit trail: every row from the first to the last, every signed head, and that nothing is missing at the
//! end. The first thing that is wrong is named.

use std::collections::VecDeque;

use domain::audit::chain::{Broken, Fault, Walk};
use store::audit::{Head, Kept, KeptHead};
use store::{ReadFailed, Store};
use vault::signing::{DoesNotHold, SigningKeys};

use super::head::signed_bytes;

/// What was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The rows, from the first to the last.
    pub rows: u64,
    /// The hash of the last.
    pub this: [u8; 32],
    /// The signed heads.
    pub heads: u64,
    /// The rows after the last head, which no signature covers yet.
    pub unsigned: u64,
}

/// What is wrong with a signed head.
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
    /// The database does not answer.
    #[error(transparent)]
    Read(#[from] ReadFailed),
}

impl From<Broken> for NotProved {
    fn from(broken: Broken) -> Self {
        Self::Row(broken)
    }
}

/// Walks the whole trail page by page and says after each page how many rows are proved.
///
/// # Errors
/// [`NotProved`], with the first thing that is wrong.
pub async fn verify(
    store: &Store,
    keys: &SigningKeys,
    mut progress: impl FnMut(u64),
) -> Result<Proved, NotProved> {
    let trail = store.audit();
    // What is read first bounds what must be found: rows and heads that come meanwhile are not asked for.
    let mut heads = genuine_heads(store, keys).await?;
    let highest = trail.highest().await?.max(heads.iter().map(|(_, head)| head.seq).max().unwrap_or(0));
    let (count, signed) = (count(heads.len()), heads.iter().map(|(_, head)| head.seq).max().unwrap_or(0));
    let mut walk = Walk::new(trail.hash());
    let mut rows = 0;
    loop {
        let page = trail.page(walk.seq()).await?;
        if page.is_empty() {
            break;
        }
        for kept in &page {
            step(&mut walk, kept)?;
            rows += 1;
            while let Some((id, head)) = heads.pop_front_if(|(_, head)| head.seq <= walk.seq()) {
                if head.seq != walk.seq() || head.this != walk.this() {
                    return Err(NotProved::Head { id, seq: head.seq, fault: HeadFault::Contradicts });
                }
            }
        }
        progress(rows);
    }
    if walk.seq() < highest {
        return Err(Broken { seq: walk.seq().saturating_add(1), fault: Fault::Missing }.into());
    }
    let unsigned = u64::try_from(walk.seq().saturating_sub(signed)).unwrap_or(0);
    Ok(Proved { rows, this: walk.this(), heads: count, unsigned })
}

fn step(walk: &mut Walk, kept: &Kept) -> Result<(), Broken> {
    match &kept.link {
        Some(link) => walk.step(link),
        None => {
            walk.reach(kept.seq)?;
            Err(Broken { seq: kept.seq, fault: Fault::Changed })
        }
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
