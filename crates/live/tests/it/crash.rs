//! Any sequence of records, a crash at any byte: what was whole is read, in order, and nothing else.

use std::collections::BTreeSet;

use domain::id::CallId;
use domain::usage::{Event, Outcome};
use live::outbox::{Outbox, Position, Settings};
use proptest::prelude::*;

use crate::calls::{copy_of, drain, open, records, segments, settle, small};

/// One step of a run.
#[derive(Debug, Clone)]
enum Step {
    Open,
    /// Settles an open call: the n-th, counted around.
    Settle(usize),
    /// Settles a call that was never opened.
    SettleUnopened,
    /// Reads at most so many calls, and confirms them or not.
    Read(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Open),
        3 => (0usize..50).prop_map(Step::Settle),
        1 => Just(Step::SettleUnopened),
        2 => (1usize..9, any::<bool>()).prop_map(|(max, confirm)| Step::Read(max, confirm)),
    ];
    proptest::collection::vec((any::<bool>(), step), 1..80)
}

/// What a run left behind.
#[derive(Default)]
struct Left {
    open: Vec<u128>,
    settled: BTreeSet<u128>,
    confirmed_calls: BTreeSet<u128>,
    confirmed: Vec<Position>,
    next: u128,
}

/// Runs the steps; those marked run in a thread of their own, which is to say in another lane.
fn run(outbox: &Outbox, reader: &mut live::outbox::Reader, steps: &[(bool, Step)]) -> Left {
    let mut left = Left::default();
    let elsewhere = |apart: bool, work: &(dyn Fn() + std::marker::Sync)| {
        if apart {
            std::thread::scope(|scope| {
                scope.spawn(work);
            });
        } else {
            work();
        }
    };
    // Delivered and not confirmed yet: a later confirmation covers them.
    let (mut delivered, mut reached) = (Vec::new(), Vec::<Position>::new());
    for (apart, step) in steps {
        match step {
            Step::Open => {
                elsewhere(*apart, &|| open(outbox, left.next));
                left.open.push(left.next);
                left.next += 1;
            }
            Step::Settle(index) if !left.open.is_empty() => {
                let call = left.open.remove(index % left.open.len());
                elsewhere(*apart, &|| settle(outbox, call));
                left.settled.insert(call);
            }
            Step::Settle(_) => {}
            Step::SettleUnopened => {
                elsewhere(*apart, &|| settle(outbox, left.next));
                left.settled.insert(left.next);
                left.next += 1;
            }
            Step::Read(max, confirm) => {
                let Some(batch) = reader.try_next(*max).unwrap() else { continue };
                assert!(batch.settled.len() <= *max);
                delivered.extend(batch.settled.iter().map(|call| call.opened.call.uuid().as_u128()));
                for position in batch.positions {
                    reached.retain(|known| known.lane != position.lane);
                    reached.push(position);
                }
                if *confirm {
                    reader.confirm(&reached).unwrap();
                    left.confirmed.clone_from(&reached);
                    left.confirmed_calls.extend(delivered.drain(..));
                }
            }
        }
    }
    left
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_at_any_byte_leaves_every_whole_record_before_it(
        steps in steps(), lanes in 1u16..4, segment in 1u32..5,
        file in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), zeroed in any::<bool>()
    ) {
        let settings = Settings { lanes, segment_bytes: segment * 1_024, ..small() };
        let dir = tempfile::tempdir().unwrap();
        let (outbox, mut reader) = Outbox::open(dir.path(), settings.clone()).unwrap();
        let written: Vec<_> = steps.into_iter().filter(|(_, step)| !matches!(step, Step::Read(..))).collect();
        run(&outbox, &mut reader, &written);
        let copy = copy_of(dir.path());
        drop((outbox, reader));

        let names = segments(copy.path());
        let struck = file.get(&names);
        let (mut whole, mut opened) = (Vec::new(), Vec::new());
        for name in &names {
            let path = copy.path().join(name);
            let original = std::fs::read(&path).unwrap();
            let mut bytes = original.clone();
            if name == struck {
                // Where records are, rather than in the empty rest.
                let end = records(&original).last().map_or(64, |(_, end, _)| end + 8);
                let at = 32 + cut.index(end - 32);
                if zeroed { bytes[at..].fill(0) } else { bytes.truncate(at) }
                std::fs::write(&path, &bytes).unwrap();
            }
            let kept = records(&original).into_iter().take_while(|(from, to, _)| bytes.get(*from..*to) == Some(&original[*from..*to]));
            for (_, _, event) in kept {
                let number = |call: CallId| call.uuid().as_u128();
                match event {
                    Event::Opened(call) => opened.push(number(call.call)),
                    Event::Settled(call) => whole.push(number(call.opened.call)),
                    _ => unreachable!("none was written"),
                }
            }
        }
        let orphans: BTreeSet<u128> = opened.into_iter().filter(|call| !whole.contains(call)).collect();

        let (_outbox, mut reader) = Outbox::open(copy.path(), settings).unwrap();
        let calls = drain(&mut reader).0;
        let ended = |outcome| calls.iter().filter(move |call| call.1 == outcome).map(|call| call.0);
        prop_assert_eq!(ended(Outcome::Complete).collect::<Vec<_>>(), whole);
        let mut interrupted: Vec<u128> = ended(Outcome::Interrupted).collect();
        interrupted.sort_unstable();
        prop_assert_eq!(interrupted, orphans.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(reader.damaged(), 0, "a torn tail is no damage");
    }

    #[test]
    fn a_killed_run_goes_on_where_the_store_stands(steps in steps(), lanes in 1u16..4, segment in 1u32..4) {
        let settings = Settings { lanes, segment_bytes: segment * 1_024, ..small() };
        let dir = tempfile::tempdir().unwrap();
        let (outbox, mut reader) = Outbox::open(dir.path(), settings.clone()).unwrap();
        let left = run(&outbox, &mut reader, &steps);
        let copy = copy_of(dir.path());
        let rest: BTreeSet<u128> = left.settled.difference(&left.confirmed_calls).copied().collect();
        drop((outbox, reader));
        let (outbox, mut reader) = Outbox::open(copy.path(), Settings { confirmed: left.confirmed, ..settings }).unwrap();
        let backlog = outbox.backlog();
        let calls = drain(&mut reader).0;
        prop_assert_eq!(backlog, u64::try_from(calls.len()).unwrap());
        let mut complete: Vec<u128> = calls.iter().filter(|call| call.1 == Outcome::Complete).map(|call| call.0).collect();
        complete.sort_unstable();
        prop_assert_eq!(complete, rest.into_iter().collect::<Vec<_>>());
        // A call whose settlement is posted and gone may be told again as interrupted; the store knows it by its id.
        let interrupted: BTreeSet<u128> = calls.iter().filter(|call| call.1 == Outcome::Interrupted).map(|call| call.0).collect();
        let news: Vec<u128> = interrupted.difference(&left.confirmed_calls).copied().collect();
        let mut open = left.open.clone();
        open.sort_unstable();
        prop_assert_eq!(news, open);
    }

    #[test]
    fn any_bytes_in_a_segment_are_survived(noise in proptest::collection::vec(any::<u8>(), 0..3_000), keep in 0usize..600) {
        let dir = tempfile::tempdir().unwrap();
        let (outbox, reader) = Outbox::open(dir.path(), small()).unwrap();
        (0..4).for_each(|call| settle(&outbox, call));
        drop((outbox, reader));
        let path = dir.path().join(segments(dir.path()).remove(0));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(32 + keep);
        bytes.extend(noise);
        std::fs::write(&path, &bytes).unwrap();
        let (_outbox, mut reader) = Outbox::open(dir.path(), small()).unwrap();
        prop_assert!(drain(&mut reader).0.len() <= 4);
    }
}
