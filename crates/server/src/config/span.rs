//! Lengths of time as people write them: `250ms`, `1s`, `15m`, `12h`, `30d`.

use std::time::Duration;

/// A text that is not a length of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a length of time: write a whole number and a unit, such as 250ms, 1s, 15m, 12h or 30d")]
pub struct NotASpan;

/// Units with their milliseconds; `ms` stands before `s` and `m` so that the longest ending wins.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a length of time.
///
/// # Errors
/// [`NotASpan`] when it is not a whole number with one of the units, or too large to count in milliseconds.
pub fn parse(text: &str) -> Result<Duration, NotASpan> {
    let (number, unit_ms) = UNITS
        .into_iter()
        .find_map(|(unit, ms)| text.strip_suffix(unit).map(|number| (number, ms)))
        .ok_or(NotASpan)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotASpan);
    }
    let count: u64 = number.parse().map_err(|_| NotASpan)?;
    count.checked_mul(unit_ms).map(Duration::from_millis).ok_or(NotASpan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_what_they_say() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(parse("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for bad in ["", "s", "1", "-1s", "+1s", "1.5h", "1 s", "99999999999999999999d", "1w"] {
            assert_eq!(parse(bad), Err(NotASpan), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
