use proptest::prelude::*;

use super::super::golden::samples;
use super::*;

#[track_caller]
fn check(surface: Surface, body: &str, expect: Result<u64, Malformed>) {
    assert_eq!(read_answer(surface, body.as_bytes()).map(|answer| answer.output_bytes), expect, "{body}");
}

#[test]
fn what_is_no_answer_is_refused() {
    for body in ["", "<html>", "{\"choices\":[]", "{\"choices\":[]} x", "{\"choices\":[\"\\ud800\"]}"] {
        check(Surface::Chat, body, Err(Malformed::NotJson));
    }
    for body in ["{}", "[]", "null", "\"choices\"", "{\"choices\":null}", "{\"data\":[]}"] {
        check(Surface::Chat, body, Err(Malformed::NotAnAnswer));
    }
    check(Surface::Embeddings, "{\"choices\":[]}", Err(Malformed::NotAnAnswer));
    check(Surface::Embeddings, "{\"data\":[]}", Ok(0));
}

#[test]
fn all_that_the_model_wrote_is_counted_once() {
    let message = |members: &str, expect| {
        let body = format!(r#"{{"choices":[{{"index":0,"message":{{"role":"assistant",{members}}}}}]}}"#);
        check(Surface::Chat, &body, Ok(expect));
    };
    message(r#""content":"h\u00e9""#, 3);
    message(r#""content":null,"refusal":"no""#, 2);
    message(r#""content":"abc","reasoning":"12345","reasoning_content":"12345""#, 8);
    message(r#""content":[{"type":"text","text":"ab"},{"type":"thinking","thinking":"c"}]"#, 3);
    message(
        r#""tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]"#,
        3,
    );
    message(r#""tool_calls":[{"type":"custom","custom":{"name":"f","input":"xyz"}}]"#, 4);
    message(r#""function_call":{"name":"f","arguments":"{}"}"#, 3);
    message(r#""audio":{"id":"a","data":"AAAAAAAA","transcript":"hey"}"#, 3);
    message(r#""content":5,"annotations":[{"text":"x"}]"#, 0);
}

#[test]
fn an_error_in_place_of_an_answer_is_told() {
    let error = |body: &str| read_answer(Surface::Chat, body.as_bytes()).unwrap().error;
    assert_eq!(error(r#"{"error":{"message":"busy"}}"#).unwrap().message, "busy");
    assert_eq!(error(r#"{"error":true,"message":"busy"}"#).unwrap().message, "busy");
    assert_eq!(error(r#"{"error":{"x":1},"choices":[]}"#), Some(UpstreamError::without_words()));
    assert_eq!(error(r#"{"error":null,"choices":[]}"#), None);
    assert_eq!(error(r#"{"error":{},"choices":[]}"#), None);
}

proptest! {
    #[test]
    fn damaged_answers_are_read_or_refused_and_never_hold_more_than_was_written(
        which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..3), surface in prop::sample::select(&Surface::ALL[..]),
    ) {
        let answers = samples("json");
        let mut body = which.get(&answers).1.clone();
        let place = place.index(body.len());
        body.splice(place..=place, bytes);
        let read = read_answer(surface, &body);
        if let Ok(answer) = &read {
            prop_assert!(usize::try_from(answer.output_bytes).unwrap() <= body.len());
        }
        let padded = [b" \n", &body[..], b"\t"].concat();
        prop_assert_eq!(read_answer(surface, &padded), read);
    }
}
