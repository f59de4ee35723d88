//! The journal: order, durability, recovery.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use domain::usage::{Event, Outcome, Pace};
use live::outbox::{NotDelivered, OpenFailed, Outbox, Position, Reader, Settings, Sync};

use crate::calls::{
    copy_of, drain, eventually, open, opened, records, segments, settle, settled, small, told,
};

pub fn start(dir: &Path, settings: Settings) -> (Outbox, Reader) {
    Outbox::open(dir, settings).unwrap()
}

pub fn complete(calls: impl IntoIterator<Item = u128>) -> Vec<(u128, Outcome)> {
    calls.into_iter().map(|call| (call, Outcome::Complete)).collect()
}

#[test]
fn settled_calls_come_in_order_and_leave_when_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    for call in 0..40 {
        open(&outbox, call);
        settle(&outbox, call);
    }
    assert_eq!(outbox.backlog(), 40);
    let (calls, positions) = drain(&mut reader);
    assert_eq!(calls, complete(0..40));
    assert_eq!(outbox.backlog(), 40, "read is not posted");
    reader.confirm(&[positions[&0]]).unwrap();
    assert_eq!((outbox.backlog(), reader.open_calls()), (0, 0));
    assert!(reader.try_next(10).unwrap().is_none());
    eventually("removing the posted segments", || segments(dir.path()).len() == 2);
}

#[test]
fn records_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    settle(&outbox, 7);
    assert_eq!(reader.try_next(1).unwrap().unwrap().settled, [settled(7)]);
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_another_thread() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 3, ..small() });
    let waiting = tokio::spawn(async move {
        let mut calls = Vec::new();
        while calls.len() < 30 {
            calls.extend(reader.next(4).await.unwrap().settled.iter().map(told));
        }
        calls
    });
    let writer = tokio::task::spawn_blocking(move || (0..30).for_each(|call| settle(&outbox, call)));
    let mut calls = waiting.await.unwrap();
    writer.await.unwrap();
    calls.sort_unstable_by_key(|(call, _)| *call);
    assert_eq!(calls, complete(0..30));
}

#[test]
fn threads_write_side_by_side_and_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 3, segment_bytes: 8_192, ..small() });
    let mut calls = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let outbox = &outbox;
            scope.spawn(move || {
                for call in thread * 100..(thread + 1) * 100 {
                    open(outbox, call);
                    settle(outbox, call);
                }
            });
        }
        while calls.len() < 600 {
            if let Some(batch) = reader.try_next(50).unwrap() {
                calls.extend(batch.settled.iter().map(told));
                reader.confirm(&batch.positions).unwrap();
            }
        }
    });
    calls.sort_unstable_by_key(|(call, _)| *call);
    assert_eq!(calls, complete(0..600));
    assert!(reader.try_next(1).unwrap().is_none());
    assert_eq!((outbox.backlog(), reader.open_calls()), (0, 0));
}

#[test]
fn a_call_settled_by_another_thread_is_closed_whichever_lane_is_read_first() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 4, ..small() });
    let mut positions = std::collections::BTreeMap::new();
    for call in 0..24 {
        // Threads take their lanes in turn, so that openings and settlements meet in every combination.
        std::thread::scope(|scope| {
            scope.spawn(|| open(&outbox, call));
        });
        if call % 2 == 0 {
            positions.extend(drain(&mut reader).1);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| settle(&outbox, call));
        });
    }
    positions.extend(drain(&mut reader).1);
    // Reading on brings the last openings.
    settle(&outbox, 99);
    positions.extend(drain(&mut reader).1);
    reader.confirm(&positions.into_values().collect::<Vec<_>>()).unwrap();
    assert_eq!(reader.open_calls(), 0);
}

#[test]
fn what_was_not_confirmed_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    (0..20).for_each(|call| settle(&outbox, call));
    let first = reader.try_next(8).unwrap().unwrap();
    reader.confirm(&first.positions).unwrap();
    assert!(reader.try_next(5).unwrap().is_some());
    drop((outbox, reader));
    let settings = Settings { confirmed: first.positions, ..small() };
    let (outbox, mut reader) = start(dir.path(), settings.clone());
    assert_eq!(outbox.backlog(), 12);
    let (calls, positions) = drain(&mut reader);
    assert_eq!(calls, complete(8..20));
    reader.confirm(&[positions[&0]]).unwrap();
    assert_eq!(outbox.backlog(), 0);
    drop((outbox, reader));
    let (_outbox, mut reader) = start(dir.path(), Settings { confirmed: vec![positions[&0]], ..settings });
    assert!(drain(&mut reader).0.is_empty());
}

#[test]
fn calls_left_open_are_settled_as_interrupted_once() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, reader) = start(dir.path(), small());
    for call in 0..20 {
        open(&outbox, call);
        if call % 2 == 0 {
            settle(&outbox, call);
        }
    }
    let odd = || (1..20).step_by(2).map(|call| (call, Outcome::Interrupted));
    let expect: Vec<_> = complete((0..20).step_by(2)).into_iter().chain(odd()).collect();
    // Killed twice before anything was posted: the journal settled them once.
    let first = copy_of(dir.path());
    drop((outbox, reader));
    let (outbox, mut reader) = start(first.path(), small());
    assert_eq!(drain(&mut reader).0, expect);
    let second = copy_of(first.path());
    drop((outbox, reader));
    let (outbox, mut reader) = start(second.path(), small());
    assert_eq!(outbox.backlog(), 20);
    let (calls, positions) = drain(&mut reader);
    assert_eq!(calls, expect);
    let batch_of = |call: u128| calls.iter().filter(|(told, _)| *told == call).count();
    assert!((0..20).all(|call| batch_of(call) == 1));
    reader.confirm(&[positions[&0]]).unwrap();
    assert_eq!(reader.open_calls(), 0);
    drop((outbox, reader));
    let (_outbox, mut reader) = start(second.path(), Settings { confirmed: vec![positions[&0]], ..small() });
    assert!(drain(&mut reader).0.is_empty());
}

#[test]
fn an_interrupted_call_is_billed_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, reader) = start(dir.path(), small());
    open(&outbox, 5);
    let copy = copy_of(dir.path());
    drop((outbox, reader));
    let (_outbox, mut reader) = start(copy.path(), small());
    let call = reader.try_next(9).unwrap().unwrap().settled.remove(0);
    assert_eq!(call.opened, opened(5));
    assert_eq!((call.outcome, call.cost.nanos(), call.tokens.total()), (Outcome::Interrupted, 0, 0));
    assert_eq!((call.opened.trace.unwrap().pace, call.source.word()), (Pace::default(), "none"));
}

#[test]
fn an_open_call_keeps_its_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    open(&outbox, 1_000);
    let first = segments(dir.path()).remove(0);
    for call in 0..30 {
        settle(&outbox, call);
        let batch = reader.try_next(9).unwrap().unwrap();
        reader.confirm(&batch.positions).unwrap();
    }
    eventually("removing all but the held segment", || segments(dir.path()).len() == 3);
    assert!(segments(dir.path()).contains(&first));
    settle(&outbox, 1_000);
    let batch = reader.try_next(9).unwrap().unwrap();
    assert!(segments(dir.path()).contains(&first), "read is not posted");
    reader.confirm(&batch.positions).unwrap();
    eventually("removing the held segment", || !segments(dir.path()).contains(&first));
}

#[test]
fn an_orderly_stop_after_everything_was_posted_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 2, ..small() });
    for call in 0..20 {
        open(&outbox, call);
        settle(&outbox, call);
    }
    let positions: Vec<Position> = drain(&mut reader).1.into_values().collect();
    reader.confirm(&positions).unwrap();
    drop((reader, outbox));
    assert!(segments(dir.path()).is_empty());
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 2, confirmed: positions, ..small() });
    settle(&outbox, 77);
    assert_eq!(drain(&mut reader).0, complete([77]), "a new segment is never mistaken for a confirmed one");
}

#[test]
fn a_record_written_after_the_reader_left_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    settle(&outbox, 1);
    let positions: Vec<Position> = drain(&mut reader).1.into_values().collect();
    reader.confirm(&positions).unwrap();
    drop(reader);
    settle(&outbox, 2);
    drop(outbox);
    let (_outbox, mut reader) = start(dir.path(), Settings { confirmed: positions, ..small() });
    assert_eq!(drain(&mut reader).0, complete([2]));
}

#[test]
fn only_what_was_delivered_can_be_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    settle(&outbox, 1);
    let early = Position { lane: 0, segment: 1, offset: 40 };
    assert_eq!(reader.confirm(&[early]), Err(NotDelivered(early)));
    let nowhere = Position { lane: 9, segment: 0, offset: 0 };
    assert_eq!(reader.confirm(&[nowhere]), Err(NotDelivered(nowhere)));
    assert_eq!(outbox.backlog(), 1);
}

#[test]
fn two_processes_cannot_share_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let held = start(dir.path(), small());
    assert!(matches!(Outbox::open(dir.path(), small()), Err(OpenFailed::InUse(_))));
    drop(held);
    assert!(Outbox::open(dir.path(), small()).is_ok());
}

#[test]
fn only_its_user_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("made").join("here");
    let _held = start(&journal, small());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&journal), 0o700);
    for entry in journal.read_dir().unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

/// Changes the first segment of a journal with one settled call and opens it again.
fn check_refused(change: impl Fn(&mut Vec<u8>), expect: impl Fn(&OpenFailed) -> bool) {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, reader) = start(dir.path(), small());
    settle(&outbox, 1);
    drop((outbox, reader));
    let path = dir.path().join(segments(dir.path()).remove(0));
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    let refused = Outbox::open(dir.path(), small()).err().unwrap();
    assert!(expect(&refused), "{refused}");
    assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused} names the file");
}

#[test]
fn files_of_another_format_refuse_to_open() {
    check_refused(|bytes| bytes[8] = 2, |refused| matches!(refused, OpenFailed::Newer { found: 2, .. }));
    check_refused(|bytes| bytes[0] = b'X', |refused| matches!(refused, OpenFailed::NotASegment(_)));
    check_refused(|bytes| bytes[10] = 3, |refused| matches!(refused, OpenFailed::NotASegment(_)));
    let newer_record = |bytes: &mut Vec<u8>| {
        let (start, end, _) = records(bytes).remove(0);
        bytes[start + 8] = 9;
        let crc = crc32fast::hash(&bytes[start + 8..end]);
        bytes[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    };
    check_refused(newer_record, |refused| matches!(refused, OpenFailed::Newer { found: 9, .. }));
}

#[test]
fn settings_out_of_range_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for settings in [
        Settings { lanes: 0, ..small() },
        Settings { lanes: 65, ..small() },
        Settings { segment_bytes: 100, ..small() },
        Settings { segment_bytes: 2_049, ..small() },
        Settings { max_bytes: 4_096, ..small() },
        Settings { sync: Sync::Every(std::time::Duration::ZERO), ..small() },
        Settings { confirmed: vec![Position { lane: 0, segment: u64::MAX, offset: 0 }], ..small() },
    ] {
        assert!(matches!(Outbox::open(dir.path(), settings), Err(OpenFailed::Setting(_))));
    }
}

#[test]
fn damage_costs_the_rest_of_its_segment_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, reader) = start(dir.path(), small());
    (0..30).for_each(|call| settle(&outbox, call));
    drop((outbox, reader));
    let path = dir.path().join(segments(dir.path()).remove(0));
    let mut bytes = std::fs::read(&path).unwrap();
    let in_first = records(&bytes).len();
    let (start_of_third, ..) = records(&bytes)[2];
    bytes[start_of_third + 20] ^= 0x40;
    std::fs::write(&path, &bytes).unwrap();
    let (outbox, mut reader) = start(dir.path(), small());
    let lost = u128::try_from(in_first).unwrap();
    assert_eq!(outbox.backlog(), 32 - u64::try_from(in_first).unwrap());
    let batch = reader.try_next(100).unwrap().unwrap();
    assert_eq!(batch.settled.iter().map(told).collect::<Vec<_>>(), complete((0..2).chain(lost..30)));
    assert_eq!((batch.damaged, reader.damaged()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn waiting_for_the_disk_ends_for_everyone() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 2, sync: Sync::Always, ..small() });
    let waiting: Vec<_> = (0..40)
        .map(|call| {
            let outbox = outbox.clone();
            tokio::spawn(async move {
                let ticket = outbox.append(&Event::Settled(settled(call))).unwrap();
                outbox.durable(ticket).await
            })
        })
        .collect();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert_eq!(drain(&mut reader).0.len(), 40);
}

#[tokio::test]
async fn without_always_nobody_waits_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, _reader) = start(dir.path(), small());
    let ticket = outbox.append(&Event::Opened(opened(1))).unwrap();
    outbox.durable(ticket).await.unwrap();
    outbox.sync().unwrap();
}
