//! One segment: a file of fixed size, allocated whole before use, mapped into memory and written from front to back
//! by one writer while any number of readers see what is committed. The only `unsafe` of the project is here. It
//! knows records as bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};

use super::frame;

/// Bytes before the first record.
pub(super) const HEADER_BYTES: u32 = 32;
/// The newest format that this release reads and the one that it writes.
pub(super) const FORMAT: u16 = 1;
const MAGIC: [u8; 8] = *b"PCOUTBOX";

/// What the first bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) lane: u16,
    pub(super) number: u32,
    pub(super) bytes: u32,
}

/// What the first bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// A header of this format.
    Known(Header),
    /// A header of another format.
    Newer(u16),
    /// Nothing was ever written.
    Blank,
    /// Something else.
    Foreign,
}

impl Header {
    fn encode(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.lane.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.bytes.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the first bytes of a file.
    pub(super) fn read(bytes: &[u8]) -> Head {
        let Some(head) = bytes.first_chunk::<{ HEADER_BYTES as usize }>() else {
            return if frame::is_zero(bytes) { Head::Blank } else { Head::Foreign };
        };
        if frame::is_zero(head) {
            return if frame::is_zero(bytes) { Head::Blank } else { Head::Foreign };
        }
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        if head[..8] != MAGIC {
            return Head::Foreign;
        }
        // The version comes before the checksum: a newer format may sum its header in another way.
        if half(8) > FORMAT {
            return Head::Newer(half(8));
        }
        if word(28) != crc32fast::hash(&head[..28]) {
            return Head::Foreign;
        }
        Head::Known(Header { lane: half(10), number: word(12), bytes: word(16) })
    }
}

/// A mapped segment. Bytes below `committed` never change again; bytes above it belong to the one [`Writer`].
#[derive(Debug)]
pub(super) struct Segment {
    map: MmapRaw,
    number: u32,
    committed: AtomicU32,
    synced: AtomicU32,
}

/// The right to write into a segment: there is one per segment, and it is not `Clone`.
#[derive(Debug)]
pub(super) struct Writer(Arc<Segment>);

/// Makes the file of a segment, whole and durable, under its final name, and maps it.
pub(super) fn create(path: &Path, header: Header) -> io::Result<Writer> {
    let fresh = fresh_name(path);
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&fresh)?;
    let made = fill(&file, header).and_then(|()| {
        std::fs::rename(&fresh, path)?;
        sync_parent(path)?;
        MmapOptions::new().len(header.bytes as usize).map_raw(&file)
    });
    match made {
        Ok(map) => Ok(Writer(Arc::new(Segment {
            map,
            number: header.number,
            committed: AtomicU32::new(HEADER_BYTES),
            synced: AtomicU32::new(HEADER_BYTES),
        }))),
        Err(cause) => {
            // Whichever of the two names it has by now; on a full disk the room matters.
            let _ = std::fs::remove_file(&fresh);
            let _ = std::fs::remove_file(path);
            Err(cause)
        }
    }
}

/// The name of a file until it is whole.
fn fresh_name(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Allocates every byte, so that writing through the map later can never find the disk full, and writes the header.
fn fill(mut file: &File, header: Header) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, u64::from(header.bytes)) {
        Ok(()) => {}
        // A file system without the call gets its blocks the long way.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let zeroes = [0; 64 << 10];
            let mut left = header.bytes as usize;
            while left > 0 {
                let part = left.min(zeroes.len());
                file.write_all(&zeroes[..part])?;
                left -= part;
            }
            io::Seek::rewind(&mut file)?;
        }
        Err(cause) => return Err(cause.into()),
    }
    file.write_all(&header.encode())?;
    file.sync_all()
}

impl Segment {
    /// Its number in its lane.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Everything that is committed, header included.
    #[expect(unsafe_code, reason = "reads the mapping below the committed mark")]
    pub(super) fn committed(&self) -> &[u8] {
        let length = self.committed.load(Ordering::Acquire) as usize;
        // SAFETY: the pointer is valid for `map.len()` bytes for as long as `self` lives, and `length` is at most
        // that, because only `Writer::append` moves the mark, and checks. The bytes below the mark are never
        // written again by this process: `Writer::append` writes above the mark only, there is one writer, and it
        // needs `&mut`. The acquire load pairs with its release store. No other process touches the file: the
        // directory is locked, private to its user, and files are only removed, never cut. The file was allocated
        // whole, so that a read of the mapping cannot fault.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), length) }
    }

    /// Brings everything that is committed to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        let goal = self.committed.load(Ordering::Acquire);
        let from = self.synced.load(Ordering::Acquire);
        if goal > from {
            self.map.flush_range(from as usize, (goal - from) as usize)?;
            self.synced.fetch_max(goal, Ordering::AcqRel);
        }
        Ok(())
    }
}

impl Writer {
    /// The segment, to read and to sync.
    pub(super) fn segment(&self) -> &Arc<Segment> {
        &self.0
    }

    /// Whether nothing was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.committed.load(Ordering::Relaxed) <= HEADER_BYTES
    }

    /// Bytes that are left.
    pub(super) fn room(&self) -> usize {
        self.0.map.len() - self.0.committed.load(Ordering::Relaxed) as usize
    }

    /// Writes one record and commits it; its end, or `None` when it does not fit. A process killed at any moment
    /// leaves either the whole record or one that a reader takes for unwritten: the length comes last.
    #[expect(unsafe_code, reason = "writes the mapping above the committed mark")]
    pub(super) fn append(&mut self, payload: &[u8]) -> Option<u32> {
        let start = self.0.committed.load(Ordering::Relaxed) as usize;
        let room = frame::footprint(payload.len());
        let length = u32::try_from(payload.len()).ok().filter(|length| *length > 0)?;
        let end = start.checked_add(room).filter(|end| *end <= self.0.map.len())?;
        let committed = u32::try_from(end).ok()?;
        let crc = crc32fast::hash(payload).to_le();
        // SAFETY: `start..end` lies in the mapping, which was checked above, and above the committed mark, where no
        // reader looks and no other writer exists (`&mut self`, one writer per segment). `payload` is a slice
        // outside of the mapping's unwritten part, so that the ranges do not overlap. `start` is a multiple of
        // eight because header and footprints are, and the mapping begins at a page, so that the length is aligned
        // for an atomic store. The file was allocated whole, so that the writes cannot fault.
        unsafe {
            let head = self.0.map.as_mut_ptr().add(start);
            head.add(frame::HEAD_BYTES).copy_from_nonoverlapping(payload.as_ptr(), payload.len());
            head.add(4).cast::<u32>().write(crc);
            AtomicU32::from_ptr(head.cast::<u32>()).store(length.to_le(), Ordering::Release);
        }
        self.0.committed.store(committed, Ordering::Release);
        Some(committed)
    }
}
