//! Calls that succeed: bytes pass unchanged, the right headers go up and come down, every model name resolves.

use crate::world::{PROMPT, PROVIDER_KEY, World};

/// A whole chat answer with odd spacing and an unknown member, which must survive.
pub const ANSWER: &str = r#"{ "id":"chatcmpl-1" ,"object":"chat.completion","x_unknown":[1, 2],"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;

/// A chat request that keeps its strange spacing.
pub fn request(model: &str) -> String {
    format!(
        r#"{{ "model" : "{model}", "messages":[{{"role":"user","content":"{PROMPT}"}}],"x_extra":{{"a":[1,2.50]}} }}"#
    )
}

#[tokio::test]
async fn bytes_pass_unchanged_but_for_the_model() {
    let world = World::start().await;
    world.upstream.answers(ANSWER);
    let answer = world.chat(&request("openai/gpt-test")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.text(), ANSWER);
    let received = world.upstream.only_received();
    assert_eq!(String::from_utf8(received.body).unwrap(), request("gpt-test"));
    world.finish().await;
}

#[tokio::test]
async fn the_upstream_sees_its_own_key_and_nothing_of_ours() {
    let world = World::start().await;
    world.upstream.answers(ANSWER);
    let headers = "content-type: application/json\r\ncookie: session=1\r\nx-portcullis-tags: a\r\nx-forwarded-for: 10.9.8.7\r\n\
                   user-agent: OpenAI/Python\r\nopenai-organization: org-mine\r\nx-request-id: mine-1\r\n";
    let answer = world.caller.post_with("/v1/chat/completions", headers, &request("gpt-test")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let head = world.upstream.only_received().head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1"), "{head}");
    assert!(head.contains(&format!("authorization: bearer {}", PROVIDER_KEY.to_ascii_lowercase())), "{head}");
    for absent in
        ["portcullis-tags", "cookie", "x-forwarded", "10.9.8.7", "openai-organization", "mine-1", "pc_live"]
    {
        assert!(!head.contains(absent), "{absent} in {head}");
    }
    let names: Vec<_> =
        head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let mut known = vec![
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ];
    known.retain(|name| !names.contains(name));
    assert_eq!((names.len(), known.len()), (7, 0), "{head}");
    world.finish().await;
}

#[tokio::test]
async fn wire_fact_48_the_answer_carries_our_headers_and_none_of_the_account() {
    let world = World::start().await;
    let account = "content-type: application/json\r\nopenai-organization: org-secret\r\nset-cookie: a=b\r\nserver: cloudflare\r\n\
                   x-request-id: req_theirs\r\nx-ratelimit-remaining-requests: 7\r\nopenai-processing-ms: 5\r\n";
    world.upstream.says(200, account, ANSWER);
    let answer = world
        .caller
        .post_with(
            "/chat/completions",
            "content-type: application/json\r\nx-request-id: mine-1\r\n",
            &request("gpt-test"),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.header("request-id"), Some("mine-1"));
    assert_eq!(answer.header("x-portcullis-provider"), Some("openai"));
    assert_eq!(answer.header("x-portcullis-model"), Some("gpt-test"));
    assert_eq!(answer.header("x-portcullis-attempts"), Some("1"));
    assert_eq!(answer.header("x-portcullis-route-mode"), Some("platform"));
    assert_eq!(answer.header("x-portcullis-cost-usd"), Some("0"), "an unpriced model costs nothing known");
    assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("1000000"));
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("999999"));
    for absent in ["openai-organization", "set-cookie", "server", "openai-processing-ms"] {
        assert_eq!(answer.header(absent), None, "{absent}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_insane_request_id_is_replaced() {
    let world = World::start().await;
    world.upstream.answers(ANSWER);
    let headers = "content-type: application/json\r\nx-request-id: <script>\r\n";
    let answer = world.caller.post_with("/v1/chat/completions", headers, &request("gpt-test")).await;
    assert!(answer.header("x-request-id").unwrap().starts_with("call_"), "{}", answer.head);
    world.finish().await;
}

#[tokio::test]
async fn embeddings_and_completions_take_the_same_way() {
    let world = World::start().await;
    let embedding = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAA"}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}"#;
    world.upstream.answers(embedding);
    let answer =
        world.caller.post("/v1/embeddings", r#"{"model":"embed-test","input":"PLANTED-prompt-text"}"#).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, embedding));
    let completion = r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"x","finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}"#;
    world.upstream.answers(completion);
    let answer =
        world.caller.post("/v1/completions", r#"{"model":"gpt-test","prompt":"PLANTED-prompt-text"}"#).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, completion));
    let paths: Vec<_> =
        world.upstream.received().iter().map(|r| r.head.lines().next().unwrap().to_owned()).collect();
    assert_eq!(paths, ["POST /v1/embeddings HTTP/1.1", "POST /v1/completions HTTP/1.1"]);
    let rows = world.usage(2).await;
    assert_eq!((rows[0].tokens.input, rows[0].tokens.output), (4, 0));
    assert_eq!((rows[1].tokens.input, rows[1].tokens.output), (2, 1));
    world.finish().await;
}

#[tokio::test]
async fn models_are_listed_and_shown() {
    let mut world = World::start().await;
    let list = world.caller.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["openai/embed-test", "openai/gpt-test", "openai/org/slashed"]);
    for path in ["/v1/models/gpt-test", "/models/openai/gpt-test", "/v1/models/openai%2Fgpt-test"] {
        let answer = world.caller.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json()["id"], "openai/gpt-test", "{path}");
        assert_eq!(answer.json()["owned_by"], "openai", "{path}");
    }
    world.caller.get("/v1/models/absent").await.is_error(404, "invalid_request_error", "model_not_found");
    world.caller.key = world.key_with(|new| new.models = vec!["gpt-test".into()]).await.0;
    let list = world.caller.get("/v1/models").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "a key sees what it may use");
    world.caller.get("/v1/models/embed-test").await.is_error(404, "invalid_request_error", "model_not_found");
    world.finish().await;
}

#[tokio::test]
async fn a_restricted_key_is_refused_by_every_name_of_the_model() {
    let mut world = World::start().await;
    world.caller.key = world.key_with(|new| new.models = vec!["openai/gpt-test".into()]).await.0;
    for model in ["embed-test", "openai/embed-test", "org/slashed", "openai/org/slashed"] {
        world.chat(&request(model)).await.is_error(403, "permission_error", "model_not_allowed");
    }
    for model in ["gpt-test", "openai/gpt-test"] {
        world.upstream.answers(ANSWER);
        assert_eq!(world.chat(&request(model)).await.status, 200, "{model}");
    }
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn a_new_connection_serves_within_a_second_and_ambiguity_is_named() {
    let world = World::start().await;
    world.add_connection("second", "groq", world.upstream.address, &["gpt-test", "llama-test"]).await;
    world.upstream.answers(ANSWER);
    crate::world::eventually("the new route", || async {
        world.caller.get("/v1/models/llama-test").await.status == 200
    })
    .await;
    assert_eq!(world.chat(&request("llama-test")).await.header("x-portcullis-provider"), Some("groq"));
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(400, "invalid_request_error", "invalid_request");
    assert!(answer.text().contains("groq/gpt-test, openai/gpt-test"), "{}", answer.text());
    world.finish().await;
}
