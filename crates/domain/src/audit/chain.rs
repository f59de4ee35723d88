//! The rule of the chain: each row carries the hash of the one before it and its own,
//! `this = hash(prev ‖ canonical row)`. Walking the rows in order proves that none was changed, taken out or moved.

use super::Entry;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;
/// What the first row carries as the hash of the one before it.
pub const GENESIS: [u8; HASH_BYTES] = [0; HASH_BYTES];
/// Begins every canonical row: another form of rows gets another label.
const LABEL: &[u8] = b"portcullis/audit/row/2\0";

/// SHA-256 over parts that follow each other. Given, for this crate names no cipher.
pub type Hash = fn(&[&[u8]]) -> [u8; HASH_BYTES];

/// A row in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number, from one.
    pub seq: i64,
    /// What it says.
    pub entry: Entry,
    /// The hash of the row before it.
    pub prev: Vec<u8>,
    /// Its own.
    pub this: Vec<u8>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not say what it said when it was written.
    Changed,
    /// It is not there.
    Missing,
    /// It is whole and does not follow the row before it.
    Displaced,
}

impl Fault {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Displaced => "displaced",
        }
    }
}

/// The first row at which the chain breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("row {seq} is {}", .fault.word())]
pub struct Broken {
    /// The row.
    pub seq: i64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The bytes of a row that are hashed: the label, the time in eight bytes, and each text preceded by its length in
/// eight bytes, so that no two rows have the same bytes. Numbers are big-endian. The row's number is not among them:
/// the hash of the row before it fixes the place.
#[must_use]
pub fn canonical(entry: &Entry) -> Vec<u8> {
    let mut out = LABEL.to_vec();
    out.extend_from_slice(&entry.at.0.to_be_bytes());
    for text in [
        &entry.event,
        &entry.org,
        &entry.actor.kind,
        &entry.actor.id,
        &entry.actor.prefix,
        &entry.action,
        &entry.resource,
        &entry.outcome,
        &entry.request_id,
        &entry.ip,
        &entry.user_agent,
        &entry.detail,
    ] {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// The hash of a row that follows the one with the hash `prev`.
#[must_use]
pub fn seal(hash: Hash, prev: &[u8], entry: &Entry) -> [u8; HASH_BYTES] {
    hash(&[prev, &canonical(entry)])
}

/// A walk along the chain from its first row.
#[derive(Debug, Clone)]
pub struct Walk {
    hash: Hash,
    seq: i64,
    this: [u8; HASH_BYTES],
}

impl Walk {
    /// Before the first row.
    #[must_use]
    pub fn new(hash: Hash) -> Self {
        Self { hash, seq: 0, this: GENESIS }
    }

    /// Behind the row numbered `seq` with the hash `this`, which was proved elsewhere.
    #[must_use]
    pub fn behind(hash: Hash, seq: i64, this: [u8; HASH_BYTES]) -> Self {
        Self { hash, seq, this }
    }

    /// The same walk, behind a row that was proved elsewhere.
    #[must_use]
    pub fn moved(&self, seq: i64, this: [u8; HASH_BYTES]) -> Self {
        Self { hash: self.hash, seq, this }
    }

    /// The number of the last row that was proved; zero before the first.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// Its hash.
    #[must_use]
    pub fn this(&self) -> [u8; HASH_BYTES] {
        self.this
    }

    /// Proves the next row.
    ///
    /// # Errors
    /// [`Broken`], with the row at which the chain breaks.
    pub fn step(&mut self, link: &Link) -> Result<(), Broken> {
        self.reach(link.seq)?;
        let broken = |fault| Err(Broken { seq: link.seq, fault });
        let this = seal(self.hash, &link.prev, &link.entry);
        if this.as_slice() != link.this {
            return broken(Fault::Changed);
        }
        if link.prev != self.this {
            return broken(Fault::Displaced);
        }
        (self.seq, self.this) = (link.seq, this);
        Ok(())
    }

    /// Proves that the row numbered `seq` comes next: nothing is left out before it.
    ///
    /// # Errors
    /// [`Broken`], with the row that is not there.
    pub fn reach(&self, seq: i64) -> Result<(), Broken> {
        let next = self.seq.saturating_add(1);
        if seq == next { Ok(()) } else { Err(Broken { seq: next, fault: Fault::Missing }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::action::Action;
    use crate::audit::detail::Detail;
    use crate::audit::{Act, Actor};
    use crate::time::Timestamp;

    /// Enough of a hash to tell texts apart (FNV-1a, 64 bits, four times with another start).
    fn hash(parts: &[&[u8]]) -> [u8; HASH_BYTES] {
        let mut out = [0; HASH_BYTES];
        for (start, chunk) in (0u64..).zip(out.chunks_exact_mut(8)) {
            let state = parts
                .iter()
                .flat_map(|part| part.iter())
                .fold(0xcbf2_9ce4_8422_2325 ^ start, |state, byte| {
                    (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
                });
            chunk.copy_from_slice(&state.to_be_bytes());
        }
        out
    }

    fn chain(rows: i64) -> Vec<Link> {
        let mut prev = GENESIS;
        let link = |seq| {
            let act = Act::new(Actor::system("test"), Timestamp(seq));
            let entry = act.done(Action::ORG_CREATE, format!("org {seq}"), Detail::none().text("name", "x"));
            let this = seal(hash, &prev, &entry);
            let link = Link { seq, entry, prev: prev.to_vec(), this: this.to_vec() };
            prev = this;
            link
        };
        (1..=rows).map(link).collect()
    }

    fn walk(links: &[Link]) -> Result<i64, Broken> {
        let mut walk = Walk::new(hash);
        links.iter().try_for_each(|link| walk.step(link)).map(|()| walk.seq())
    }

    fn check(change: impl FnOnce(&mut Vec<Link>), seq: i64, fault: Fault) {
        let mut links = chain(5);
        change(&mut links);
        assert_eq!(walk(&links), Err(Broken { seq, fault }));
    }

    #[test]
    fn a_whole_chain_is_proved_and_any_breach_is_named() {
        assert_eq!(walk(&chain(5)), Ok(5));
        check(|links| drop(links.remove(2)), 3, Fault::Missing);
        check(|links| drop(links.remove(0)), 1, Fault::Missing);
        check(|links| links[1].entry.at.0 ^= 1, 2, Fault::Changed);
        check(|links| links[3].this[31] ^= 1, 4, Fault::Changed);
        check(|links| links[4].prev[0] ^= 1, 5, Fault::Changed);
        let swap = |links: &mut Vec<Link>| {
            links.swap(1, 2);
            (links[1].seq, links[2].seq) = (2, 3);
        };
        check(swap, 2, Fault::Displaced);
        let close_the_gap = |links: &mut Vec<Link>| {
            links.remove(1);
            links.iter_mut().zip(1..).for_each(|(link, seq)| link.seq = seq);
        };
        check(close_the_gap, 2, Fault::Displaced);
    }

    #[test]
    fn a_walk_goes_on_behind_a_row_that_was_proved_elsewhere() {
        let links = chain(5);
        let third = links[2].this.clone().try_into().unwrap();
        let go_on = |seq, this| {
            let mut walk = Walk::behind(hash, seq, this);
            links[3..].iter().try_for_each(|link| walk.step(link)).map(|()| walk.seq())
        };
        assert_eq!(go_on(3, third), Ok(5));
        assert_eq!(go_on(3, [7; HASH_BYTES]), Err(Broken { seq: 4, fault: Fault::Displaced }));
        assert_eq!(go_on(2, third), Err(Broken { seq: 3, fault: Fault::Missing }));
    }

    #[test]
    fn every_text_is_under_the_hash_and_none_can_pass_for_another() {
        let texts: [fn(&mut Entry) -> &mut String; 12] = [
            |entry| &mut entry.event,
            |entry| &mut entry.org,
            |entry| &mut entry.actor.kind,
            |entry| &mut entry.actor.id,
            |entry| &mut entry.actor.prefix,
            |entry| &mut entry.action,
            |entry| &mut entry.resource,
            |entry| &mut entry.outcome,
            |entry| &mut entry.request_id,
            |entry| &mut entry.ip,
            |entry| &mut entry.user_agent,
            |entry| &mut entry.detail,
        ];
        let blank = Act::new(Actor::system(""), Timestamp(0)).done(Action::ORG_CREATE, "", Detail::none());
        let mut seen = vec![canonical(&blank)];
        for text in texts {
            let mut entry = blank.clone();
            text(&mut entry).push('x');
            seen.push(canonical(&entry));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 13);
    }
}
