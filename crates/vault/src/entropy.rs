//! Randomness from the operating system's generator, and the identifiers and credentials made of it. It reads no
//! clock: whoever wants a time-ordered identifier says what time it is.

use std::cell::RefCell;

use aws_lc_rs::rand;
use domain::time::Timestamp;
use domain::token::{self, Token};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Random bytes that one identifier takes besides its time.
const ID_BYTES: usize = 10;
/// Bytes of one visit to the generator, for about thirty calls.
const POOL_BYTES: usize = 512;

/// The generator gave nothing: nothing that needs to be unguessable may be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the operating system gives no random bytes")]
pub struct NoEntropy;

/// Fills `bytes` with random bytes fit for keys.
///
/// # Errors
/// [`NoEntropy`] when the generator fails.
pub fn fill(bytes: &mut [u8]) -> Result<(), NoEntropy> {
    rand::fill(bytes).map_err(|_| NoEntropy)
}

/// Makes an identifier that sorts by `now`: UUID version 7 (RFC 9562, section 5.7), 48 bits of milliseconds and 74
/// random bits. Two of the same millisecond have no order. A time before 1970 counts as 1970.
///
/// # Errors
/// [`NoEntropy`] when the generator fails.
pub fn uuid_v7(now: Timestamp) -> Result<Uuid, NoEntropy> {
    let random = POOL.with_borrow_mut(Pool::take::<ID_BYTES>)?;
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// A number for a choice that is nobody's secret, such as that between two connections or how long to wait.
///
/// # Errors
/// [`NoEntropy`] when the generator fails.
pub fn draw() -> Result<u32, NoEntropy> {
    POOL.with_borrow_mut(Pool::take).map(u32::from_le_bytes)
}

/// Makes a fresh credential of 260 random bits.
///
/// # Errors
/// [`NoEntropy`] when the generator fails.
pub fn token(kind: token::Kind) -> Result<Token, NoEntropy> {
    let mut entropy = Zeroizing::new([0; token::BODY_CHARS]);
    fill(&mut *entropy)?;
    Ok(Token::from_entropy(kind, &entropy))
}

/// Random bytes kept per thread for identifiers and choices alone, which are public: every request needs some, and a visit
/// to the generator for each would cost more than what it is for.
struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], used: POOL_BYTES }) };
}

impl Pool {
    fn take<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], NoEntropy> {
        if self.used + BYTES > POOL_BYTES {
            fill(&mut self.bytes)?;
            self.used = 0;
        }
        let mut taken = [0; BYTES];
        taken.copy_from_slice(&self.bytes[self.used..self.used + BYTES]);
        self.used += BYTES;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifiers_carry_their_time_and_version() {
        let id = uuid_v7(Timestamp(1_767_225_600_123_456)).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.as_u128() >> 80, 1_767_225_600_123);
        assert_eq!(uuid_v7(Timestamp(-5)).unwrap().as_u128() >> 80, 0);
    }

    #[test]
    fn identifiers_do_not_repeat_within_or_across_threads() {
        let make = || (0..2_000).map(|_| uuid_v7(Timestamp(0)).unwrap()).collect::<Vec<_>>();
        let both = std::thread::scope(|scope| {
            let other = scope.spawn(make);
            let mut ids = make();
            ids.extend(other.join().unwrap());
            ids
        });
        assert_eq!(both.iter().collect::<HashSet<_>>().len(), 4_000);
    }

    #[test]
    fn draws_spread_over_all_bits() {
        let all = (0..2_000).map(|_| draw().unwrap()).collect::<Vec<_>>();
        assert!(all.iter().collect::<HashSet<_>>().len() > 1_990);
        for bit in 0..32 {
            let set = all.iter().filter(|drawn| *drawn >> bit & 1 == 1).count();
            assert!((800..1_200).contains(&set), "bit {bit}: {set} of 2000");
        }
    }

    #[test]
    fn credentials_parse_and_differ() {
        for (kind, _) in token::Kind::ALL {
            let (one, two) = (token(kind).unwrap(), token(kind).unwrap());
            assert_ne!(one.reveal(), two.reveal());
            assert_eq!(Token::parse(one.reveal().as_bytes()).map(|parsed| parsed.kind()), Some(kind));
        }
    }
}
