//! Opening the journal: the lock, the files of an earlier run, the calls they leave open, and the first segments of
//! this run. An earlier segment is never written again. It knows nothing of delivery.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use domain::id::CallId;
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::usage::{CallOpened, CallSettled, Event, Outcome, UsageSource};
use rustix::fs::{FlockOperation, flock};

use super::frame::{self, Frame, NotAnEvent, Rest};
use super::keeper::{Flusher, Housekeeper};
use super::lane::{Lane, pack, unpack};
use super::segment::{FORMAT, HEADER_BYTES, Head, Header};
use super::{Bound, Journal, Wake};
use crate::outbox::{
    MAX_LANES, MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES, OpenFailed, Position, ReadFailed, Settings, Sync,
};

/// What the reader starts from.
pub(super) struct Plan {
    /// Packed places up to which each lane is confirmed.
    pub(super) confirmed: Vec<u64>,
    /// The calls an earlier run left open, with the lane and the segment of their opening.
    pub(super) orphans: Vec<(CallId, u16, u32)>,
}

/// The name of a segment.
pub(super) fn path_of(dir: &Path, lane: u16, number: u32) -> PathBuf {
    dir.join(format!("{lane:02}-{number:010}.segment"))
}

/// Reads the lane and the number out of a file's name; `None` when it is no segment.
fn parse_name(path: &Path) -> Option<(u16, u32)> {
    if path.extension()? != "segment" {
        return None;
    }
    let (lane, number) = path.file_stem()?.to_str()?.split_once('-')?;
    Some((lane.parse().ok()?, number.parse().ok()?))
}

/// Reads a segment of an earlier run back, whole.
pub(super) fn load(path: &Path) -> Result<Vec<u8>, ReadFailed> {
    std::fs::read(path).map_err(|source| ReadFailed { path: path.to_owned(), source })
}

/// Tells of records that cannot be delivered.
pub(super) fn report_damage(lane: u16, segment: u32, offset: usize, cause: &str) {
    tracing::error!(lane, segment, offset, cause, "the outbox is damaged here; records are lost");
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> OpenFailed {
    let path = path.to_owned();
    move |source| OpenFailed::Io { path, source }
}

/// Opens the journal in `dir`, without its threads.
pub(super) fn open(dir: &Path, settings: Settings) -> Result<(Journal, Plan), OpenFailed> {
    check(&settings)?;
    let lock = lock(dir)?;
    let (files, bytes) = list(dir)?;
    let highest = files.last_key_value().map_or(0, |(lane, _)| lane.saturating_add(1));
    let lanes = settings.lanes.max(highest);
    if lanes > MAX_LANES {
        return Err(OpenFailed::Setting("the folder holds more lanes than there can be"));
    }
    let confirmed = confirmed_places(&settings.confirmed, lanes)?;
    let mut survey = Survey::default();
    for (lane, numbers) in &files {
        for number in numbers {
            survey.read(dir, *lane, *number, confirmed[usize::from(*lane)])?;
        }
    }
    let orphans = survey.orphans(dir)?;
    let mut journal = Journal {
        dir: dir.to_owned(),
        lanes: Box::default(),
        segment_bytes: settings.segment_bytes,
        // What an earlier run left open must be settled even in a journal that is full.
        max_bytes: u64::MAX,
        sync: settings.sync,
        allocated_bytes: AtomicU64::new(bytes),
        confirmed: AtomicU64::new(0),
        starved: AtomicBool::new(false),
        broken: AtomicBool::new(false),
        wake: Wake::default(),
        flusher: Flusher::default(),
        housekeeper: Housekeeper::default(),
        finished: Mutex::new(None),
        _lock: lock,
    };
    journal.lanes = (0..lanes)
        .map(|lane| {
            let old = files.get(&lane).map(Vec::as_slice).unwrap_or_default();
            let (last, _) = unpack(confirmed[usize::from(lane)]);
            let first = old.last().copied().unwrap_or(0).max(last).checked_add(1);
            let first = first.ok_or(OpenFailed::Setting("the numbers of segments are used up"))?;
            let writer = journal.make(lane, first, Bound::Waived)?;
            let waiting = survey.waiting.get(&lane).copied().unwrap_or(0);
            Ok(Lane::new(lane, writer, old, waiting))
        })
        .collect::<Result<_, OpenFailed>>()?;
    let plan = Plan {
        confirmed,
        orphans: orphans.iter().map(|(opened, lane, number)| (opened.call, *lane, *number)).collect(),
    };
    settle(&journal, orphans)?;
    journal.max_bytes = settings.max_bytes;
    Ok((journal, plan))
}

/// Settles the calls of an earlier run as interrupted. Written into the journal like any other settlement, so that
/// a second crash finds them settled.
fn settle(journal: &Journal, orphans: Vec<(CallOpened, u16, u32)>) -> Result<(), OpenFailed> {
    if orphans.is_empty() {
        return Ok(());
    }
    tracing::warn!(calls = orphans.len(), "an earlier run left calls open; they are settled as interrupted");
    for (opened, _, _) in orphans {
        // Durable with the next sync; until then the opening is still there.
        let _ticket = journal.append(&Event::Settled(interrupted(opened)))?;
    }
    Ok(())
}

fn interrupted(opened: CallOpened) -> CallSettled {
    CallSettled {
        opened,
        provider_key: None,
        route_mode: None,
        provider: String::new(),
        model: String::new(),
        outcome: Outcome::Interrupted,
        tokens: Tokens::default(),
        units: Units::default(),
        source: UsageSource::None,
        cost: Money::ZERO,
        pricing: "unpriced".to_owned(),
        price_version: "none".to_owned(),
    }
}

fn check(settings: &Settings) -> Result<(), OpenFailed> {
    let out = |what| Err(OpenFailed::Setting(what));
    if !(1..=MAX_LANES).contains(&settings.lanes) {
        return out("lanes");
    }
    let bytes = settings.segment_bytes;
    if !(MIN_SEGMENT_BYTES..=MAX_SEGMENT_BYTES).contains(&bytes)
        || !(bytes as usize).is_multiple_of(frame::ALIGN)
    {
        return out("segment_bytes");
    }
    if settings.sync == Sync::Every(Duration::ZERO) {
        return out("the interval of syncing must not be zero");
    }
    // One segment to write, one in reserve, one to change over while the first is not yet posted.
    if settings.max_bytes < 3 * u64::from(bytes) * u64::from(settings.lanes) {
        return out("max_bytes must hold three segments per lane");
    }
    Ok(())
}

/// Makes the folder and takes it for this process.
fn lock(dir: &Path) -> Result<File, OpenFailed> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir))?;
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(io(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenFailed::InUse(dir.to_owned())),
        Err(cause) => Err(io(&path)(cause.into())),
    }
}

/// The segments by lane, sorted, and their bytes. Removes what was never finished.
fn list(dir: &Path) -> Result<(BTreeMap<u16, Vec<u32>>, u64), OpenFailed> {
    let (mut files, mut bytes) = (BTreeMap::<u16, Vec<u32>>::new(), 0);
    for entry in dir.read_dir().map_err(io(dir))? {
        let path = entry.map_err(io(dir))?.path();
        if path.extension().is_some_and(|extension| extension == "new") {
            std::fs::remove_file(&path).map_err(io(&path))?;
        }
        let Some((lane, number)) = parse_name(&path) else { continue };
        bytes += path.metadata().map_err(io(&path))?.len();
        files.entry(lane).or_default().push(number);
    }
    files.values_mut().for_each(|numbers| numbers.sort_unstable());
    Ok((files, bytes))
}

fn confirmed_places(positions: &[Position], lanes: u16) -> Result<Vec<u64>, OpenFailed> {
    let mut places = vec![0; usize::from(lanes)];
    for position in positions {
        let half = |value| u32::try_from(value).map_err(|_| OpenFailed::Setting("confirmed"));
        let place = pack(half(position.segment)?, half(position.offset)?);
        // A lane without files has nothing to read; it may have been removed whole.
        if let Some(kept) = places.get_mut(usize::from(position.lane)) {
            *kept = place.max(*kept);
        }
    }
    Ok(places)
}

/// What the segments of an earlier run hold. Lanes are read one after the other, so that a settlement may come
/// before its opening.
#[derive(Default)]
struct Survey {
    /// Openings without a settlement so far: lane, segment, offset.
    opened: HashMap<CallId, (u16, u32, usize)>,
    /// Settlements without an opening so far.
    settled: HashSet<CallId>,
    /// Settlements and other records to post that are not confirmed, by lane.
    waiting: BTreeMap<u16, u64>,
}

impl Survey {
    fn read(&mut self, dir: &Path, lane: u16, number: u32, confirmed: u64) -> Result<(), OpenFailed> {
        let path = path_of(dir, lane, number);
        let bytes = load(&path).map_err(|ReadFailed { path, source }| OpenFailed::Io { path, source })?;
        match Header::read(&bytes) {
            Head::Known(header) if (header.lane, header.number) == (lane, number) => {}
            Head::Newer(found) => return Err(OpenFailed::Newer { path, found, known: FORMAT }),
            Head::Blank => return Ok(()),
            Head::Known(_) | Head::Foreign => return Err(OpenFailed::NotASegment(path)),
        }
        let mut offset = HEADER_BYTES as usize;
        while let Frame::Record { payload, next } = frame::at(&bytes, offset) {
            let place = pack(number, u32::try_from(offset).unwrap_or(u32::MAX));
            match frame::decode(payload) {
                Ok(Event::Opened(opened)) => self.open(opened.call, (lane, number, offset)),
                Ok(Event::Settled(settled)) => {
                    self.settle(settled.opened.call);
                    if place >= confirmed {
                        *self.waiting.entry(lane).or_default() += 1;
                    }
                }
                Ok(
                    Event::Noted(_)
                    | Event::Pinned(_)
                    | Event::Filed(_)
                    | Event::FileRemoved(_)
                    | Event::Batched(_),
                ) => {
                    if place >= confirmed {
                        *self.waiting.entry(lane).or_default() += 1;
                    }
                }
                Err(NotAnEvent::Newer(version)) => {
                    let (found, known) = (u16::from(version), u16::from(frame::NEWEST));
                    return Err(OpenFailed::Newer { path, found, known });
                }
                // The reader comes by later and tells, unless it starts behind this place.
                Err(NotAnEvent::Malformed) if place >= confirmed => {}
                Err(cause @ NotAnEvent::Malformed) => report_damage(lane, number, offset, &cause.to_string()),
            }
            offset = next;
        }
        let end = pack(number, u32::try_from(offset).unwrap_or(u32::MAX));
        if end < confirmed && frame::judge(&bytes, offset) == Rest::Damaged {
            report_damage(lane, number, offset, "records stand behind a broken one");
        }
        Ok(())
    }

    fn open(&mut self, call: CallId, place: (u16, u32, usize)) {
        if !self.settled.remove(&call) {
            self.opened.insert(call, place);
        }
    }

    fn settle(&mut self, call: CallId) {
        if self.opened.remove(&call).is_none() {
            self.settled.insert(call);
        }
    }

    /// Reads the openings again that have no settlement, each file once, in their order.
    fn orphans(&mut self, dir: &Path) -> Result<Vec<(CallOpened, u16, u32)>, OpenFailed> {
        let mut places: Vec<(u16, u32, usize)> = self.opened.values().copied().collect();
        places.sort_unstable();
        let mut orphans = Vec::with_capacity(places.len());
        for file in places.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
            let Some((lane, number, _)) = file.first().copied() else { continue };
            let path = path_of(dir, lane, number);
            let bytes = load(&path).map_err(|ReadFailed { path, source }| OpenFailed::Io { path, source })?;
            for (_, _, offset) in file {
                if let Frame::Record { payload, .. } = frame::at(&bytes, *offset)
                    && let Ok(Event::Opened(opened)) = frame::decode(payload)
                {
                    orphans.push((opened, lane, number));
                }
            }
        }
        Ok(orphans)
    }
}
