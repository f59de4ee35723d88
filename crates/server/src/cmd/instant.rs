//! Instants as people write and read them: RFC 3339, a plain date, or a length of time before or after now.

use domain::time::Timestamp;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::config::span;

/// A text that is no instant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no instant: write 2026-01-31T12:00:00Z, 2026-01-31, or a length of time such as 24h")]
pub struct NotAnInstant(String);

/// The instant in RFC 3339, in UTC, to the microsecond where there is one.
#[must_use]
pub fn written(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000)
        .ok()
        .and_then(|instant| instant.format(&Rfc3339).ok())
        // Beyond the year 9999 the format has no text; the number is better than nothing.
        .unwrap_or_else(|| format!("{} µs", at.0))
}

/// Reads an RFC 3339 instant.
///
/// # Errors
/// [`NotAnInstant`].
pub fn read(text: &str) -> Result<Timestamp, NotAnInstant> {
    let date = format_description!("[year]-[month]-[day]");
    let instant = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| Date::parse(text, date).map(|day| day.midnight().assume_utc()))
        .map_err(|_| NotAnInstant(text.to_owned()))?;
    i64::try_from(instant.unix_timestamp_nanos() / 1_000)
        .map(Timestamp)
        .map_err(|_| NotAnInstant(text.to_owned()))
}

/// Reads an instant, or a length of time that is counted back from `now`.
///
/// # Errors
/// [`NotAnInstant`].
pub fn read_past(text: &str, now: Timestamp) -> Result<Timestamp, NotAnInstant> {
    match span::parse(text) {
        Ok(span) => Ok(Timestamp(now.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))),
        Err(_) => read(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_back_as_written() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-22T08:30:00Z", 1_795_336_200_000_000),
            ("2026-11-22T08:30:00.25Z", 1_795_336_200_250_000),
        ] {
            assert_eq!(read(text), Ok(Timestamp(micros)));
            assert_eq!(written(Timestamp(micros)), text);
        }
        assert_eq!(read("2026-11-22T09:30:00+01:00"), read("2026-11-22T08:30:00Z"));
        assert_eq!(read("2026-11-22"), read("2026-11-22T00:00:00Z"));
        assert!(read("yesterday").is_err() && read("2026-13-01").is_err());
        assert_eq!(written(Timestamp(i64::MAX)), format!("{} µs", i64::MAX));
    }

    #[test]
    fn a_length_of_time_counts_back() {
        let now = Timestamp(10_000_000_000);
        assert_eq!(read_past("1h", now), Ok(Timestamp(6_400_000_000)));
        assert_eq!(read_past("1970-01-01", now), Ok(Timestamp(0)));
    }
}
