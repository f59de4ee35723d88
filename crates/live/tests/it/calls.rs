//! Calls to record, and a look at a journal's files that shares no code with the journal.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use domain::id::{CallId, KeyId, OrgId, ProjectId};
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::time::Timestamp;
use domain::usage::{CallOpened, CallSettled, Event, Outcome, Pace, Surface, Trace, UsageSource};
use live::outbox::{Batch, Outbox, Position, Reader, Settings, Sync};
use uuid::Uuid;

/// Small segments, one lane, and no sync in the background unless a test asks for it.
pub fn small() -> Settings {
    Settings {
        lanes: 1,
        segment_bytes: 2_048,
        max_bytes: 1 << 20,
        sync: Sync::Every(Duration::from_secs(3_600)),
        ..Settings::default()
    }
}

pub fn opened(call: u128) -> CallOpened {
    let id = Uuid::from_u128(call);
    CallOpened {
        call: CallId::new(id),
        org: OrgId::new(id),
        project: ProjectId::new(id),
        key: KeyId::new(id),
        surface: Surface::Chat,
        started_at: Timestamp(1_700_000_000_000_000),
        trace: Some(Trace {
            request_id: format!("request-{call}"),
            model_asked: "openai/gpt-x".to_owned(),
            streamed: true,
            pace: Pace::default(),
        }),
    }
}

pub fn settled(call: u128) -> CallSettled {
    CallSettled {
        opened: opened(call),
        provider_key: None,
        route_mode: None,
        provider: "openai".to_owned(),
        model: "gpt-x".to_owned(),
        outcome: Outcome::Complete,
        tokens: Tokens { input: 12, output: 34, ..Tokens::default() },
        units: Units::default(),
        source: UsageSource::Provider,
        cost: Money::from_nanos(567),
        pricing: "priced".to_owned(),
        price_version: "2026-11".to_owned(),
    }
}

pub fn open(outbox: &Outbox, call: u128) {
    let _ticket = outbox.append(&Event::Opened(opened(call))).unwrap();
}

pub fn settle(outbox: &Outbox, call: u128) {
    let _ticket = outbox.append(&Event::Settled(settled(call))).unwrap();
}

/// The call's number and how it ended.
pub fn told(settled: &CallSettled) -> (u128, Outcome) {
    (settled.opened.call.uuid().as_u128(), settled.outcome)
}

/// Everything that can be read now, and the positions after it.
pub fn drain(reader: &mut Reader) -> (Vec<(u128, Outcome)>, BTreeMap<u16, Position>) {
    let (mut calls, mut positions) = (Vec::new(), BTreeMap::new());
    while let Some(Batch { settled, positions: after, .. }) = reader.try_next(3).unwrap() {
        calls.extend(settled.iter().map(told));
        positions.extend(after.into_iter().map(|position| (position.lane, position)));
    }
    (calls, positions)
}

/// The segments in a folder by name.
pub fn segments(dir: &Path) -> Vec<String> {
    let names = dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".segment")).collect();
    names.sort_unstable();
    names
}

/// A copy of a folder's segments as they are at this moment, which is what a killed process leaves behind.
pub fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in segments(dir) {
        // A confirmed segment may be removed in the background just now.
        if let Err(cause) = std::fs::copy(dir.join(&name), copy.path().join(&name)) {
            assert_eq!(cause.kind(), std::io::ErrorKind::NotFound);
        }
    }
    copy
}

/// The records of a segment: where each begins and ends, padding left out, and its event.
pub fn records(bytes: &[u8]) -> Vec<(usize, usize, Event)> {
    let (mut at, mut records) = (32, Vec::new());
    while at + 8 <= bytes.len() {
        let length = usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
        if length == 0 {
            break;
        }
        let end = at + 8 + length;
        records.push((at, end, postcard::from_bytes(&bytes[at + 9..end]).unwrap()));
        at = end.next_multiple_of(8);
    }
    records
}

/// Waits for what a thread of the outbox does in the background.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = std::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(std::time::Instant::now() < limit, "{what} did not come about");
        std::thread::yield_now();
    }
}
