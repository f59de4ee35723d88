use domain::chat::{Event, Growth, Opening};
use domain::chat::{Finish, Reason};
use domain::price::Tokens;

use crate::dialect::bedrock::golden::{framed, read_stream};

const USAGE: &str = r#"metadata {"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}"#;

fn read(lines: &[&str]) -> (Vec<Event>, String) {
    read_stream(&framed(&lines.join("\n")))
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    let kind = |event: &Event| match event {
        Event::Began { .. } => "began",
        Event::PartBegan { part: Opening::Text, .. } => "text",
        Event::PartBegan { part: Opening::Reasoning { redacted: false, .. }, .. } => "thought",
        Event::PartBegan { part: Opening::Reasoning { .. }, .. } => "hidden thought",
        Event::PartBegan { part: Opening::ToolCall { .. }, .. } => "call",
        Event::PartBegan { .. } => "other",
        Event::PartGrew { .. } => "grew",
        Event::PartEnded { .. } => "ended",
        Event::Finished { .. } => "finished",
        Event::Used(_) => "used",
    };
    events.iter().map(kind).collect()
}

#[test]
fn wire_fact_38_text_begins_with_its_first_delta_and_usage_comes_last() {
    let (events, ending) = read(&[
        r#"messageStart {"role":"assistant","p":"abcd"}"#,
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abcdefg"}"#,
        r#"contentBlockStop {"contentBlockIndex":0}"#,
        r#"messageStop {"stopReason":"end_turn"}"#,
        USAGE,
        r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"never"}}"#,
    ]);
    assert_eq!(kinds(&events), ["began", "text", "grew", "ended", "finished", "used"]);
    assert_eq!(events[5], Event::Used(Tokens { input: 3, output: 2, ..Tokens::default() }));
    assert_eq!(ending, "done");
}

#[test]
fn wire_fact_24_without_its_end_no_answer_is_complete() {
    let start = r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Hi"}}"#;
    let (events, ending) = read(&[start]);
    assert_eq!(
        (kinds(&events).as_slice(), ending.as_str()),
        (["began", "text", "grew", "ended"].as_slice(), "no terminal event")
    );
    assert_eq!(read(&[start, USAGE]).1, "no terminal event");
    assert_eq!(read(&[start, r#"messageStop {"stopReason":"end_turn"}"#]).1, "done at its end");
}

#[test]
fn wire_fact_46_a_failure_after_a_success_says_which_status_it_should_have_had() {
    let check = |line: &str, kind: &str, code: Option<&str>, message: &str| {
        let mut stopped = super::StreamReader::default();
        let frame = framed(line);
        let mut frames = crate::dialect::bedrock::Frames::new(4_096);
        let frame = frames.next(&mut frame.into()).unwrap().unwrap();
        let mut out = Vec::new();
        let read = crate::dialect::ReadStream::read(&mut stopped, &frame.event(), &mut out);
        let Err(super::Stopped::Failed(error)) = read else { panic!("{line}: {read:?}") };
        assert_eq!(
            (error.kind.as_deref(), error.code.as_deref(), error.message.as_str()),
            (Some(kind), code, message)
        );
        assert_eq!(out, []);
    };
    check(
        r#"exception:throttlingException {"message":"slow down"}"#,
        "throttlingException",
        Some("429"),
        "slow down",
    );
    check(r#"exception:validationException {"Message":"bad"}"#, "validationException", Some("400"), "bad");
    check("exception:serviceUnavailableException {}", "serviceUnavailableException", Some("503"), "");
    check("exception:internalServerException not-json", "internalServerException", Some("500"), "");
    check(
        r#"exception:modelStreamErrorException {"message":"m"}"#,
        "modelStreamErrorException",
        Some("424"),
        "m",
    );
    for (kind, code) in [
        ("accessDeniedException", "403"),
        ("resourceNotFoundException", "404"),
        ("modelTimeoutException", "408"),
        ("modelErrorException", "424"),
        ("modelNotReadyException", "429"),
    ] {
        check(&format!(r#"exception:{kind} {{"message":"m"}}"#), kind, Some(code), "m");
    }
    check(r#"exception:brandNew {"message":"m"}"#, "brandNew", None, "m");
}

#[test]
fn wire_fact_05_a_call_without_arguments_grows_by_nothing() {
    let (events, _) = read(&[
        r#"contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"now"}}}"#,
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":""}}}"#,
        r#"contentBlockStop {"contentBlockIndex":0}"#,
        r#"messageStop {"stopReason":"tool_use"}"#,
    ]);
    assert_eq!(kinds(&events), ["began", "call", "ended", "finished"]);
}

#[test]
fn wire_fact_20_a_call_ends_with_a_call_whatever_the_model_says() {
    let (events, _) = read(&[
        r#"contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"now"}}}"#,
        r#"messageStop {"stopReason":"end_turn"}"#,
    ]);
    let finish = Finish { native: Some("end_turn".to_owned()), ..Finish::new(Reason::ToolCalls) };
    assert_eq!(events.last(), Some(&Event::Finished { choice: 0, finish }));
}

#[test]
fn blocks_that_never_end_or_change_their_kind_are_parts_of_their_own() {
    let (events, ending) = read(&[
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm."}}}"#,
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2"}}}"#,
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"ln"}}}"#,
        r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"Hi"}}"#,
        r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"AA=="}}}"#,
        r#"contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"now"}}}"#,
        r#"contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}"#,
        r#"messageStop {}"#,
        USAGE,
    ]);
    let expect = [
        "began",
        "thought",
        "grew",
        "grew",
        "ended",
        "text",
        "grew",
        "ended",
        "hidden thought",
        "grew",
        "ended",
        "call",
        "grew",
        "ended",
        "finished",
        "used",
    ];
    assert_eq!(kinds(&events), expect);
    let Event::PartGrew { by: Growth::Signature(signature), .. } = &events[3] else { panic!("{events:?}") };
    assert_eq!(signature.value, "c2ln");
    assert_eq!(ending, "done");
    crate::strategies::gather(&events);
}

#[test]
fn what_cannot_be_read_breaks_the_stream_and_what_is_not_known_does_not() {
    let check = |line: &str, expect: &str| assert_eq!(read(&[line]).1, expect, "{line}");
    check("contentBlockDelta 1", "NotJson");
    check("contentBlockDelta {\"contentBlockIndex\":-1}", "NotJson");
    check("messageStop nonsense", "NotJson");
    check(r#"contentBlockDelta {"contentBlockIndex":3,"delta":{"toolUse":{"input":"{}"}}}"#, "NotEvents");
    check(
        r#"contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"","name":"x"}}}"#,
        "NotEvents",
    );
    check("tomorrow nonsense", "no terminal event");
    check(r#"contentBlockStart {"contentBlockIndex":0,"start":{"tomorrow":1}}"#, "no terminal event");
    check(r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"tomorrow":1}}"#, "no terminal event");
}

#[test]
fn what_is_kept_of_a_block_is_bounded() {
    let start = r#"contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"s","name":"x","type":"server_tool_use"}}}"#;
    let piece = format!(
        r#"contentBlockDelta {{"contentBlockIndex":0,"delta":{{"toolUse":{{"input":"{}"}}}}}}"#,
        "x".repeat(100_000)
    );
    assert_eq!(read(&[start, &piece, &piece, &piece]).1, "EventTooLarge");
}
