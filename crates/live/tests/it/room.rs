//! Room in the journal: what a full one refuses, and what it still takes.

use std::path::Path;

use domain::usage::Event;
use live::outbox::{Full, Settings};

use crate::calls::{copy_of, drain, eventually, open, opened, settle, settled, small};
use crate::outbox::{complete, start};

#[test]
fn a_record_may_be_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, _reader) =
        start(dir.path(), Settings { segment_bytes: 1 << 20, max_bytes: 8 << 20, ..small() });
    let mut large = opened(1);
    large.trace.as_mut().unwrap().model_asked = "m".repeat(5_000);
    assert_eq!(outbox.append(&Event::Opened(large.clone())).unwrap_err(), Full::Record);
    let mut call = settled(1);
    call.opened = large;
    assert!(outbox.append(&Event::Settled(call.clone())).is_ok());
    call.model = "m".repeat(70_000);
    assert_eq!(outbox.append(&Event::Settled(call)).unwrap_err(), Full::Record);
    assert!(outbox.ready(), "one caller's record says nothing about the others");
}

/// Fills a journal that cannot grow, and expects every call that was let in to be settled all the same.
fn check_reserve(settings: Settings, stop_growth: impl Fn(&Path), expect: Full) {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), settings);
    stop_growth(dir.path());
    let mut open_calls = Vec::new();
    let refused = loop {
        let call = u128::try_from(open_calls.len()).unwrap();
        match outbox.append(&Event::Opened(opened(call))) {
            Ok(_) => open_calls.push(call),
            Err(full) => break full,
        }
        assert!(open_calls.len() < 10_000, "it never gets full");
    };
    assert_eq!(refused, expect);
    assert!(!outbox.ready());
    // Only half a segment is promised; so many calls are open at most in this test.
    let can_settle = open_calls.len().min(4);
    open_calls.iter().take(can_settle).for_each(|call| settle(&outbox, *call));
    assert_eq!(drain(&mut reader).0.len(), can_settle);
}

#[test]
fn openings_are_refused_before_settlements() {
    let bounded = Settings { max_bytes: 3 * 2_048, ..small() };
    check_reserve(bounded, |_| (), Full::Bound);
    check_reserve(small(), |dir| std::fs::remove_dir_all(dir).unwrap(), Full::Disk);
}

#[test]
fn posting_makes_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { max_bytes: 3 * 2_048, ..small() });
    let mut call = 0;
    // A spare segment may be on its way while an append is refused: the journal is full when both say so.
    eventually("a full journal", || match outbox.append(&Event::Settled(settled(call))) {
        Ok(_) => {
            call += 1;
            false
        }
        Err(_) => !outbox.ready(),
    });
    let (calls, positions) = drain(&mut reader);
    assert_eq!(calls, complete(0..call));
    reader.confirm(&[positions[&0]]).unwrap();
    eventually("new room", || outbox.ready());
    open(&outbox, call);
}

#[test]
fn a_full_journal_opens_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let bounded = Settings { max_bytes: 3 * 2_048, ..small() };
    let (outbox, reader) = start(dir.path(), bounded.clone());
    let mut call = 0;
    while outbox.append(&Event::Opened(opened(call))).is_ok() {
        call += 1;
    }
    let copy = copy_of(dir.path());
    drop((outbox, reader));
    let (_outbox, mut reader) = start(copy.path(), bounded);
    assert_eq!(drain(&mut reader).0.len(), usize::try_from(call).unwrap());
}
