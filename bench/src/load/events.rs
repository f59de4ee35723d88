//! Counts the events of a stream, however it is cut, and whether it came to its end. It does not look into an event,
//! and passes over comments.

use memchr::memmem;

/// What every event holds once.
const DATA: &[u8] = b"data:";
/// What the last event of a whole answer holds.
const END: &[u8] = b"[DONE]";
/// So many bytes of a piece may be the beginning of either.
const TAIL_BYTES: usize = 5;

/// A stream so far.
#[derive(Debug, Default)]
pub struct Events {
    /// Events that began, the one that ends the stream among them.
    pub count: u64,
    /// Whether the one that ends it came.
    pub ended: bool,
    /// The last bytes, where either may have begun.
    tail: Vec<u8>,
}

impl Events {
    /// Takes the next piece.
    pub fn read(&mut self, piece: &[u8]) {
        self.count += u64::from(self.straddles(piece, DATA));
        self.count += memmem::find_iter(piece, DATA).map(|_| 1).sum::<u64>();
        self.ended |= self.straddles(piece, END) || memmem::rfind(piece, END).is_some();
        if piece.len() < TAIL_BYTES {
            let surplus = (self.tail.len() + piece.len()).saturating_sub(TAIL_BYTES);
            self.tail.drain(..surplus.min(self.tail.len()));
        } else {
            self.tail.clear();
        }
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
    }

    /// Whether the word began in earlier pieces and ends in this one.
    fn straddles(&self, piece: &[u8], word: &[u8]) -> bool {
        let part = word.len() - 1;
        let before = &self.tail[self.tail.len().saturating_sub(part)..];
        let after = &piece[..part.min(piece.len())];
        (1..=part).any(|split| before.ends_with(&word[..split]) && after.starts_with(&word[split..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_the_stream_is_cut() {
        let text = b"data: {\"a\":1}\n\n: alive\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n: cost 0\n\n";
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let mut events = Events::default();
                for piece in [&text[..cut], &text[cut..second], &text[second..]] {
                    events.read(piece);
                }
                assert_eq!((events.count, events.ended), (3, true), "cut at {cut} and {second}");
            }
        }
        let mut events = Events::default();
        text.iter().take(40).for_each(|byte| events.read(std::slice::from_ref(byte)));
        assert_eq!((events.count, events.ended), (2, false));
    }
}
