use domain::chat::{CacheMark, Effort, Media, MediaKind, Role, Source, Thinking, ToolChoice};
use domain::protocol::Protocol;

use super::*;

fn decoded(members: &str) -> chat::Request {
    decode_request(format!(r#"{{"model":"m","max_tokens":9,{members}}}"#).as_bytes()).unwrap()
}

/// The parts of a user's message with these blocks.
fn parts(blocks: &str) -> Vec<Part> {
    let mut request = decoded(&format!(r#""messages":[{{"role":"user","content":[{blocks}]}}]"#));
    request.turns.remove(0).parts
}

fn refused(members: &str) -> String {
    let body = format!(r#"{{"model":"m","max_tokens":9,{members}}}"#);
    decode_request(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn wire_fact_15_marks_stay_on_single_blocks_of_the_system_prompt() {
    let request = decoded(
        r#""system":[{"type":"text","text":"long","cache_control":{"type":"ephemeral","ttl":"1h"}},
            {"type":"text","text":"short"}],"messages":[{"role":"user","content":"x"}]"#,
    );
    let marks: Vec<_> = request.turns[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => (text.text.as_str(), text.cache),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(request.turns[0].role, Role::System);
    assert_eq!(marks, [("long", Some(CacheMark::OneHour)), ("short", None)]);
    let plain = decoded(r#""system":"plain","messages":[{"role":"user","content":"x"}]"#);
    assert_eq!(plain.turns[0].parts, [Part::text("plain")]);
}

#[test]
fn wire_fact_14_system_text_in_mid_conversation_stays_where_it_is() {
    let request = decoded(
        r#""messages":[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"assistant","content":"c"}]"#,
    );
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::User, Role::System, Role::Assistant]);
}

#[test]
fn wire_fact_18_thoughts_and_text_of_the_assistant_are_kept() {
    let request = decoded(
        r#""messages":[{"role":"assistant","content":[
            {"type":"thinking","thinking":"hm","signature":"sig"},
            {"type":"thinking","thinking":"","signature":"only"},
            {"type":"redacted_thinking","data":"enc"},
            {"type":"thinking","thinking":"of another","signature":"gemini~xyz"},
            {"type":"text","text":"so"}]},{"role":"assistant","content":""},{"role":"assistant","content":[]}]"#,
    );
    let signatures: Vec<_> = request.turns[0]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning(thought) => {
                let signature = thought.signature.clone().unwrap();
                Some((thought.text.clone(), signature.maker, signature.value, thought.redacted))
            }
            _ => None,
        })
        .collect();
    let made =
        |text: &str, maker, value: &str, redacted| (text.to_owned(), maker, value.to_owned(), redacted);
    assert_eq!(
        signatures,
        [
            made("hm", Protocol::Anthropic, "sig", false),
            made("", Protocol::Anthropic, "only", false),
            made("", Protocol::Anthropic, "enc", true),
            made("of another", Protocol::Gemini, "xyz", false),
        ]
    );
    assert_eq!(request.turns.len(), 3);
    assert!(request.turns[2].parts.is_empty());
}

#[test]
fn wire_fact_03_a_signature_comes_back_in_the_name_of_its_call() {
    let request = decoded(
        r#""messages":[{"role":"assistant","content":[{"type":"tool_use","id":"call_1__sig_gemini_7871","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1__sig_gemini_7871","content":"ok"}]}]"#,
    );
    let Part::ToolCall(call) = &request.turns[0].parts[0] else { panic!() };
    assert_eq!(call.id, "call_1");
    assert_eq!(call.signature, Some(chat::Signature::new(Protocol::Gemini, "xq")));
    let Part::ToolResult(result) = &request.turns[1].parts[0] else { panic!() };
    assert_eq!((result.id.as_str(), result.name.as_deref()), ("call_1", Some("f")));
}

#[test]
fn wire_fact_09_results_of_one_round_are_one_turn() {
    let request = decoded(
        r#""messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},
              {"type":"tool_use","id":"b","name":"g","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","is_error":true},{"type":"text","text":"go on"}]},
            {"role":"user","content":"and then"}]"#,
    );
    assert_eq!(request.turns.len(), 3);
    assert_eq!(request.turns[1].parts.len(), 3);
    let Part::ToolResult(second) = &request.turns[1].parts[1] else { panic!() };
    assert!(second.is_error && second.parts.is_empty());
}

#[test]
fn wire_fact_10_results_hold_pictures_and_documents() {
    let found = parts(
        r#"{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"see"},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
            {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"BBBB"},"title":"p.pdf"}]}"#,
    );
    let Part::ToolResult(result) = &found[0] else { panic!() };
    let kinds: Vec<_> = result
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Media(media) => Some((media.kind, media.name.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [(MediaKind::Image, None), (MediaKind::Document, Some("p.pdf"))]);
}

#[test]
fn wire_fact_44_documents_are_documents_wherever_they_are() {
    let check = |source: &str, expect: Source| {
        let found = parts(&format!(r#"{{"type":"document","source":{source}}}"#));
        let [Part::Media(Media { kind: MediaKind::Document, source, .. })] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(*source, expect);
    };
    let data = |media_type: &str, base64: &str| Source::Data {
        media_type: media_type.to_owned(),
        base64: base64.to_owned(),
    };
    check(
        r#"{"type":"base64","media_type":"Application/PDF; q=1","data":"JVBERg=="}"#,
        data("application/pdf", "JVBERg=="),
    );
    check(r#"{"type":"text","media_type":"text/plain","data":"hé"}"#, data("text/plain", "aMOp"));
    check(
        r#"{"type":"url","url":"https://example.com/a.pdf"}"#,
        Source::Url("https://example.com/a.pdf".to_owned()),
    );
    check(r#"{"type":"file","file_id":"file_011"}"#, Source::Uploaded("file_011".to_owned()));
    // One made of blocks is these blocks.
    let found = parts(
        r#"{"type":"document","title":"t","source":{"type":"content","content":[{"type":"text","text":"one"},
            {"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]}}"#,
    );
    assert!(matches!(found.as_slice(), [Part::Text(_), Part::Media(_)]), "{found:?}");
}

#[test]
fn wire_fact_08_tools_that_the_provider_ran_are_foreign() {
    let found = parts(
        r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},
           {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},
           {"type":"mcp_tool_use","id":"m","name":"n","server_name":"s","input":{}}"#,
    );
    let kinds: Vec<_> = found
        .iter()
        .map(|part| match part {
            Part::Foreign(foreign) => foreign.kind.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["server_tool_use", "web_search_tool_result", "mcp_tool_use"]);
}

#[test]
fn wire_fact_11_every_choice_of_tools_has_its_neutral_form() {
    let check = |choice: &str, expect: ToolChoice, parallel: Option<bool>| {
        let request = decoded(&format!(r#""messages":[],"tool_choice":{choice}"#));
        assert_eq!((request.tool_choice, request.parallel_tool_calls), (expect, parallel), "{choice}");
    };
    check(r#"{"type":"auto"}"#, ToolChoice::Auto, None);
    check(r#"{"type":"any","disable_parallel_tool_use":true}"#, ToolChoice::Required, Some(false));
    check(
        r#"{"type":"tool","name":"f","disable_parallel_tool_use":false}"#,
        ToolChoice::Named("f".to_owned()),
        Some(true),
    );
    check(r#"{"type":"none"}"#, ToolChoice::None, None);
}

#[test]
fn wire_fact_13_tools_that_are_not_functions_are_foreign() {
    let request = decoded(
        r#""messages":[],"tools":[{"name":"f","input_schema":{"type":"object"},"strict":true,"defer_loading":true},
            {"type":"custom","name":"g","description":"","input_schema":{"z":1,"a":2},"cache_control":{"type":"ephemeral"}},
            {"type":"web_search_20260318","name":"web_search"},{"type":"bash_20250124","name":"bash"}]"#,
    );
    let kinds: Vec<_> = request
        .tools
        .iter()
        .map(|tool| match tool {
            chat::Tool::Function(function) => function.parameters.as_ref().unwrap().as_str(),
            chat::Tool::Foreign(foreign) => foreign.kind.as_str(),
        })
        .collect();
    assert_eq!(kinds, [r#"{"type":"object"}"#, r#"{"z":1,"a":2}"#, "web_search_20260318", "bash_20250124"]);
    assert_eq!(request.unplaced, ["tools[].defer_loading"]);
}

#[test]
fn thinking_and_effort_are_read_together() {
    let check = |members: &str, expect: Option<Thinking>| {
        assert_eq!(decoded(&format!(r#""messages":[],{members}"#)).thinking, expect, "{members}");
    };
    let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
    check(r#""thinking":null"#, None);
    check(r#""output_config":{"effort":"medium"}"#, Some(effort(Effort::Medium)));
    check(r#""output_config":{"effort":"xhigh"}"#, Some(effort(Effort::Highest)));
    check(
        r#""thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"low"}"#,
        Some(Thinking { dynamic: true, shown: chat::Shown::Summary, ..effort(Effort::Low) }),
    );
    check(
        r#""thinking":{"type":"enabled","budget_tokens":2048}"#,
        Some(Thinking { budget_tokens: Some(2_048), ..Thinking::default() }),
    );
    assert!(decoded(r#""messages":[],"thinking":{"type":"disabled"}"#).thinking.unwrap().is_off());
}

#[test]
fn what_has_no_place_is_named() {
    let request = decoded(
        r#""messages":[{"role":"system","content":"x","clear_at":"never"}],"container":"c_1","context_management":{},
            "speed":"fast","mcp_servers":[],"output_config":{"task_budget":{}},"metadata":{"user_id":"u"},"inference_geo":null"#,
    );
    let expect = [
        "container",
        "context_management",
        "speed",
        "mcp_servers",
        "messages[].clear_at",
        "output_config.task_budget",
    ];
    assert_eq!(request.unplaced, expect);
    assert_eq!(request.user.as_deref(), Some("u"));
}

#[test]
fn a_mark_beside_the_messages_marks_the_last_part() {
    let request = decoded(
        r#""cache_control":{"type":"ephemeral"},"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]"#,
    );
    let marks: Vec<_> = request
        .turns
        .iter()
        .map(|turn| match &turn.parts[0] {
            Part::Text(text) => text.cache,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(marks, [None, Some(CacheMark::FiveMinutes)]);
}

#[test]
fn structured_output_is_read_from_either_member() {
    for member in [
        r#""output_config":{"format":{"type":"json_schema","schema":{"b":1,"a":2}}}"#,
        r#""output_format":{"type":"json_schema","schema":{"b":1,"a":2}}"#,
    ] {
        let request = decoded(&format!(r#""messages":[],{member}"#));
        let chat::Format::Schema { schema, .. } = request.format else { panic!("{member}") };
        assert_eq!(schema.as_str(), r#"{"b":1,"a":2}"#);
        assert!(request.unplaced.is_empty());
    }
}

#[test]
fn a_wrong_member_is_refused_by_its_path() {
    let message = |block: &str| format!(r#""messages":[{{"role":"user","content":[{block}]}}]"#);
    let check = |members: &str, expect: &str| assert_eq!(refused(members), expect);
    check(&message("3"), "messages[0].content[0] must be an object");
    check(&message(r#"{"type":"text"}"#), "messages[0].content[0].text is required");
    check(&message(r#"{"type":"text","text":1}"#), "messages[0].content[0].text must be a string");
    check(&message(r#"{"text":"x"}"#), "messages[0].content[0].type is required");
    check(
        &message(r#"{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"2d"}}"#),
        "messages[0].content[0].cache_control.ttl must be 5m or 1h",
    );
    check(
        &message(r#"{"type":"image","source":{"type":"ftp"}}"#),
        "messages[0].content[0].source.type must be base64, text, url, file or content",
    );
    check(
        &message(r#"{"type":"tool_use","id":"a","name":"f","input":[]}"#),
        "messages[0].content[0].input must be an object",
    );
    check(
        &message(r#"{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_use"}]}"#),
        "messages[0].content[0].content[0].type must not be a call or a result here",
    );
    check(r#""messages":[],"tools":[{"name":"f"}]"#, "tools[0].input_schema is required");
    check(
        r#""messages":[],"tool_choice":{"type":"some"}"#,
        "tool_choice.type must be auto, any, tool or none",
    );
    check(r#""messages":[],"thinking":{"type":"enabled"}"#, "thinking.budget_tokens is required");
    check(r#""messages":[],"top_k":1.5"#, "top_k must be an integer of zero or more");
    check(r#""messages":[],"metadata":"me""#, "metadata must be an object");
}
