//! How far bytes go on that mean themselves in a JSON string. They are compared sixteen at a time, which the compiler does
//! in a few instructions as long as there are no branches.

/// Bytes that are compared at once.
const BLOCK: usize = 16;

/// Zero for a quote, a backslash and a control character.
fn distance(byte: u8) -> u8 {
    (byte ^ b'"').min(byte ^ b'\\').min(byte.saturating_sub(0x1f))
}

/// The same where "delete" counts as a control character, too, as it does in what is written.
fn written_distance(byte: u8) -> u8 {
    distance(byte).min(byte ^ 0x7f)
}

/// The place of the first byte at no distance.
#[expect(
    clippy::inline_always,
    reason = "before its loop becomes a few instructions it is thought to be long"
)]
#[inline(always)]
fn first(block: &[u8; BLOCK], distance: impl Fn(u8) -> u8) -> Option<usize> {
    let mut marks = [0; BLOCK];
    for (mark, &byte) in marks.iter_mut().zip(block) {
        *mark = if distance(byte) == 0 { u8::MAX } else { 0 };
    }
    let marks = u128::from_le_bytes(marks);
    let place = marks.trailing_zeros() / u8::BITS;
    if marks == 0 { None } else { usize::try_from(place).ok() }
}

/// How many bytes at the beginning are neither quotes nor backslashes nor control characters, where the first block shows
/// it: most names and many texts end in it.
#[inline]
pub(super) fn few_plain_bytes(bytes: &[u8]) -> Option<usize> {
    first(bytes.first_chunk()?, distance)
}

/// The same for any number of bytes.
pub(super) fn plain_bytes(bytes: &[u8]) -> usize {
    many(bytes, distance)
}

/// The same where "delete" counts as a control character, too, as it does in what is written.
pub(in crate::json) fn written_bytes(bytes: &[u8]) -> usize {
    many(bytes, written_distance)
}

/// How many bytes come before the first at no distance.
#[inline]
fn many(bytes: &[u8], distance: impl Fn(u8) -> u8) -> usize {
    let is_plain = |bytes: &[u8]| !bytes.iter().fold(false, |any, &byte| any | (distance(byte) == 0));
    let (blocks, tail) = bytes.as_chunks();
    let (pairs, _) = blocks.as_chunks::<2>();
    let mut plain = 2 * pairs.iter().take_while(|pair| is_plain(pair.as_flattened())).count();
    plain += usize::from(blocks.get(plain).is_some_and(|block| is_plain(block)));
    let found = match blocks.get(plain) {
        Some(block) => first(block, &distance).unwrap_or(BLOCK),
        None => {
            // What a block lacks is filled up with what ends a string.
            let mut last = [b'"'; BLOCK];
            last.iter_mut().zip(tail).for_each(|(place, &byte)| *place = byte);
            first(&last, &distance).unwrap_or(BLOCK)
        }
    };
    plain * BLOCK + found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8]) {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let expect = bytes.iter().position(is_special).unwrap_or(bytes.len());
        assert_eq!(plain_bytes(bytes), expect, "{bytes:?}");
        assert!(few_plain_bytes(bytes).is_none_or(|found| found == expect), "{bytes:?}");
        let expect = bytes.iter().position(|byte| is_special(byte) || *byte == 0x7f).unwrap_or(bytes.len());
        assert_eq!(written_bytes(bytes), expect, "{bytes:?}");
    }

    #[test]
    fn every_byte_at_every_place_of_every_length() {
        for length in 0..100 {
            check(&vec![b'a'; length]);
        }
        for byte in 0..=u8::MAX {
            for place in [0, 1, 7, 8, 23, 24, 31, 55, 56, 60, 88, 90] {
                let mut bytes = [0xff; 91];
                bytes[place] = byte;
                check(&bytes);
                check(&bytes[..=place]);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(prop_oneof![8 => any::<u8>(), 2 => 0x1e_u8..0x24], 0..120), plain in 0_usize..90) {
            check(&bytes);
            let mut late = vec![b'\x80'; plain];
            late.extend_from_slice(&bytes);
            check(&late);
        }
    }
}
