//! Whether a root secret looks made by a person or copied from a manual. It judges looks; nothing can prove
//! randomness.

/// Fewest bytes of a root secret.
pub const LEAST_BYTES: usize = 32;
/// Least Shannon entropy of the whole text in bits. 32 random bytes show about 157, 64 random hex digits about 250.
const LEAST_BITS: f64 = 120.0;
/// Words that samples and manuals use; each too long to turn up in random base64.
const PLACEHOLDERS: [&str; 12] = [
    "changeme",
    "change-me",
    "change_me",
    "password",
    "placeholder",
    "example",
    "default",
    "insecure",
    "portcullis",
    "sample",
    "replace",
    "secret",
];

/// Why `secret` is too weak for production; `None` when it looks random.
#[must_use]
pub fn weakness(secret: &[u8]) -> Option<&'static str> {
    if secret.len() < LEAST_BYTES {
        return Some("it is shorter than 32 bytes");
    }
    let lower = secret.to_ascii_lowercase();
    let holds = |word: &&str| lower.windows(word.len()).any(|window| window == word.as_bytes());
    if PLACEHOLDERS.iter().any(holds) {
        return Some("it holds a word that samples use");
    }
    if repeats(secret) {
        return Some("it repeats itself");
    }
    if is_sequence(secret) {
        return Some("it is a plain sequence");
    }
    (entropy_bits(secret) < LEAST_BITS).then_some("it has too little variety to be random")
}

fn repeats(secret: &[u8]) -> bool {
    (1..=secret.len() / 2).any(|period| secret.iter().zip(&secret[period..]).all(|(a, b)| a == b))
}

/// Whether every byte differs from the one before by the same step, as in 00 01 02.
fn is_sequence(secret: &[u8]) -> bool {
    let mut steps = secret.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first = steps.next();
    steps.all(|step| Some(step) == first)
}

fn entropy_bits(secret: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in secret {
        counts[usize::from(*byte)] += 1;
    }
    let length = f64::from(u32::try_from(secret.len()).unwrap_or(u32::MAX));
    let bits = |count: u32| f64::from(count) * (length / f64::from(count)).log2();
    counts.into_iter().filter(|count| *count > 0).map(bits).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_weak_and_random_bytes_are_not() {
        let sequence: Vec<u8> = (0..32).collect();
        for weak in [
            b"short".as_slice(),
            b"change-me-change-me-change-me-change-me",
            b"0123456789abcdef0123456789abcdef0123456789abcdef",
            b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            b"my super Secret pepper of forty characters!",
            b"abababaabbabbabababbabbabababbabababbaba",
            &sequence,
        ] {
            assert!(weakness(weak).is_some(), "{}", String::from_utf8_lossy(weak));
        }
        for strong in [
            b"q8Yb0c5mKJ3nVw7xT1eZr4uHs9fGdL2aPoQiXkMvBtE=".as_slice(),
            b"9f4c01e7b2a85d3360fb1c7ae94d20583b6f8ea1d75c492e0b13f6a87cd5e294",
        ] {
            assert_eq!(weakness(strong), None, "{}", String::from_utf8_lossy(strong));
        }
    }

    #[test]
    fn generated_keys_are_never_called_weak() {
        for _ in 0..200 {
            let key = vault::keyring::generate().unwrap();
            assert_eq!(weakness(key.as_bytes()), None);
            assert_eq!(weakness(vault::keyring::parse_key(&key).unwrap().open()), None);
        }
    }
}
