//! How large an event may be.

use super::*;

#[test]
fn an_event_is_bounded() {
    let big = |bytes: usize| format!("data: {{\"x\":\"{}\"}}\n\n", "a".repeat(bytes));
    let frame = big(0).len();
    let relay =
        |stream: &str, size| relay_of(Protocol::Anthropic, UsageChunk::Keep, stream.as_bytes().chunks(size));
    for size in [1_000, usize::MAX] {
        let fits = big(MAX_EVENT_BYTES - frame);
        assert_eq!(relay(&fits, size).out, fits.as_bytes());
        let large = format!("data: {HI}\n\n{}", big(MAX_EVENT_BYTES - frame + 1));
        let seen = relay(&large, size);
        assert_eq!(seen.fed, Err(Broken::EventTooLarge));
        assert_eq!(seen.out, format!("data: {HI}\n\n").as_bytes(), "what came before is handed on");
        assert_eq!((seen.state, seen.ending), (State::Failed, Ending::NoTerminal));
    }
}

#[test]
fn a_picture_of_the_largest_models_passes_where_a_protocol_has_pictures() {
    let picture = "A".repeat(14 << 20);
    let event = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"images\":[{{\"image_url\":{{\"url\":\"data:image/png;base64,{picture}\"}}}}]}}}}]}}\n\n"
    );
    let seen = relay(UsageChunk::Keep, event.as_bytes().chunks(100_000));
    assert_eq!((seen.fed, seen.events, seen.out.len()), (Ok(()), 1, event.len()));
    let too_large = format!("{}{event}", "x".repeat(MAX_LARGE_EVENT_BYTES - event.len() + 1));
    assert_eq!(relay(UsageChunk::Keep, [too_large.as_bytes()]).fed, Err(Broken::EventTooLarge));
}

#[test]
fn a_line_without_end_that_is_no_data_is_cut_off_early() {
    for line in ["a", ": ", "id: 1\nevent: ", "dat"] {
        let stream = format!("{line}{}", "a".repeat(MAX_EVENT_BYTES));
        for size in [1, 1_000, usize::MAX] {
            assert_eq!(
                relay(UsageChunk::Keep, stream.as_bytes().chunks(size)).fed,
                Err(Broken::EventTooLarge)
            );
        }
    }
    for line in ["data:", "event: x\ndata: "] {
        let stream = format!("{line}{}", "a".repeat(MAX_EVENT_BYTES));
        for size in [1, 1_000, usize::MAX] {
            assert_eq!(relay(UsageChunk::Keep, stream.as_bytes().chunks(size)).fed, Ok(()));
        }
    }
}

#[test]
fn the_bound_of_an_event_does_not_hang_on_where_its_last_line_end_is_cut() {
    let sized = |bytes: usize| {
        let frame = "data: {\"x\":\"\"}\r\n\r\n".len();
        format!("data: {{\"x\":\"{}\"}}\r\n\r\n", "a".repeat(bytes - frame))
    };
    for (bytes, fed) in [(MAX_EVENT_BYTES + 1, Ok(())), (MAX_EVENT_BYTES + 2, Err(Broken::EventTooLarge))] {
        let stream = sized(bytes);
        let relay = |pieces| relay_of(Protocol::Anthropic, UsageChunk::Keep, pieces);
        let expect = relay(vec![stream.as_bytes()]);
        assert_eq!(expect.fed, fed);
        for place in bytes - 5..bytes {
            assert_eq!(relay(cut(stream.as_bytes(), &[place])), expect, "cut at {place}");
        }
    }
}
