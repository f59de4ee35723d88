//! What the gate puts between the events of others.

use super::*;

fn flow(caller: Protocol, framing: Framing) -> Flow {
    let echo = Echo { id: "id", model: "m", created: 0, asks_usage: false, body: b"{}" };
    Flow::new(Protocol::Anthropic, caller, framing, &echo)
}

#[test]
fn comments_are_for_those_that_read_them() {
    let check = |caller, framing, comment: Option<&str>, sign: Option<&str>| {
        let flow = flow(caller, framing);
        let text = |bytes: Option<Bytes>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(text(flow.comment("cost 1")).as_deref(), comment, "{caller:?} {framing:?}");
        assert_eq!(text(flow.sign_of_life()).as_deref(), sign, "{caller:?} {framing:?}");
    };
    let (comment, sign) = (Some(": cost 1\n\n"), Some(": keep-alive\n\n"));
    check(Protocol::Chat, Framing::Events, comment, sign);
    check(Protocol::Responses, Framing::Events, comment, sign);
    check(Protocol::Anthropic, Framing::Events, comment, sign);
    // The official clients of this one take a comment for the beginning of an error in JSON.
    check(Protocol::Gemini, Framing::Events, None, Some("\r\n"));
    check(Protocol::Gemini, Framing::Array, None, None);
}
