//! One-time passwords by time: TOTP (RFC 6238) with SHA-1, 30 seconds and six digits, which is what every
//! authenticator app reads. A code works once; the caller keeps the step that was accepted last.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use domain::secret::Secret;
use domain::time::Timestamp;
use zeroize::Zeroizing;

use crate::digest;
use crate::entropy::{self, NoEntropy};

/// Bytes of a seed: as many as the digest (RFC 4226, section 4, requirement 6).
pub const SEED_BYTES: usize = 20;
/// Microseconds of a step.
const STEP_MICROS: i64 = 30_000_000;
/// Steps before and after the present one whose codes are taken (RFC 6238, section 5.2).
const WINDOW: u64 = 1;

/// Makes a seed at random.
///
/// # Errors
/// [`NoEntropy`] when the generator fails.
pub fn seed() -> Result<Secret, NoEntropy> {
    let mut bytes = vec![0; SEED_BYTES];
    entropy::fill(&mut bytes)?;
    Ok(Secret::new(bytes))
}

/// The address that an authenticator app reads from a QR code. It holds the seed: show it once.
#[must_use]
pub fn uri(seed: &Secret, account: &str, issuer: &str) -> String {
    let secret = Zeroizing::new(BASE32_NOPAD.encode(seed.open()));
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        *secret
    )
}

/// The step whose code this is, if it is one of the present and its neighbours and later than `last_step`: the caller
/// keeps it as the new `last_step`, so that no code works twice. All candidates are computed in any case.
#[must_use]
pub fn accept(seed: &Secret, code: &str, now: Timestamp, last_step: u64) -> Option<u64> {
    let present = u64::try_from(now.0.div_euclid(STEP_MICROS)).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed.open());
    let mut accepted = None;
    for step in present.saturating_sub(WINDOW)..=present.saturating_add(WINDOW) {
        let matches = digest::equal(code_of(&key, step).as_bytes(), code.as_bytes());
        if matches && step > last_step {
            accepted = Some(step);
        }
    }
    accepted
}

/// HOTP (RFC 4226, section 5.3) of the step's number.
fn code_of(key: &hmac::Key, step: u64) -> Zeroizing<String> {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let mut chosen = [0; 4];
    chosen.copy_from_slice(&bytes[offset..offset + 4]);
    let number = u32::from_be_bytes(chosen) & 0x7fff_ffff;
    Zeroizing::new(format!("{:06}", number % 1_000_000))
}

/// Percent-encoding (RFC 3986, section 2.1) of everything but unreserved characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The seed of RFC 6238, appendix B.
    fn rfc() -> Secret {
        Secret::new(b"12345678901234567890".to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn the_codes_are_the_standard_ones() {
        // RFC 6238, appendix B; the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(accept(&rfc(), code, at(seconds), 0), Some(step), "{seconds}");
        }
    }

    #[test]
    fn a_code_works_once_and_in_its_neighbourhood() {
        let step = 1_234_567_890 / 30;
        for (seconds, last_step, expect) in [
            (1_234_567_890, step - 1, Some(step)),
            (1_234_567_890, step, None),
            (1_234_567_890, step + 1, None),
            (1_234_567_890 + 30, 0, Some(step)),
            (1_234_567_890 - 30, 0, Some(step)),
            (1_234_567_890 + 60, 0, None),
            (1_234_567_890 - 60, 0, None),
        ] {
            assert_eq!(accept(&rfc(), "005924", at(seconds), last_step), expect, "{seconds} {last_step}");
        }
        assert_eq!(accept(&rfc(), "005924", Timestamp(-1), 0), None);
    }

    #[test]
    fn only_the_six_digits_are_a_code() {
        for code in ["", "05924", "5924", "0005924", "005924 ", "00592４", "005925"] {
            assert_eq!(accept(&rfc(), code, at(1_234_567_890), 0), None, "{code}");
        }
    }

    #[test]
    fn the_address_names_account_and_issuer() {
        let uri = uri(&rfc(), "ann+1@example.org", "Port cullis");
        assert_eq!(
            uri,
            "otpauth://totp/Port%20cullis:ann%2B1%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Port%20cullis&algorithm=SHA1&digits=6&period=30"
        );
        assert_ne!(seed().ok().unwrap().open(), seed().ok().unwrap().open());
    }

    proptest! {
        #[test]
        fn no_text_panics(code in "\\PC{0,12}", seconds in any::<i64>(), last in any::<u64>()) {
            let _ = accept(&rfc(), &code, Timestamp(seconds), last);
        }
    }
}
