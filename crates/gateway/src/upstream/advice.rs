//! When an upstream says it may be asked again: `retry-after` in its three forms, else the reset of the limit that
//! is used up.

use std::time::{Duration, UNIX_EPOCH};

use domain::time::Timestamp;
use http::HeaderMap;
use http::header::RETRY_AFTER;

/// The longest advice that is taken.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Two dimensions of a limit, as most providers name them.
const DIMENSIONS: [(&str, &str); 2] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
];

/// How long the upstream with this answer wants to be left alone.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<u64>().ok();
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
        .or_else(|| date(text(RETRY_AFTER.as_str())?, now))
        .map(|delay| delay.min(LONGEST))
}

/// The same for an answer that says a limit is reached, which may name the limit's reset only.
pub(super) fn limit_reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let used_up = |(remaining, reset): (&str, &str)| (text(remaining)? == "0").then(|| span(text(reset)?))?;
    retry_after(headers, now)
        .or_else(|| DIMENSIONS.into_iter().filter_map(used_up).max())
        .or_else(|| instant(text("x-ratelimit-reset")?, now))
        .map(|delay| delay.min(LONGEST))
}

/// A date of HTTP, as the time until then.
fn date(text: &str, now: Timestamp) -> Option<Duration> {
    let then = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.0).ok()?);
    Some(then.saturating_sub(now))
}

/// Seconds from now, or an instant in seconds or milliseconds since 1970: the number shows which.
fn instant(text: &str, now: Timestamp) -> Option<Duration> {
    let number: u64 = text.parse().ok()?;
    let then = match number {
        0..1_000_000_000 => return Some(Duration::from_secs(number)),
        1_000_000_000..1_000_000_000_000 => Duration::from_secs(number),
        _ => Duration::from_millis(number),
    };
    Some(then.saturating_sub(Duration::from_micros(u64::try_from(now.0).ok()?)))
}

/// A time such as `6m0s`, `1.5s`, `20ms` or plain seconds.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (value, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" | "" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            "d" => Duration::from_secs(86_400),
            _ => return None,
        };
        let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
        // Milliseconds are exact enough; further digits are dropped.
        let thousandths: u32 = format!("{:0<3}", part.get(..part.len().min(3))?).parse().ok()?;
        let whole = unit.checked_mul(whole.parse().ok()?)?;
        sum = sum.checked_add(whole)?.checked_add(unit.checked_mul(thousandths)? / 1_000)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// 2026-01-01T00:00:00Z.
    const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn retry_advice_is_read_and_bounded() {
        let check = |name: &'static str, value: &'static str, expect: Option<u64>| {
            let found = retry_after(&headers(&[(name, value)]), NOW);
            assert_eq!(found.map(|delay| delay.as_millis()), expect.map(u128::from), "{value}");
        };
        check("retry-after", "7", Some(7_000));
        check("retry-after-ms", "250", Some(250));
        check("retry-after", "99999999", Some(3_600_000));
        check("retry-after", "-1", None);
        check("retry-after", "soon", None);
        check("retry-after", "Thu, 01 Jan 2026 00:00:07 GMT", Some(7_000));
        check("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT", Some(0));
        check("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT", Some(3_600_000));
        check("x-ratelimit-reset-requests", "7s", None);
    }

    #[test]
    fn without_advice_the_reset_of_what_is_used_up_counts() {
        let check = |lines: &[(&'static str, &'static str)], expect: Option<u64>| {
            let found = limit_reset(&headers(lines), NOW);
            assert_eq!(found.map(|delay| delay.as_millis()), expect.map(u128::from), "{lines:?}");
        };
        let tokens = ("x-ratelimit-remaining-tokens", "0");
        check(&[tokens, ("x-ratelimit-reset-tokens", "6m0s")], Some(360_000));
        check(&[tokens, ("x-ratelimit-reset-tokens", "6m0s"), ("retry-after", "3")], Some(3_000));
        let requests = ("x-ratelimit-remaining-requests", "12");
        check(&[requests, ("x-ratelimit-reset-requests", "1h")], None);
        check(&[("x-ratelimit-reset", "30")], Some(30_000));
        check(&[("x-ratelimit-reset", "1767225609")], Some(9_000));
        check(&[("x-ratelimit-reset", "1767225609500")], Some(9_500));
        check(&[], None);
    }

    #[test]
    fn spans_are_read_as_providers_write_them() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(span(text).map(|span| span.as_millis()), expect.map(u128::from), "{text}");
        };
        check("20ms", Some(20));
        check("2m59.56s", Some(179_560));
        check("1.5", Some(1_500));
        check("1d", Some(86_400_000));
        for wrong in ["", "s", "1x", "1.2.3s", "-1s", "99999999999999999999s", "\u{661}s"] {
            check(wrong, None);
        }
    }
}
