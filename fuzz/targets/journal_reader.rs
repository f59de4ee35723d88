//! An outbox opened on segments that hold anything: it opens or says why not, delivers every whole record once and
//! in order, and nothing that is not a whole record with its checksum.
//!
//! The input: a byte of choices, then steps that write the segments: any bytes, framed payloads, real events, zeroes,
//! a turned bit, a cut, another segment. A second reading of the files, which shares no code with the journal, says what is
//! to be delivered.

#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use domain::audit::Entry;
use domain::file;
use domain::id::CallId;
use domain::money::Money;
use domain::usage::{CallOpened, CallSettled, Event, Outcome};
use fuzz::allowance;
use fuzz::events::{entry, kept, opened, settled};
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use live::outbox::{Batch, MAX_SETTLED_BYTES, OpenFailed, Outbox, Position, Settings, Sync};

const SEGMENT_BYTES: u32 = 2_048;
/// Bytes that one segment may have here.
const MAX_FILE_BYTES: usize = 16 << 10;
const MAX_FILES: usize = 3;
/// Memory that opening and reading may take: the files once or twice, and what their records say.
const MEMORY_BYTES: usize = 4 << 20;
/// More records than so many bytes can hold, those that recovery adds included.
const MOST_RECORDS: usize = MAX_FILES * MAX_FILE_BYTES / 16;
const HEADER_BYTES: usize = 32;
const RECORD_HEAD_BYTES: usize = 8;
/// The version of a payload with a call.
const CALL: u8 = 5;
/// The newest version of a payload.
const NEWEST: u8 = 8;
/// That of a batch, which has a form of its own.
const BATCHED: u8 = 8;
/// That of a file.
const FILED: u8 = 7;
/// That of an entry of the audit trail.
const NOTED: u8 = 4;
/// That of calls as an earlier release wrote them.
const FORMER_CALL: u8 = 3;

/// One folder for the whole run, in memory where the machine has such a place.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder for the segments")
}

thread_local! {
    static FOLDER: RefCell<tempfile::TempDir> = RefCell::new(folder());
}

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let choices = script.byte();
    let starts_anywhere = choices & 1 != 0;
    let confirmed = if starts_anywhere { vec![position(&mut script), position(&mut script)] } else { vec![] };
    let files = segments(&mut script, choices);
    FOLDER.with_borrow(|folder| {
        empty(folder.path());
        for file in &files {
            std::fs::write(folder.path().join(&file.name), &file.bytes).expect("a segment is written");
        }
        let reading = Reading::of(&files);
        let delivered = allowance::within(MEMORY_BYTES, || delivered(folder.path(), confirmed, &reading));
        match delivered {
            Some(_) if reading.former => {}
            Some(delivered) if starts_anywhere => check_origin(&files, &reading, &delivered),
            Some(delivered) => check_all(&reading, &delivered),
            None => {}
        }
    });
});

struct File {
    name: String,
    lane: u16,
    number: u32,
    bytes: Vec<u8>,
}

fn position(script: &mut Script<'_>) -> Position {
    let lane = u16::from(script.byte() & 1);
    let segment = u64::from(script.byte() & 3);
    Position { lane, segment, offset: u64::try_from(script.number()).unwrap_or_default() }
}

fn empty(folder: &Path) {
    for entry in folder.read_dir().expect("the folder lists") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("a segment is removed");
    }
}

/// Writes segments as the script says.
fn segments(script: &mut Script<'_>, choices: u8) -> Vec<File> {
    // Where numbers start, the last ones among them.
    let first = [0, 7, u32::MAX - 3, u32::MAX - 1][usize::from(choices >> 1 & 3)];
    let mut files = vec![blank(0, first)];
    while !script.is_over() {
        let step = script.byte();
        let full = files.len() == MAX_FILES;
        let file = files.last_mut().expect("there is a segment");
        match step & 7 {
            0 => file.bytes.extend_from_slice(script.bytes(usize::from(step >> 3))),
            1 => {
                let length = usize::from(script.byte());
                append(&mut file.bytes, script.bytes(length));
            }
            2 => append_event(&mut file.bytes, &Event::Opened(opened(script))),
            3 => append_event(&mut file.bytes, &Event::Settled(settled(script))),
            4 if step >> 3 == 0 => append_event(&mut file.bytes, &Event::Noted(entry(script))),
            4 if step >> 3 == 31 => append_event(&mut file.bytes, &Event::Filed(kept(script))),
            4 => file.bytes.resize(file.bytes.len() + 8 * usize::from(step >> 3), 0),
            5 => {
                let bit = script.number() % (8 * file.bytes.len());
                file.bytes[bit / 8] ^= 1 << (bit % 8);
            }
            6 if !full => {
                let lane = u16::from(step >> 3 & 1);
                let number = if step >> 4 & 1 == 0 { file.number.saturating_add(1) } else { file.number };
                if files.iter().all(|file| (file.lane, file.number) != (lane, number)) {
                    files.push(blank(lane, number));
                }
            }
            _ => {
                let length = file.bytes.len().saturating_sub(usize::from(script.byte()));
                file.bytes.truncate(length.max(1));
            }
        }
        files.iter_mut().for_each(|file| file.bytes.truncate(MAX_FILE_BYTES));
    }
    files
}

/// A segment with its header and nothing else.
fn blank(lane: u16, number: u32) -> File {
    let mut bytes = b"PCOUTBOX".to_vec();
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(lane.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(SEGMENT_BYTES.to_le_bytes());
    bytes.resize(HEADER_BYTES - 4, 0);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    File { name: format!("{lane:02}-{number:010}.segment"), lane, number, bytes }
}

fn append(bytes: &mut Vec<u8>, payload: &[u8]) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(u32::try_from(payload.len()).expect("a length").to_le_bytes());
    bytes.extend(crc32fast::hash(payload).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

fn append_event(bytes: &mut Vec<u8>, event: &Event) {
    append(bytes, &payload_of(event));
}

fn payload_of(event: &Event) -> Vec<u8> {
    let version = match event {
        Event::Noted(_) => NOTED,
        Event::Filed(_) => FILED,
        _ => CALL,
    };
    postcard::to_extend(event, vec![version]).expect("an event is written down")
}

/// What the files say to a reader of their own.
#[derive(Default)]
struct Reading {
    /// A header that is not that of its segment, or of a newer format.
    bad_header: bool,
    /// A record of a newer version.
    newer_record: bool,
    /// A record of a release before: those are read by a table of their own, with tests of its own.
    former: bool,
    /// Whole settlements, in the order of lanes, segments and places.
    settled: Vec<CallSettled>,
    /// Whole entries of the audit trail, in the same order.
    noted: Vec<Entry>,
    /// Whole records of kept files, in the same order.
    filed: Vec<file::File>,
    /// Openings and settlements of each call.
    counts: BTreeMap<CallId, (u32, u32)>,
    openings: BTreeMap<CallId, CallOpened>,
}

impl Reading {
    fn of(files: &[File]) -> Self {
        let mut reading = Self::default();
        let mut sorted: Vec<&File> = files.iter().collect();
        sorted.sort_by_key(|file| (file.lane, file.number));
        for file in sorted {
            let blank_file = file.bytes.iter().all(|byte| *byte == 0);
            let expected = &blank(file.lane, file.number).bytes;
            // The bytes that tell the size are not looked at, but belong to the checksum.
            let well_headed = file.bytes.get(..HEADER_BYTES).is_some_and(|head| {
                head[..16] == expected[..16] && crc32fast::hash(&head[..28]).to_le_bytes() == head[28..]
            });
            if well_headed {
                reading.records(&file.bytes);
            } else {
                reading.bad_header |= !blank_file;
            }
        }
        reading
    }

    fn records(&mut self, bytes: &[u8]) {
        let mut at = HEADER_BYTES;
        while let Some(payload) = record(bytes, at) {
            at += (RECORD_HEAD_BYTES + payload.len()).next_multiple_of(8);
            match payload.split_first() {
                Some((&FORMER_CALL, _)) => self.former = true,
                Some((&BATCHED, _)) => {}
                Some((NOTED..=NEWEST, event)) => match postcard::from_bytes(event) {
                    Ok(Event::Opened(opened)) => {
                        self.counts.entry(opened.call).or_default().0 += 1;
                        self.openings.insert(opened.call, opened);
                    }
                    Ok(Event::Settled(settled)) => {
                        self.counts.entry(settled.opened.call).or_default().1 += 1;
                        self.settled.push(settled);
                    }
                    Ok(Event::Noted(entry)) => self.noted.push(entry),
                    Ok(Event::Filed(file)) => self.filed.push(file),
                    Ok(Event::Pinned(_) | Event::FileRemoved(_) | Event::Batched(_)) | Err(_) => {}
                },
                Some((version, _)) => self.newer_record |= *version > NEWEST,
                None => {}
            }
        }
    }

    /// The opening of a call that was opened once and never settled.
    fn is_left_open(&self, call: CallId) -> bool {
        self.counts.get(&call).is_some_and(|counts| *counts == (1, 0))
    }
}

/// The payload of the record at a place; `None` where no whole one stands.
fn record(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let head = bytes.get(at..at + RECORD_HEAD_BYTES)?;
    let length = usize::try_from(u32::from_le_bytes(head[..4].try_into().ok()?)).ok()?;
    let payload = bytes.get(at + RECORD_HEAD_BYTES..)?.get(..length)?;
    let whole = (1..=1 + MAX_SETTLED_BYTES).contains(&length);
    (whole && crc32fast::hash(payload).to_le_bytes() == head[4..]).then_some(payload)
}

/// What an outbox delivers.
#[derive(Default)]
struct Delivered {
    settled: Vec<CallSettled>,
    noted: Vec<Entry>,
    filed: Vec<file::File>,
}

/// Opens the outbox and reads everything; `None` when it says why it does not open.
fn delivered(folder: &Path, confirmed: Vec<Position>, reading: &Reading) -> Option<Delivered> {
    let from_the_start = confirmed.is_empty();
    let settings = Settings {
        lanes: 1,
        segment_bytes: SEGMENT_BYTES,
        max_bytes: 1 << 20,
        sync: Sync::Every(Duration::from_secs(3_600)),
        confirmed,
    };
    let (outbox, mut reader) = match Outbox::open(folder, settings) {
        Ok(opened) => opened,
        Err(refused) => {
            check_refusal(&refused, reading);
            return None;
        }
    };
    assert!(!reading.bad_header && !reading.newer_record, "opened on what it must refuse");
    let mut all = Delivered::default();
    while let Some(Batch { settled, noted, filed, positions, .. }) =
        reader.try_next(3).expect("the files can be read")
    {
        all.settled.extend(settled);
        all.noted.extend(noted);
        all.filed.extend(filed);
        let records = all.settled.len() + all.noted.len() + all.filed.len();
        assert!(records <= MOST_RECORDS, "more is delivered than was written");
        reader.confirm(&positions).expect("what was delivered can be confirmed");
    }
    assert!(!from_the_start || outbox.backlog() == 0, "all is confirmed, and something waits");
    Some(all)
}

fn check_refusal(refused: &OpenFailed, reading: &Reading) {
    match refused {
        OpenFailed::NotASegment(_) => assert!(reading.bad_header),
        OpenFailed::Newer { .. } => assert!(reading.bad_header || reading.newer_record),
        // The numbers of segments are used up.
        OpenFailed::Setting(_) => {}
        // An opening that no writer of ours makes so large, left open.
        OpenFailed::Full(_) => {
            let large = reading
                .openings
                .values()
                .any(|opened| payload_of(&Event::Opened(opened.clone())).len() > 1_800);
            assert!(large, "there is room");
        }
        OpenFailed::InUse(_) | OpenFailed::Io { .. } => panic!("{refused}"),
    }
}

/// Everything is delivered, and calls left open are settled as interrupted.
fn check_all(reading: &Reading, delivered: &Delivered) {
    assert_eq!(delivered.noted, reading.noted, "whole entries, in order");
    assert_eq!(delivered.filed, reading.filed, "whole files, in order");
    let once = reading.counts.values().all(|counts| counts.0 <= 1 && counts.1 <= 1);
    let (mut whole, mut rest) = (reading.settled.iter().peekable(), vec![]);
    for settled in &delivered.settled {
        // What recovery adds to the first lane comes before the files of the second.
        if whole.next_if_eq(&settled).is_none() {
            rest.push(settled);
        }
    }
    assert_eq!(whole.next(), None, "a whole record is not delivered, or not in order");
    for settled in &rest {
        let opening = reading.openings.get(&settled.opened.call);
        assert_eq!((settled.outcome, settled.cost), (Outcome::Interrupted, Money::ZERO));
        assert_eq!(opening, Some(&settled.opened));
    }
    if once {
        let open = reading.openings.keys().filter(|call| reading.is_left_open(**call)).count();
        assert_eq!(rest.len(), open, "each call left open is settled");
    }
}

/// Started anywhere, it still delivers only what stands somewhere with its checksum, or what it settled itself.
fn check_origin(files: &[File], reading: &Reading, delivered: &Delivered) {
    let stands = |event: &Event| {
        files.iter().any(|file| {
            (0..file.bytes.len()).any(|at| {
                let payload = record(&file.bytes, at).and_then(|payload| payload.get(1..));
                payload.is_some_and(|payload| postcard::from_bytes::<Event>(payload).as_ref() == Ok(event))
            })
        })
    };
    for entry in &delivered.noted {
        assert!(stands(&Event::Noted(entry.clone())), "an entry is delivered and written nowhere");
    }
    for file in &delivered.filed {
        assert!(stands(&Event::Filed(file.clone())), "a file is delivered and written nowhere");
    }
    for settled in &delivered.settled {
        let call = settled.opened.call;
        let own = settled.outcome == Outcome::Interrupted && reading.openings.contains_key(&call);
        assert!(own || stands(&Event::Settled(settled.clone())), "a call is delivered and written nowhere");
    }
}
