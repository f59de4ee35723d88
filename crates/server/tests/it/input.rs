//! What a request may be: paths, media types, sizes, and every row of the JSON vectors through the edge.

use crate::chat::{ANSWER, request};
use crate::world::{World, generous};

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn unreadable_requests_are_refused_with_their_reason() {
    let world = World::start().await;
    let check = |body: &'static str, param: Option<&'static str>| {
        let world = &world;
        async move {
            let answer = world.chat(body).await;
            answer.is_error(400, "invalid_request_error", "invalid_request");
            assert_eq!(answer.json()["error"]["param"].as_str(), param, "{body}: {}", answer.text());
        }
    };
    check("", None).await;
    check("{", None).await;
    check("null", None).await;
    check(r#"{"model":"gpt-test","messages":[{"role":"user","content":"hi"}]}x"#, None).await;
    check(r#"{"messages":[{"role":"user","content":"hi"}]}"#, Some("model")).await;
    check(r#"{"model":"gpt-test","messages":[]}"#, Some("messages")).await;
    check(
        r#"{"model":"gpt-test","messages":[{"role":"user","content":"hi"}],"stream":"true"}"#,
        Some("stream"),
    )
    .await;
    let duplicate = world
        .chat(r#"{"model":"gpt-test","model":"gpt-test","messages":[{"role":"user","content":"hi"}]}"#)
        .await;
    duplicate.is_error(400, "invalid_request_error", "invalid_request");
    assert!(duplicate.text().contains("same member twice"), "{}", duplicate.text());
    let deep = format!(r#"{{"model":"gpt-test","x":{}{}}}"#, "[".repeat(70), "]".repeat(70));
    world.chat(&deep).await.is_error(400, "invalid_request_error", "invalid_request");
    world.chat(&request("absent")).await.is_error(404, "invalid_request_error", "model_not_found");
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::start().await;
    for kind in [
        "text/plain",
        "application/json; charset=utf-16",
        "application/vnd.api+json",
        "multipart/form-data; boundary=x",
    ] {
        let headers = format!("content-type: {kind}\r\n");
        let answer = world.caller.post_with("/v1/chat/completions", &headers, &request("gpt-test")).await;
        answer.is_error(415, "invalid_request_error", "unsupported_media_type");
    }
    let missing = world.caller.post_with("/v1/chat/completions", "", &request("gpt-test")).await;
    missing.is_error(415, "invalid_request_error", "unsupported_media_type");
    let compressed = format!("{JSON}content-encoding: gzip\r\n");
    let answer = world.caller.post_with("/v1/chat/completions", &compressed, &request("gpt-test")).await;
    answer.is_error(415, "invalid_request_error", "unsupported_media_type");
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn bodies_over_the_cap_are_refused_declared_or_chunked() {
    let mut world = World::start().await;
    let mut limits = generous();
    limits.body_bytes = 1_000;
    world.caller.key = world.key(limits).await;
    // Declared: refused before a byte of the body is sent.
    let head = world
        .caller
        .request("POST", "/v1/chat/completions", JSON, "")
        .replace("content-length: 0", "content-length: 5000000000");
    world.caller.raw(head.as_bytes()).await.is_error(413, "invalid_request_error", "request_too_large");
    // Chunked: refused at the cap.
    let head = world
        .caller
        .request("POST", "/v1/chat/completions", JSON, "")
        .replace("content-length: 0", "transfer-encoding: chunked");
    let chunked = format!("{head}3e8\r\n{}\r\n1\r\nx\r\n", "x".repeat(1_000));
    world.caller.raw(chunked.as_bytes()).await.is_error(413, "invalid_request_error", "request_too_large");
    // At the cap: accepted, in one chunk or many.
    let body = request("gpt-test");
    let padded = format!("{}{body}", " ".repeat(1_000 - body.len()));
    world.upstream.answers(ANSWER).answers(ANSWER);
    assert_eq!(world.chat(&padded).await.status, 200);
    let chunks: String = padded
        .as_bytes()
        .chunks(7)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()))
        .collect();
    assert_eq!(world.caller.raw(format!("{head}{chunks}0\r\n\r\n").as_bytes()).await.status, 200);
    assert_eq!(world.upstream.received()[0].body, world.upstream.received()[1].body);
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_timed_out() {
    let world = World::with(&[("timeouts.body_ms", "150")]).await;
    let head = world
        .caller
        .request("POST", "/v1/chat/completions", JSON, "")
        .replace("content-length: 0", "content-length: 10");
    let answer = world.caller.raw(head.as_bytes()).await;
    answer.is_error(408, "invalid_request_error", "request_timeout");
    world.finish().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let world = World::start().await;
    world.caller.get("/v1/chat/completions").await.is_error(
        405,
        "invalid_request_error",
        "method_not_allowed",
    );
    world.caller.get("/nothing").await.is_error(404, "invalid_request_error", "not_found");
    world.caller.get("/api/v1/keys").await.is_error(404, "invalid_request_error", "not_found");
    assert_eq!(world.caller.get("/healthz").await.text(), "ok");
    assert_eq!(world.caller.get("/health/readiness").await.text(), "ready");
    world.finish().await;
}

#[tokio::test]
async fn the_json_vectors_hold_through_the_edge() {
    let world = World::start().await;
    let mut checked = 0;
    for row in vectors("json_input") {
        let (input, id) = (&row["input"], row["id"].as_str().unwrap());
        let Some(text) = input["text"].as_str().filter(|text| !text.contains("__GEN_")) else { continue };
        let kind = match input.get("content_type") {
            Some(kind) => kind.as_str(),
            None => Some("application/json"),
        };
        let headers = kind.map(|kind| format!("content-type: {kind}\r\n")).unwrap_or_default();
        world.upstream.answers(ANSWER);
        let body = text.replace("\"m\"", "\"gpt-test\"");
        let answer = world.caller.post_with("/v1/chat/completions", &headers, &body).await;
        let verdict = row["expect"]["verdict"].as_str().unwrap();
        let expected: &[u16] = match verdict {
            "accept" => &[200],
            "reject_400" => &[400],
            "reject_404_or_400" => &[400, 404],
            "reject_415" => &[415],
            other => panic!("{id}: unknown verdict {other}"),
        };
        assert!(expected.contains(&answer.status), "{id}: {} {}", answer.status, answer.text());
        checked += 1;
    }
    assert!(checked >= 50, "only {checked} rows were checked");
    world.finish().await;
}

fn vectors(name: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/../../tests/vectors/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap().replace('\u{27C2}', "");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
