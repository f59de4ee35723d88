//! HTTP/1 framing before the parser reads it. The parser forgives what another hop may read otherwise: bare line
//! feeds, both kinds of length, a length said twice, a fragment. The sieve follows the bytes from head to head and
//! says which line is at fault. It knows no header but those that frame.

/// What the parser is given instead of a line feed at fault and of all that follows it: the end of a head that no
/// grammar of HTTP/1 allows, so that it answers 400 and closes.
pub(super) const SPOILT: &[u8] = b"\0\r\n\r\n";
/// Most bytes that are kept of a line that came in pieces. Longer framing headers are refused; others need no more.
const KEPT_BYTES: usize = 256;
/// The lines with which an HTTP/2 connection begins (RFC 9113 section 3.4).
const HTTP2: [&[u8]; 4] = [b"PRI * HTTP/2.0\r", b"\r", b"SM\r", b"\r"];

/// Follows one connection.
pub(super) struct Sieve {
    stage: Stage,
    line: Line,
    framing: Framing,
    heads: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    RequestLine,
    /// The beginning of HTTP/2, as far as so many of its lines.
    Preface(usize),
    Fields,
    /// A body of this many more bytes.
    Body(u64),
    ChunkSize,
    /// A chunk of this many more bytes.
    Chunk(u64),
    ChunkEnd,
    Trailers,
    /// HTTP/2, or a request that the parser refuses in any case: nothing is looked at any more.
    Through,
}

/// What one head says about its body.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
}

/// The line at hand, as far as it came in earlier pieces.
#[derive(Default)]
struct Line {
    kept: Vec<u8>,
    length: usize,
    last: u8,
    fragment: bool,
}

/// A line is refused; its line feed is so many bytes ahead.
struct AtFault(usize);

impl Sieve {
    pub(super) fn new() -> Self {
        Self { stage: Stage::RequestLine, line: Line::default(), framing: Framing::default(), heads: 0 }
    }

    /// How many whole heads have arrived; the beginning of HTTP/2 counts as one, and is the last to be counted.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Looks at the next bytes of the connection and says how many of them may go on: all, or those before the line
    /// feed of the line at fault. After a fault it must not be asked again.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while let rest @ [_, ..] = &bytes[passed..] {
            passed += match self.stage {
                Stage::Through => rest.len(),
                Stage::Body(left) => self.skip(rest.len(), left, Stage::Body, Stage::RequestLine),
                Stage::Chunk(left) => self.skip(rest.len(), left, Stage::Chunk, Stage::ChunkEnd),
                _ => match self.pass_line(rest) {
                    Ok(taken) => taken,
                    Err(AtFault(end)) => return passed + end,
                },
            };
        }
        passed
    }

    fn skip(&mut self, there: usize, left: u64, more: fn(u64) -> Stage, after: Stage) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(there);
        let left = left - taken as u64;
        self.stage = if left == 0 { after } else { more(left) };
        taken
    }

    fn pass_line(&mut self, bytes: &[u8]) -> Result<usize, AtFault> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.line.extend(bytes);
            return Ok(bytes.len());
        };
        let piece = &bytes[..end];
        self.line.note(piece);
        let mut line = std::mem::take(&mut self.line);
        // Most lines come in one piece and are read where they are.
        let good = if line.kept.is_empty() {
            self.end_of_line(&line, piece)
        } else {
            line.keep(piece);
            self.end_of_line(&line, &line.kept)
        };
        good.map(|()| end + 1).ok_or(AtFault(end))
    }

    /// Judges a line without its line feed; `text` is its beginning, or all of it. None: it is at fault.
    fn end_of_line(&mut self, line: &Line, text: &[u8]) -> Option<()> {
        if line.last != b'\r' && self.stage != Stage::ChunkSize && self.stage != Stage::ChunkEnd {
            return None;
        }
        let empty = line.length == 1;
        self.stage = match self.stage {
            Stage::RequestLine if empty => Stage::RequestLine,
            Stage::RequestLine if self.heads == 0 && text == HTTP2[0] => Stage::Preface(1),
            Stage::Preface(lines) if HTTP2.get(lines) != Some(&text) => return None,
            Stage::Preface(lines) if lines + 1 < HTTP2.len() => Stage::Preface(lines + 1),
            Stage::Preface(_) => {
                self.heads = 1;
                Stage::Through
            }
            Stage::RequestLine if line.fragment => return None,
            Stage::RequestLine => Stage::Fields,
            Stage::Fields if empty => {
                self.heads += 1;
                match std::mem::take(&mut self.framing) {
                    Framing { chunked: true, .. } => Stage::ChunkSize,
                    Framing { length: None | Some(0), .. } => Stage::RequestLine,
                    Framing { length: Some(length), .. } => Stage::Body(length),
                }
            }
            Stage::Fields => {
                self.framing.field(text, line.length)?;
                Stage::Fields
            }
            // What is wrong with a chunk the parser refuses itself.
            Stage::ChunkSize => match chunk_size(text) {
                _ if line.last != b'\r' => Stage::Through,
                None => Stage::Through,
                Some(0) => Stage::Trailers,
                Some(size) => Stage::Chunk(size),
            },
            Stage::ChunkEnd if empty && line.last == b'\r' => Stage::ChunkSize,
            Stage::ChunkEnd => Stage::Through,
            Stage::Trailers if empty => Stage::RequestLine,
            other => other,
        };
        Some(())
    }
}

impl Line {
    fn note(&mut self, piece: &[u8]) {
        self.length += piece.len();
        self.last = piece.last().copied().unwrap_or(self.last);
        self.fragment |= memchr::memchr(b'#', piece).is_some();
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = KEPT_BYTES - self.kept.len();
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn extend(&mut self, piece: &[u8]) {
        self.note(piece);
        self.keep(piece);
    }
}

impl Framing {
    /// Takes a header line in: one length in digits, or one coding that is `chunked`, and never both
    /// (RFC 9112 section 6.3 lets a server refuse all the rest).
    fn field(&mut self, line: &[u8], length: usize) -> Option<()> {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let is_length = name.eq_ignore_ascii_case(b"content-length");
        let is_coding = name.eq_ignore_ascii_case(b"transfer-encoding");
        if !is_length && !is_coding {
            return Some(());
        }
        if length > KEPT_BYTES || self.length.is_some() || self.chunked {
            return None;
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if is_length {
            self.length = Some(digits(value, 10)?);
        } else if value.eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
        } else {
            return None;
        }
        Some(())
    }
}

/// The size that a chunk's first line says, extensions aside.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    digits(&line[..end], 16)
}

fn digits(text: &[u8], radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        number.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests;
