//! Turns, blocks and media.

use super::*;

#[test]
fn wire_fact_02_names_of_calls_are_made_to_fit_call_and_result_alike() {
    let odd = "functions.find:0";
    let (body, _) = sent(
        &asks(vec![
            turn(Role::Assistant, vec![call(odd), call("toolu_1")]),
            turn(Role::User, vec![result(odd), result("toolu_1")]),
        ]),
        EFFORTS,
    );
    let made = body["messages"][0]["content"][0]["id"].as_str().unwrap();
    assert!(tool_id::Grammar::Word.allows(made), "{made}");
    assert_eq!(body["messages"][1]["content"][0]["tool_use_id"], made);
    assert_eq!(body["messages"][0]["content"][1]["id"], "toolu_1");
}

#[test]
fn wire_fact_05_a_call_without_arguments_has_an_empty_object() {
    let with = |arguments: &str| {
        let (id, name, arguments) = ("a".to_owned(), "f".to_owned(), arguments.to_owned());
        let call = ToolCall { id, name, arguments, signature: None, cache: None };
        let (body, dropped) = sent(&asks(vec![turn(Role::Assistant, vec![Part::ToolCall(call)])]), EFFORTS);
        (body["messages"][0]["content"][0]["input"].clone(), dropped)
    };
    assert_eq!(with("{}"), (json!({}), vec![]));
    assert_eq!(with(" {\"a\": 1} "), (json!({"a": 1}), vec![]));
    assert_eq!(with("{\"a\": "), (json!({}), vec!["arguments".to_owned()]));
}

#[test]
fn wire_fact_09_results_stand_first_and_right_after_their_calls() {
    let turns = vec![
        turn(Role::Assistant, vec![call("a")]),
        turn(Role::Assistant, vec![call("b")]),
        turn(Role::User, vec![Part::text("look"), result("a")]),
        turn(Role::User, vec![result("b"), Part::text("now")]),
    ];
    let (body, _) = sent(&asks(turns), EFFORTS);
    assert_eq!(roles(&body), ["assistant", "user"]);
    let kinds: Vec<&str> = body["messages"][1]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text", "text"]);
    assert_eq!(body["messages"][0]["content"].as_array().unwrap().len(), 2);
}

fn media(kind: MediaKind, source: Source) -> Part {
    Part::Media(Media { kind, source, name: None, detail: None, cache: None, signature: None })
}

fn data(media_type: &str, base64: &str) -> Source {
    Source::Data { media_type: media_type.to_owned(), base64: base64.to_owned() }
}

#[test]
fn wire_fact_10_results_carry_pictures_and_documents() {
    let picture = media(MediaKind::Image, data("image/png", "AAAA"));
    let pdf = media(MediaKind::Document, data("application/pdf", "BBBB"));
    let (id, parts) = ("a".to_owned(), vec![Part::text("see"), picture, pdf]);
    let result = Part::ToolResult(ToolResult { id, name: None, parts, is_error: true, cache: None });
    let (body, _) = sent(&asks(vec![turn(Role::User, vec![result])]), EFFORTS);
    let block = &body["messages"][0]["content"][0];
    assert_eq!(block["is_error"], true);
    assert_eq!(
        block["content"][1]["source"],
        json!({"type": "base64", "media_type": "image/png", "data": "AAAA"})
    );
    assert_eq!(block["content"][2]["type"], "document");
}

#[test]
fn wire_fact_44_documents_and_pictures_go_by_their_type() {
    let block = |part: Part| {
        sent(&asks(vec![turn(Role::User, vec![part])]), EFFORTS).0["messages"][0]["content"][0].clone()
    };
    let text = block(media(MediaKind::Document, data("text/csv", "YSxi")));
    assert_eq!(text["source"], json!({"type": "text", "media_type": "text/plain", "data": "a,b"}));
    let url = block(media(MediaKind::Document, Source::Url("https://example.com/a.pdf".to_owned())));
    assert_eq!(
        url,
        json!({"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}})
    );
    let file = block(media(MediaKind::Image, Source::Uploaded("file_01".to_owned())));
    assert_eq!(file["source"], json!({"type": "file", "file_id": "file_01"}));
    let scanned = block(media(MediaKind::Document, data("image/png", "AAAA")));
    assert_eq!(scanned["type"], "image");

    let check = |kind, source, expect: &str| {
        let request = asks(vec![turn(Role::User, vec![media(kind, source)])]);
        assert_eq!(refusal(&request), format!("{expect} cannot be sent to this model"));
    };
    check(MediaKind::Audio, data("audio/wav", "AAAA"), "sound");
    check(MediaKind::Video, data("video/mp4", "AAAA"), "a film");
    check(MediaKind::Image, data("image/tiff", "AAAA"), "a picture of the type image/tiff");
    check(MediaKind::Document, data("application/zip", "AAAA"), "a document of the type application/zip");
    let foreign = Source::Uploaded("file-abc".to_owned());
    check(MediaKind::Image, foreign, "a file that was uploaded to another provider");
}

#[test]
fn wire_fact_14_system_text_stands_as_near_to_its_place_as_the_model_allows() {
    let (user, system, assistant) = (Role::User, Role::System, Role::Assistant);
    let check = |order: &[Role], model: &str, expect: &[&str], blocks: usize, moved: bool| {
        let turns = order.iter().map(|role| says(*role, "words")).collect();
        let (body, dropped) = sent(&asks(turns), model);
        assert_eq!(roles(&body), expect, "{order:?}");
        assert_eq!(body["system"].as_array().map_or(0, Vec::len), blocks, "{order:?}");
        assert_eq!(dropped.contains(&"system position".to_owned()), moved, "{order:?}");
    };
    check(&[system, Role::Developer, user], EFFORTS, &["user"], 2, false);
    check(&[user, system], EFFORTS, &["user", "system"], 0, false);
    check(
        &[user, system, system, assistant, user],
        EFFORTS,
        &["user", "system", "assistant", "user"],
        0,
        false,
    );
    check(&[user, assistant, system, user], EFFORTS, &["user", "assistant", "user", "system"], 0, true);
    check(&[user, system, user, assistant], EFFORTS, &["user", "user", "system", "assistant"], 0, true);
    check(&[user, assistant, system], EFFORTS, &["user", "assistant"], 1, true);
    check(&[user, system, assistant], BUDGETS, &["user", "assistant"], 1, true);
}

#[test]
fn wire_fact_15_marks_are_written_where_they_stand() {
    let marked =
        |text: &str, mark| Part::Text(Text { text: text.to_owned(), cache: Some(mark), ..Text::default() });
    let tool = Function { name: "f".to_owned(), cache: Some(CacheMark::FiveMinutes), ..Function::default() };
    let request = Request {
        tools: vec![Tool::Function(tool)],
        ..asks(vec![
            turn(Role::System, vec![marked("long", CacheMark::OneHour), Part::text("short")]),
            turn(Role::User, vec![marked("x", CacheMark::FiveMinutes)]),
        ])
    };
    let (body, dropped) = sent(&request, EFFORTS);
    assert_eq!(body["system"][0]["cache_control"], json!({"type": "ephemeral", "ttl": "1h"}));
    assert!(body["system"][1].get("cache_control").is_none());
    assert_eq!(body["messages"][0]["content"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(body["tools"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert!(dropped.is_empty());
}

#[test]
fn wire_fact_17_blank_texts_are_left_out_and_nothing_is_put_in_their_place() {
    let turns = vec![
        turn(Role::System, vec![Part::text("  ")]),
        turn(Role::User, vec![Part::text(""), Part::text("\n"), Part::text("x ")]),
        turn(Role::Assistant, vec![Part::text("")]),
        says(Role::User, "y"),
    ];
    let (body, dropped) = sent(&asks(turns), EFFORTS);
    assert!(body.get("system").is_none());
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": "x "}, {"role": "user", "content": "y"}])
    );
    assert!(dropped.is_empty());
}

#[test]
fn wire_fact_19_histories_are_not_repaired() {
    let orders: [&[Role]; 4] = [
        &[Role::Assistant],
        &[Role::Assistant, Role::Assistant, Role::User],
        &[Role::User, Role::User, Role::Assistant],
        &[Role::User, Role::Assistant],
    ];
    for order in orders {
        let (body, _) = sent(&asks(order.iter().map(|role| says(*role, "x")).collect()), EFFORTS);
        let expect: Vec<&str> =
            order.iter().map(|role| if *role == Role::User { "user" } else { "assistant" }).collect();
        assert_eq!(roles(&body), expect);
    }
}
