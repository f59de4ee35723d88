//! A stream through a translator, cut in one way and in others: what comes out must be the same, in bounded memory.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::protocol::Protocol;
use wire::dialect::Echo;
use wire::tap::{Broken, MAX_EVENT_BYTES, State};
use wire::translate::Translator;

use crate::allowance;

/// Memory that one byte of a stream may take.
const BYTES_PER_BYTE: usize = 128;
/// Streams up to this length are relayed byte by byte as well.
const SLOWEST_BYTES: usize = 2_048;

/// All that can be seen of a relay.
#[derive(PartialEq)]
struct Seen {
    out: Vec<u8>,
    broken: Option<Broken>,
    state: State,
    events: u64,
    output_bytes: u64,
}

/// Relays `stream` whole, cut at `cuts`, and byte by byte where it is short.
///
/// # Panics
/// When one way gives something else than another.
pub fn same_however_cut(
    upstream: Protocol,
    caller: Protocol,
    echo: &Echo<'_>,
    stream: &[u8],
    cuts: &[usize],
) {
    let relay = |pieces: Vec<&[u8]>| relay(Translator::new(upstream, caller, echo), pieces);
    let whole = relay(vec![stream]);
    assert!(whole == relay(cut(stream, cuts)), "another way of cutting gives something else");
    if stream.len() <= SLOWEST_BYTES {
        assert!(whole == relay(stream.chunks(1).collect()), "byte by byte something else comes out");
    }
}

fn relay(mut translator: Translator, pieces: Vec<&[u8]>) -> Seen {
    let (mut out, mut broken) = (VecDeque::new(), None);
    for piece in pieces {
        let most = 16 * MAX_EVENT_BYTES + BYTES_PER_BYTE * piece.len();
        let chunk = Bytes::copy_from_slice(piece);
        if let Err(found) = allowance::within(most, || translator.feed(chunk, &mut out)) {
            broken = Some(found);
            break;
        }
    }
    if broken.is_none() {
        translator.end(&mut out);
    }
    Seen {
        out: out.into_iter().flatten().collect(),
        broken,
        state: translator.state(),
        events: translator.events(),
        output_bytes: translator.output_bytes(),
    }
}

/// `stream` cut at the given places.
fn cut<'b>(stream: &'b [u8], places: &[usize]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (stream.len() + 1)).collect();
    places.sort_unstable();
    let (mut pieces, mut rest, mut at) = (Vec::new(), stream, 0);
    for place in places {
        let (piece, after) = rest.split_at(place - at);
        (rest, at) = (after, place);
        pieces.push(piece);
    }
    pieces.push(rest);
    pieces
}
