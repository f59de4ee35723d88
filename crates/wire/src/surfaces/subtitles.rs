//! Transcripts as subtitles (SubRip, WebVTT): how far the sound went, as far as they show. Keeps no word of them.

/// Longer than any sound that is written down in one call: a week. Ends beyond it are taken for nonsense.
const LONGEST_MS: u64 = 604_800_000;
/// What stands between the beginning and the end of a cue.
const ARROW: &str = "-->";

/// When the last cue ends, in milliseconds: the sound is at least as long. None where there is no cue, as in plain text.
pub(super) fn last_end_ms(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.lines().filter_map(end_of_cue).max()
}

/// The end in a line such as `00:00:01,000 --> 00:00:04,500` or `00:01.000 --> 00:04.500 align:start`.
fn end_of_cue(line: &str) -> Option<u64> {
    let (begin, rest) = line.split_once(ARROW)?;
    let (begin, end) = (milliseconds(begin.trim())?, milliseconds(rest.split_whitespace().next()?)?);
    (begin <= end).then_some(end)
}

/// A time with or without hours, with a comma or a point before its milliseconds.
fn milliseconds(time: &str) -> Option<u64> {
    let (clock, thousandths) = time.split_once([',', '.'])?;
    let mut parts = clock.rsplit(':');
    let (seconds, minutes) = (below_60(parts.next()?)?, below_60(parts.next()?)?);
    let hours = parts.next().map_or(Some(0), digits)?;
    if parts.next().is_some() || thousandths.len() != 3 {
        return None;
    }
    let seconds = hours.checked_mul(3_600)?.checked_add(minutes * 60 + seconds)?;
    let whole = seconds.checked_mul(1_000)?.checked_add(digits(thousandths)?)?;
    (whole <= LONGEST_MS).then_some(whole)
}

fn below_60(text: &str) -> Option<u64> {
    digits(text).filter(|count| text.len() == 2 && *count < 60)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_the_last_cue_is_found() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(last_end_ms(text.as_bytes()), expect, "{text:?}");
        };
        check(
            "1\n00:00:00,000 --> 00:00:04,500\nHello.\n\n2\n00:00:04,500 --> 01:00:06,120\nBye.\n",
            Some(3_606_120),
        );
        check("WEBVTT\r\n\r\n00:00.000 --> 00:04.500 align:start\r\nHello.\r\n", Some(4_500));
        check("WEBVTT\n\n00:09.000 --> 00:10.000\nlate\n\n00:01.000 --> 00:02.000\nearly\n", Some(10_000));
        check("WEBVTT\n\n100:00:00.000 --> 100:00:01.000\nlong", Some(360_001_000));
        // What is said is not when it was said.
        check("Hello there. At 00:04 --> we left.", None);
        check("00:00:05,000 --> 00:00:01,000\nbackwards", None);
        check("00:00:00,000 --> 00:00:99,000", None);
        check("00:00:00,000 --> 0:1,000", None);
        check("00:00:00,000 --> 00:00:01,5", None);
        check("00:00:00,000 --> 99999999999999999999:00:01,500", None);
        check("00:00:00,000 --> 200:00:00,000", None);
        check("00:00:00,000 -->", None);
        check("", None);
        assert_eq!(last_end_ms(b"00:00:00,000 --> 00:00:01,000 \xff"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(times in proptest::collection::vec((0..100_u64, 0..60_u64, 0..60_u64, 0..1000_u64), 0..5)) {
            let mut text = String::from("WEBVTT\n\n");
            for (hours, minutes, seconds, thousandths) in &times {
                text += &format!("00:00.000 --> {hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}\nx\n\n");
            }
            let expect = times.iter().map(|(h, m, s, t)| ((h * 60 + m) * 60 + s) * 1_000 + t).max();
            prop_assert_eq!(last_end_ms(text.as_bytes()), expect);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9:,. >-]{0,60}") {
            let _ = last_end_ms(text.as_bytes());
        }
    }
}
