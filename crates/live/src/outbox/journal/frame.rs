//! Records in bytes: `[length u32][crc32 of the payload u32][payload]`, little-endian, padded to eight bytes; a
//! payload is one version byte and the event in postcard. Pure: it reads any bytes without a panic and knows no file.

mod batched;
mod former;

use domain::usage::Event;
use postcard::ser_flavors::Flavor;
use postcard::serialize_with_flavor;

use crate::outbox::MAX_SETTLED_BYTES;
use batched::Written;

/// Records begin at multiples of this, so that their length can be written in one atomic store.
pub(super) const ALIGN: usize = 8;
/// Bytes before a payload.
pub(super) const HEAD_BYTES: usize = 8;
/// The version of a payload with the opening or the settlement of a call.
const CALL: u8 = 5;
/// The same before there were units; still read. 1 and 2 were forms of before the first release.
const FORMER_CALL: u8 = 3;
/// The version of one with an entry of the audit trail: a release that does not know them must not read past them.
const NOTED: u8 = 4;
/// The version of one with an answer that a provider keeps.
const PINNED: u8 = 6;
/// The version of one with a file that a provider keeps, or one that is gone.
const FILED: u8 = 7;
/// The version of one with a batch.
const BATCHED: u8 = 8;
/// The newest version that this release reads.
pub(super) const NEWEST: u8 = BATCHED;
/// Bytes that the search for records behind a broken place may checksum: enough to find one that is there, too
/// few for a crafted file to hold up the start.
const SEARCH_BYTES: usize = 8 << 20;

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A whole record, and where the next one begins.
    Record { payload: &'a [u8], next: usize },
    /// Nothing was written here.
    End,
    /// Something that is no whole record.
    Broken,
}

/// What follows the last whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Clean,
    /// A record that was being written when the power went or the process was killed.
    Torn,
    /// More records: what stands before them was damaged.
    Damaged,
}

/// A payload that is no event.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum NotAnEvent {
    /// Written by a newer release.
    #[error("record version {0} is newer than this release")]
    Newer(u8),
    /// The checksum holds and yet it cannot be read.
    #[error("the record cannot be read")]
    Malformed,
}

/// Bytes that a payload of `length` bytes takes with its head and its padding.
pub(super) const fn footprint(length: usize) -> usize {
    (HEAD_BYTES + length).next_multiple_of(ALIGN)
}

/// Reads what stands at `offset`.
pub(super) fn at(bytes: &[u8], offset: usize) -> Frame<'_> {
    let Some((head, after)) = bytes.get(offset..).and_then(<[u8]>::split_first_chunk::<HEAD_BYTES>) else {
        return Frame::End;
    };
    let [a, b, c, d, e, f, g, h] = *head;
    let (length, crc) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]));
    if length == 0 {
        return Frame::End;
    }
    match after.get(..length) {
        Some(payload) if length <= 1 + MAX_SETTLED_BYTES && crc32fast::hash(payload) == crc => {
            Frame::Record { payload, next: offset + footprint(length) }
        }
        _ => Frame::Broken,
    }
}

/// Judges what follows `offset`, where no whole record stands. A record found behind it only tells of damage and is
/// never delivered: a payload holds text that a caller chose, and could be made to look like a record.
pub(super) fn judge(bytes: &[u8], offset: usize) -> Rest {
    let rest = bytes.get(offset..).unwrap_or_default();
    if is_zero(rest) {
        return Rest::Clean;
    }
    let mut budget = SEARCH_BYTES;
    for place in (offset + ALIGN..bytes.len()).step_by(ALIGN) {
        let length = bytes
            .get(place..place + 4)
            .map_or(0, |head| u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        if length == 0 || length as usize > (1 + MAX_SETTLED_BYTES).min(bytes.len() - place) {
            continue;
        }
        budget = match budget.checked_sub(length as usize) {
            Some(left) => left,
            // Too much that looks like a head: whatever this is, it is not the tail of one record.
            None => return Rest::Damaged,
        };
        if let Frame::Record { payload, .. } = at(bytes, place)
            && decode(payload).is_ok()
        {
            return Rest::Damaged;
        }
    }
    Rest::Torn
}

/// Whether every byte is zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROES: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROES.len()).all(|chunk| chunk == &ZEROES[..chunk.len()])
}

/// Appends the payload of `event` to `buffer`; `None` when the event cannot be written down, which no event of ours
/// causes.
pub(super) fn encode(event: &Event, mut buffer: Vec<u8>) -> Option<Vec<u8>> {
    buffer.clear();
    buffer.push(match event {
        Event::Opened(_) | Event::Settled(_) => CALL,
        Event::Noted(_) => NOTED,
        Event::Pinned(_) => PINNED,
        Event::Filed(_) | Event::FileRemoved(_) => FILED,
        Event::Batched(_) => BATCHED,
    });
    match event {
        Event::Batched(batch) => serialize_with_flavor(&Written::of(batch), Pieces(buffer)).ok(),
        event => serialize_with_flavor(event, Pieces(buffer)).ok(),
    }
}

/// A buffer that takes what is written piece by piece; the library's own takes it byte by byte.
struct Pieces(Vec<u8>);

impl Flavor for Pieces {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Reads a payload.
pub(super) fn decode(payload: &[u8]) -> Result<Event, NotAnEvent> {
    match payload.split_first() {
        Some((&(CALL | NOTED | PINNED | FILED), event)) => {
            postcard::from_bytes(event).map_err(|_| NotAnEvent::Malformed)
        }
        Some((&BATCHED, event)) => {
            let read = postcard::from_bytes::<Written>(event).map_err(|_| NotAnEvent::Malformed);
            read.map(|written| Event::Batched(Box::new(written.read())))
        }
        Some((&FORMER_CALL, event)) => former::read(event).map_err(|_| NotAnEvent::Malformed),
        Some((&version, _)) if version > NEWEST => Err(NotAnEvent::Newer(version)),
        _ => Err(NotAnEvent::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
            bytes.extend(crc32fast::hash(payload).to_le_bytes());
            bytes.extend(payload);
            bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut payloads, mut offset) = (Vec::new(), 0);
        while let Frame::Record { payload, next } = at(bytes, offset) {
            payloads.push(payload.to_vec());
            offset = next;
        }
        (payloads, offset)
    }

    #[test]
    fn zeroes_are_the_end() {
        assert_eq!(at(&[0; 64], 0), Frame::End);
        assert_eq!(at(&[], 0), Frame::End);
        assert_eq!(at(&[1; 7], 0), Frame::End);
        assert_eq!(at(&[1; 64], usize::MAX), Frame::End);
        assert_eq!(judge(&[0; 10_000], 8), Rest::Clean);
    }

    #[test]
    fn an_empty_payload_is_no_event() {
        assert_eq!(decode(&[]), Err(NotAnEvent::Malformed));
        assert_eq!(decode(&[0, 1, 2]), Err(NotAnEvent::Malformed));
        assert_eq!(decode(&[NEWEST + 1]), Err(NotAnEvent::Newer(NEWEST + 1)));
    }

    proptest! {
        #[test]
        fn payloads_come_back_in_order(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..90), 0..20), rest in 0usize..40
        ) {
            let mut bytes = framed(&payloads);
            let end = bytes.len();
            bytes.resize(end + rest, 0);
            prop_assert_eq!(read(&bytes), (payloads, end));
            prop_assert_eq!(judge(&bytes, end), Rest::Clean);
        }

        #[test]
        fn a_changed_bit_is_never_read(
            payload in proptest::collection::vec(any::<u8>(), 1..60), bit in any::<prop::sample::Index>()
        ) {
            let mut bytes = framed(std::slice::from_ref(&payload));
            let bit = bit.index((HEAD_BYTES + payload.len()) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(read(&bytes).0.is_empty());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), offset in 0usize..320) {
            let _ = at(&bytes, offset);
            let _ = judge(&bytes, offset);
            let _ = decode(&bytes);
        }
    }
}
