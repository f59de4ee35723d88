use bytes::Bytes;
use domain::code::Code;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalog::StreamUsage;
use crate::vectors;

const LEAST: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn chat(body: &str) -> Result<Request, Unreadable> {
    read(Surface::Chat, body.as_bytes())
}

/// The smallest chat request with more members.
fn with(members: &str) -> String {
    format!("{},{members}}}", LEAST.strip_suffix('}').unwrap())
}

/// The body a row of the vectors describes; `None` when the row is about more than a body.
fn body_of(input: &Value) -> Option<Vec<u8>> {
    let nest = |generator: &Value| {
        let part = |name: &str| generator[name].as_str().unwrap();
        let depth = usize::try_from(generator["depth"].as_u64().unwrap()).unwrap();
        let inner = format!("{}1{}", part("open").repeat(depth), part("close").repeat(depth));
        with(&format!("\"{}\":{inner}", part("in_field")))
    };
    let count = |name: &str, of: &Value| usize::try_from(of[name].as_u64().unwrap()).unwrap();
    if let Some(text) = input["text"].as_str() {
        return Some(vectors::expand(text).into_bytes());
    }
    if let Some(encoded) = input["b64"].as_str() {
        return Some(data_encoding::BASE64.decode(encoded.as_bytes()).unwrap());
    }
    if let Some(patch) = input["body_patch"].as_object() {
        let members: Vec<String> = patch.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        return Some(with(&members.join(",")).into_bytes());
    }
    let generator = &input["gen"];
    let kind = generator["kind"].as_str().or(generator.as_str())?;
    let of = if generator.is_object() { generator } else { input };
    Some(match kind {
        "nest" => nest(generator).into_bytes(),
        "string" => format!("\"{}\"", "a".repeat(count("bytes", of))).into_bytes(),
        "repeat" if of["unit"] == "[" => "[".repeat(count("count", of)).into_bytes(),
        "repeat" => {
            let content = of["unit"].as_str().unwrap().repeat(count("count", of));
            LEAST.replace("hi", &content).into_bytes()
        }
        "json_pad" => {
            let mut body = LEAST.as_bytes().to_vec();
            body.resize(count("bytes", of), b' ');
            body
        }
        "array" => {
            let items = vec!["\"x\""; count("count", of)].join(",");
            with(&format!("\"{}\":[{items}]", of["field"].as_str().unwrap())).into_bytes()
        }
        _ => return None,
    })
}

#[test]
fn the_rows_about_bodies_hold() {
    let json_input =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/json_input.jsonl"));
    let http_limits =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/http_limits.jsonl"));
    let mut run = 0;
    for row in vectors::rows(json_input).into_iter().chain(vectors::rows(http_limits)) {
        let (id, input) = (row["id"].as_str().unwrap(), &row["input"]);
        // Headers, media types and sizes are judged where the body is received.
        let elsewhere = !input["content_type"].is_null() || input.get("content_type").is_some();
        if elsewhere || input.get("headers").is_some() || row["expect"]["verdict"] == "reject_413" {
            continue;
        }
        let Some(body) = body_of(input) else { continue };
        run += 1;
        match (row["expect"]["verdict"].as_str().unwrap(), read(Surface::Chat, &body)) {
            ("accept", Ok(_)) => {}
            ("reject_400", Err(refused)) => {
                assert_eq!(refused.code(), Code::InvalidRequest, "{id}");
                assert!(refused.to_string().len() < 120, "{id}: {refused}");
            }
            // Such a name is read as it stands: no route has it.
            ("reject_404_or_400", Ok(request)) => {
                let written: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(request.model, written["model"].as_str().unwrap(), "{id}");
            }
            (verdict, read) => panic!("{id}: expected {verdict}, got {read:?}"),
        }
    }
    assert_eq!(run, 78 + 12, "rows that are about bodies");
}

#[track_caller]
fn check_refused(surface: Surface, body: &str, field: Option<&str>, message: &str) {
    let refused = read(surface, body.as_bytes()).unwrap_err();
    assert_eq!(refused.field(), field, "{body}");
    assert_eq!(refused.to_string(), message, "{body}");
}

#[test]
fn refusals_name_the_member_and_never_the_value() {
    let check = |members: &str, field: &str, message: &str| {
        check_refused(Surface::Chat, &with(members), Some(field), message);
    };
    check(r#""stream":"true""#, "stream", "stream must be true or false");
    check(r#""max_tokens":1.0"#, "max_tokens", "max_tokens must be an integer of zero or more");
    check(
        r#""max_completion_tokens":4294967296"#,
        "max_completion_tokens",
        "max_completion_tokens is too large",
    );
    check(r#""n":129"#, "n", "n is too large");
    check(r#""temperature":2.5"#, "temperature", "temperature must be a number from 0 to 2");
    check(r#""stream_options":[]"#, "stream_options", "stream_options must be an object");
    let options = r#""stream_options":{"include_usage":1}"#;
    check(options, "stream_options.include_usage", "stream_options.include_usage must be true or false");
    check_refused(Surface::Chat, "[]", None, "the body must be a JSON object");
    check_refused(
        Surface::Chat,
        r#"{"messages":[]}"#,
        Some("messages"),
        "messages must be a non-empty array of messages",
    );
    check_refused(Surface::Chat, r#"{"model":"m"}"#, Some("messages"), "messages is required");
    let role = r#"{"model":"m","messages":[{"role":"user"},{"content":"x"}]}"#;
    check_refused(Surface::Chat, role, Some("messages[1].role"), "messages[1].role is required");
    let content = r#"{"model":"m","messages":[{"role":"user","content":{}}]}"#;
    let problem = "messages[0].content must be a string, an array of parts, or null";
    check_refused(Surface::Chat, content, Some("messages[0].content"), problem);
    check_refused(
        Surface::Embeddings,
        r#"{"model":"m","input":[]}"#,
        Some("input"),
        "input must be a string or a non-empty array",
    );
    let streamed = r#"{"model":"m","input":"x","stream":true}"#;
    check_refused(
        Surface::Embeddings,
        streamed,
        Some("stream"),
        "stream must not be true: embeddings are never streamed",
    );
    check_refused(Surface::Completions, r#"{"model":"m"}"#, Some("prompt"), "prompt is required");
    let duplicate = "{\"model\":\"secret\",\n\"model\":\"other\"}";
    let message = "an object in the body has the same member twice (line 2, column 7)";
    check_refused(Surface::Chat, duplicate, None, message);
}

#[test]
fn facts_are_read() {
    let body = with(
        r#""stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":7,"n":2"#,
    );
    let request = chat(&body).unwrap();
    assert!(request.stream && request.asks_usage);
    assert_eq!((request.max_output_tokens, request.choices), (Some(7), 2));

    let quiet = chat(&with(r#""stream":null,"stream_options":null,"max_tokens":null,"n":0"#)).unwrap();
    assert!(!quiet.stream && !quiet.asks_usage);
    assert_eq!((quiet.max_output_tokens, quiet.choices), (None, 1));

    let name = chat(&LEAST.replace("\"m\"", r#""org\/mod\u00e8le \"x\"""#)).unwrap();
    assert_eq!(name.model, "org/modèle \"x\"");
}

#[test]
fn legal_shapes_of_messages_pass() {
    for message in [
        r#"{"role":"assistant","content":null,"tool_calls":[]}"#,
        r#"{"role":"assistant"}"#,
        r#"{"role":"assistant","content":""}"#,
        r#"{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"x"}]}"#,
        r#"{"role":"anything new","content":"x","unknown":{"deep":[1]}}"#,
    ] {
        chat(&format!(r#"{{"model":"m","messages":[{message}]}}"#)).unwrap();
    }
}

#[test]
fn text_is_weighed_after_decoding_and_media_flat() {
    let weigh = |surface, body: &str| read(surface, body.as_bytes()).unwrap().input_bytes;
    assert_eq!(weigh(Surface::Chat, LEAST), 2);
    assert_eq!(weigh(Surface::Chat, &LEAST.replace("hi", "\\u00e9\\n")), 3);
    assert_eq!(weigh(Surface::Embeddings, r#"{"model":"m","input":["ab","c"]}"#), 3);
    assert_eq!(weigh(Surface::Embeddings, r#"{"model":"m","input":[[1,2],[3]]}"#), 12);
    assert_eq!(weigh(Surface::Completions, r#"{"model":"m","prompt":"abc","messages":"ignored"}"#), 3);
    assert_eq!(
        weigh(
            Surface::Chat,
            &with(r#""tools":[{"name":"f"}],"user":"someone","stop":"x"}"#).replace("}}", "}")
        ),
        2 + 5
    );
    let image = format!(
        r#"[{{"type":"text","text":"abc"}},{{"type":"image_url","image_url":{{"url":"{}"}}}}]"#,
        "A".repeat(100_000)
    );
    assert_eq!(weigh(Surface::Chat, &LEAST.replace("\"hi\"", &image)), 4 + 3 + 9 + 3_000);
}

#[track_caller]
fn check_rewrite(members: &str, expect: &str) {
    let body = with(members);
    let request = chat(&body).unwrap();
    let sent = request.rewrite(&Bytes::copy_from_slice(body.as_bytes()), "up/\"m\"", StreamUsage::OnRequest);
    let expect = expect
        .replace("LEAST", &with("").replace(",}", "").replace("{\"model\":\"m\"", r#""model":"up/\"m\"""#));
    assert_eq!(String::from_utf8(sent.to_vec()).unwrap(), expect);
}

#[test]
fn rewriting_touches_two_places_only() {
    check_rewrite(r#""x":1"#, r#"{LEAST,"x":1}"#);
    check_rewrite(r#" "stream" : false "#, r#"{LEAST, "stream" : false }"#);
    check_rewrite(r#""stream":true"#, r#"{"stream_options":{"include_usage":true},LEAST,"stream":true}"#);
    let usage = r#"{LEAST,"stream":true,"stream_options":{"include_usage":true}}"#;
    check_rewrite(r#""stream":true,"stream_options":{"include_usage":true}"#, usage);
    check_rewrite(r#""stream":true,"stream_options":{"include_usage":false}"#, usage);
    check_rewrite(r#""stream":true,"stream_options":{"include_usage":null}"#, usage);
    check_rewrite(r#""stream":true,"stream_options":{ }"#, usage);
    check_rewrite(r#""stream":true,"stream_options":null"#, usage);
    check_rewrite(
        r#""stream":true,"stream_options":{ "include_obfuscation":false}"#,
        r#"{LEAST,"stream":true,"stream_options":{"include_usage":true, "include_obfuscation":false}}"#,
    );
    check_rewrite(
        r#""stream":false,"stream_options":{"include_usage":false}"#,
        r#"{LEAST,"stream":false,"stream_options":{"include_usage":false}}"#,
    );
}

#[test]
fn usage_is_not_asked_of_those_who_refuse_to_be_asked() {
    let body = with(r#""stream":true"#);
    let sent =
        chat(&body).unwrap().rewrite(&Bytes::copy_from_slice(body.as_bytes()), "m", StreamUsage::Unasked);
    assert_eq!(sent, body.as_bytes());
}

#[test]
fn usage_may_stand_before_the_model() {
    let body =
        r#" {"stream_options":{"include_usage":false},"stream":true,"messages":[{"role":"u"}],"model":"a"}"#;
    let sent =
        chat(body).unwrap().rewrite(&Bytes::copy_from_slice(body.as_bytes()), "b", StreamUsage::OnRequest);
    let expect =
        r#" {"stream_options":{"include_usage":true},"stream":true,"messages":[{"role":"u"}],"model":"b"}"#;
    assert_eq!(sent, expect.as_bytes());
}

/// Options of a stream in every form, and what they are to become.
fn options() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!({}))),
        any::<bool>().prop_map(|asked| Some(json!({ "include_usage": asked }))),
        any::<Option<bool>>().prop_map(|asked| Some(json!({ "a": 1, "include_usage": asked, "z": [{}] }))),
        any::<String>().prop_map(|other| Some(json!({ "other": other }))),
    ]
}

proptest! {
    #[test]
    fn a_rewritten_body_says_the_same_but_for_model_and_usage(
        model in "[a-zA-Z0-9/:. é\"\\\\-]{1,40}", upstream in any::<String>(), stream in any::<Option<bool>>(),
        options in options(), content in any::<String>(), extra in any::<String>(), pretty in any::<bool>(),
    ) {
        let mut body = json!({ "messages": [{ "role": "user", "content": content }], "x": extra });
        body["model"] = Value::from(model.as_str());
        if let Some(stream) = stream { body["stream"] = Value::from(stream); }
        if let Some(options) = &options { body["stream_options"] = options.clone(); }
        let text = if pretty { serde_json::to_string_pretty(&body).unwrap() } else { body.to_string() };

        let request = chat(&text).unwrap();
        prop_assert_eq!(&request.model, &model);
        let sent = request.rewrite(&Bytes::copy_from_slice(text.as_bytes()), &upstream, StreamUsage::OnRequest);

        body["model"] = Value::from(upstream.as_str());
        if stream == Some(true) {
            if !body["stream_options"].is_object() { body["stream_options"] = json!({}); }
            body["stream_options"]["include_usage"] = Value::from(true);
        }
        prop_assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), body);
        prop_assert!(crate::json::read_strict(&sent, &mut Weight::default()).is_ok());
        // Not every name that an upstream may have is one that a caller may write.
        if let Ok(again) = read(Surface::Chat, &sent) {
            prop_assert_eq!(again.input_bytes, request.input_bytes);
            prop_assert_eq!(again.rewrite(&sent, &upstream, StreamUsage::OnRequest), sent);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(chat(&String::from_utf8_lossy(&body)).is_err());
        let cut = LEAST.len() * body.len() / 120;
        prop_assert!(chat(&LEAST[..cut]).is_err());
    }
}
