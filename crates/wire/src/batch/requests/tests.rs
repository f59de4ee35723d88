use proptest::prelude::*;

use super::*;

/// A line for the endpoint of this path.
fn line(custom_id: &str, url: &str, body: &str) -> String {
    format!(r#"{{"custom_id":"{custom_id}","method":"POST","url":"{url}","body":{body}}}"#)
}

fn chat(custom_id: &str) -> String {
    line(custom_id, "/v1/chat/completions", r#"{"model":"m","messages":[{"role":"user","content":"four"}]}"#)
}

/// A body for chat with these members beside the model and the messages.
fn chat_with(custom_id: &str, members: &str) -> String {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"four"}}],{members}}}"#);
    line(custom_id, "/v1/chat/completions", &body)
}

#[track_caller]
fn check_refused(file: &str, number: u32, field: Option<&str>, message: &str) {
    let bad = read(file.as_bytes()).unwrap_err();
    assert_eq!(
        (bad.line, bad.field.as_deref(), bad.to_string().as_str()),
        (number, field, message),
        "{file}"
    );
}

#[test]
fn a_file_says_what_it_asks_for() {
    let file = format!("{}\n{}\r\n{}\n", chat("a"), chat("b"), chat("c"));
    let lines = read(file.as_bytes()).unwrap();
    assert_eq!((lines.surface, lines.model.as_str(), lines.count), (Surface::Chat, "m", 3));
    assert_eq!((lines.input_bytes, lines.references.len()), (12, 0));
}

#[test]
fn every_endpoint_has_its_own_reader() {
    let check = |url: &str, body: &str, surface: Surface, input_bytes: u64| {
        let lines = read(line("a", url, body).as_bytes()).unwrap();
        assert_eq!((lines.surface, lines.input_bytes), (surface, input_bytes), "{url}");
    };
    check("/v1/completions", r#"{"model":"m","prompt":"four"}"#, Surface::Completions, 4);
    check("/v1/embeddings", r#"{"input":["a","b"],"model":"m"}"#, Surface::Embeddings, 2);
    check("/v1/responses", r#"{"model":"m","input":"four","store":false}"#, Surface::Responses, 4);
    check("/v1/moderations", r#"{"model":"m","input":"four"}"#, Surface::Moderations, 4);
}

#[test]
fn only_the_models_change() {
    let messages = r#""messages":[{"role":"user","content":"\"model\": \"m\""}]"#;
    let body = format!(r#"{{ {messages} , "model" : "\u006d" , "temperature":1.0}}"#);
    let tail = r#"{"method": "POST", "url":"/v1/chat/completions", "custom_id":"z"}"#;
    let last = tail.replace('}', &format!(", \"body\" : {body} }}"));
    let file = format!("{}\n{last}\n\n  \n", chat("a"));
    let lines = read(file.as_bytes()).unwrap();
    assert_eq!(lines.model, "m");
    let expect = file.replacen(r#""model":"m""#, r#""model":"up/\"x\"""#, 1).replacen(
        r#""model" : "\u006d""#,
        r#""model" : "up/\"x\"""#,
        1,
    );
    assert_eq!(lines.rewrite(file.as_bytes(), "up/\"x\""), expect.as_bytes());
}

#[test]
fn a_bad_line_is_named_with_its_member() {
    let (good, other) = (chat("a"), chat("b"));
    let check = |bad: &str, field: Option<&str>, message: &str| {
        check_refused(&format!("{good}\n{bad}\n{other}"), 2, field, &format!("line 2{message}"));
    };
    check("", None, " is empty");
    check(" \r", None, " is empty");
    check("{", None, " is not valid JSON (column 1)");
    check("[]", None, " must be a JSON object");
    check("{}", Some("custom_id"), ": custom_id is required");
    check(&chat("a"), Some("custom_id"), ": custom_id is that of an earlier line");
    let long = "i".repeat(513);
    check(&chat(&long), Some("custom_id"), ": custom_id must be a string of 1 to 512 bytes");
    check(&chat(""), Some("custom_id"), ": custom_id must be a string of 1 to 512 bytes");
    check(&other.replace("POST", "GET"), Some("method"), ": method must be POST");
    check(&other.replace(r#""method":"POST","#, ""), Some("method"), ": method is required");
    check(
        &other.replace(r#""method":"POST","#, r#""extra":1,"#),
        Some("extra"),
        ": extra is no member of a batch's lines",
    );
    let url =
        "url must be /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses or /v1/moderations";
    check(&other.replace("/v1/chat", "/v1/images"), Some("url"), &format!(": {url}"));
    check(&other.replace("/v1/chat/", "https://x.example/v1/chat/"), Some("url"), &format!(": {url}"));
    check(&line("b", "/v1/chat/completions", "7"), Some("body"), ": body must be an object");
    check(
        &line("b", "/v1/chat/completions", r#"{"model":"m"}"#),
        Some("body.messages"),
        ": body.messages is required",
    );
    check(
        &line("b", "/v1/completions", r#"{"model":"m","prompt":"p"}"#),
        Some("url"),
        ": url must be the same in all lines",
    );
    check(
        &other.replace(r#""model":"m""#, r#""model":"n""#),
        Some("body.model"),
        ": body.model must be the same in all lines",
    );
    check(
        &chat_with("b", r#""stream":true"#),
        Some("body.stream"),
        ": body.stream must not be true in a batch",
    );
    check(&chat_with("b", r#""n":1000"#), Some("body.n"), ": body.n is too large");
    check(&format!("{other}{other}"), None, &format!(" is not valid JSON (column {})", other.len() + 1));
    check(&format!("{other}\r{other}"), None, " has a carriage return that does not end it");
    check(&other.replace(',', ",\r"), None, " has a carriage return that does not end it");
    let twice = chat_with("b", r#""a":{"x":1,"x":2}"#);
    let column = twice.rfind(r#""x""#).unwrap() + 3;
    check(&twice, None, &format!(" has an object with the same member twice (column {column})"));
    check(
        &other.replace(r#""url""#, r#""custom_id""#),
        None,
        " has an object with the same member twice (column 44)",
    );
    let deep = chat_with("b", &format!(r#""a":{}{}"#, "[".repeat(64), "]".repeat(64)));
    check(&deep, None, " nests arrays and objects deeper than 64 levels");
}

#[test]
fn files_without_requests_are_refused() {
    for file in ["", "\n", " \r\n\t\n"] {
        check_refused(file, 1, None, "line 1 is empty");
    }
    let mut file = chat("a").into_bytes();
    file.extend_from_slice(b"\n\xff");
    let bad = read(&file).unwrap_err();
    assert_eq!(bad.to_string(), "line 2 is not valid UTF-8");
}

#[test]
fn responses_stand_alone() {
    let check = |members: &str, field: &str, message: &str| {
        let body = format!(r#"{{"model":"m","input":"x",{members}}}"#);
        check_refused(
            &line("a", "/v1/responses", &body),
            1,
            Some(field),
            &format!("line 1: {field} {message}"),
        );
    };
    check(r#""previous_response_id":"resp_1""#, "body.previous_response_id", "cannot be used in a batch");
    check(r#""conversation":"conv_1""#, "body.conversation", "cannot be used in a batch");
    check(r#""stream":true"#, "body.stream", "must not be true in a batch");
    check(
        r#""background":true"#,
        "body.background",
        "must be false: answers are not made in the background here",
    );
}

#[test]
fn kept_things_are_listed_once_with_their_line() {
    let part = |id: &str| {
        let body = format!(
            r#"{{"model":"m","input":[{{"role":"user","content":[{{"type":"input_file","file_id":"{id}"}}]}}]}}"#
        );
        line(&format!("c{id}"), "/v1/responses", &body)
    };
    let again = part("f2").replace("cf2", "again");
    let file = [part("f1"), part("f2"), again, part("f3")].join("\n");
    let lines = read(file.as_bytes()).unwrap();
    let found: Vec<_> =
        lines.references.iter().map(|named| (named.line, named.reference.id.as_str())).collect();
    assert_eq!(found, [(1, "f1"), (2, "f2"), (4, "f3")]);
    let many: Vec<String> = (0..=MAX_REFERENCES).map(|number| part(&number.to_string())).collect();
    assert!(read(many[..MAX_REFERENCES].join("\n").as_bytes()).is_ok());
    let message = "line 1001: body.file_id names one kept thing too many: a batch names at most 1000";
    check_refused(&many.join("\n"), 1_001, Some("body.file_id"), message);
}

#[test]
fn a_batch_has_so_many_requests_and_no_more() {
    let many = |count: u32| {
        let lines: Vec<String> = (0..count)
            .map(|number| line(&number.to_string(), "/v1/completions", r#"{"model":"m","prompt":"p"}"#))
            .collect();
        lines.join("\n")
    };
    assert_eq!(read(many(MAX_LINES).as_bytes()).unwrap().count, MAX_LINES);
    let message = "line 50001 is one too many: a batch has at most 50000 requests";
    check_refused(&many(MAX_LINES + 1), MAX_LINES + 1, None, message);
}

proptest! {
    #[test]
    fn all_but_the_models_is_kept_byte_for_byte(
        texts in prop::collection::vec(any::<String>(), 1..6),
        model in "[a-z/.-]{1,12}",
        to in "[ -~é]{1,12}",
        (end, last) in (prop_oneof![Just("\n"), Just("\r\n"), Just(" \n")], prop_oneof![Just(""), Just("\n"), Just(" \r\n\n")]),
    ) {
        let file = |model: &str| {
            let model = serde_json::to_string(model).unwrap();
            let lines: Vec<String> = texts.iter().enumerate().map(|(number, text)| {
                let text = serde_json::to_string(text).unwrap();
                let body = format!(r#"{{"messages":[{{"role":"user","content":{text}}}], "model": {model} }}"#);
                line(&number.to_string(), "/v1/chat/completions", &body)
            }).collect();
            lines.join(end) + last
        };
        let asked = file(&model);
        let lines = read(asked.as_bytes()).unwrap();
        prop_assert_eq!(&lines.model, &model);
        prop_assert_eq!(lines.rewrite(asked.as_bytes(), &model), asked.as_bytes());
        let expect = file(&to);
        prop_assert_eq!(lines.rewrite(asked.as_bytes(), &to), expect.as_bytes());
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(lines) = read(&bytes) {
            prop_assert!(lines.count > 0);
        }
    }
}
