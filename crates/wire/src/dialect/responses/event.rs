//! The frame of one event of a stream: its name stands before its data and again in it, with its number.

use crate::json::build::{self, ObjectWriter};

/// Writes an event whose data has the members that `fill` adds.
pub(super) fn event(out: &mut Vec<u8>, kind: &str, sequence: u64, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    build::object(out, |event| {
        event.text("type", kind);
        event.plain("sequence_number", sequence);
        fill(event);
    });
    out.extend_from_slice(b"\n\n");
}
