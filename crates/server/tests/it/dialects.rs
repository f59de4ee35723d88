//! Callers of every dialect before upstreams of every protocol, through the edge: what goes up, what comes down, what is
//! booked, and in whose words a refusal is told.

mod sides;

use domain::route::Serves;
use domain::usage::{Outcome, Surface, UsageSource};
use serde_json::{Value, json};

use crate::world::{PROMPT, PROVIDER_KEY, World, eventually};
use sides::{CALLERS, Caller, UPSTREAMS, Upstream};

/// A World with one connection of each provider to the scripted upstream, each with a model of its own.
async fn world() -> World {
    let world = World::start().await;
    for upstream in UPSTREAMS {
        let base_url = format!("http://{}/v1", world.upstream.address);
        world
            .add_connection_with(upstream.model, |new| {
                new.provider = upstream.provider.to_owned();
                new.base_url = base_url;
                new.serves = Serves::Listed(vec![upstream.model.to_owned()]);
            })
            .await;
    }
    eventually("the connections are known", || async {
        let listed = world.caller.get("/v1/models").await.text();
        UPSTREAMS.iter().all(|upstream| listed.contains(upstream.model))
    })
    .await;
    world
}

fn each_pair() -> impl Iterator<Item = (&'static Caller, &'static Upstream)> {
    CALLERS.iter().flat_map(|caller| UPSTREAMS.iter().map(move |upstream| (caller, upstream)))
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn whole_answers_reach_every_dialect_from_every_protocol() {
    for (caller, upstream) in each_pair() {
        let pair = format!("{} before {}", caller.name, upstream.provider);
        let world = world().await;
        world.upstream.answers(upstream.answer);
        let answer =
            world.caller.post(&caller.path(upstream.model, false), &caller.body(upstream, false)).await;
        assert_eq!(answer.status, 200, "{pair}: {}", answer.text());
        assert_eq!(answer.json().pointer(caller.text), Some(&json!("Hello")), "{pair}: {}", answer.text());

        let received = world.upstream.only_received();
        let head = received.head.to_ascii_lowercase();
        let line = format!("post /v1/{} http/1.1", upstream.path(false));
        assert!(head.starts_with(&line), "{pair}: {head}");
        let key = format!("{}{}", upstream.key, PROVIDER_KEY).to_ascii_lowercase();
        assert!(head.contains(&key), "{pair}: {head}");
        let sent = String::from_utf8(received.body).unwrap();
        assert!(sent.contains(PROMPT), "{pair}: {sent}");

        let usage = world.only_usage().await;
        assert_eq!(usage.opened.surface, caller.surface, "{pair}");
        assert_eq!((usage.outcome, usage.source), (Outcome::Complete, UsageSource::Provider), "{pair}");
        assert_eq!((usage.tokens.input, usage.tokens.output), (9, 3), "{pair}");
        if caller.protocol == upstream.protocol {
            assert_eq!(answer.text(), upstream.answer, "{pair}: bytes pass");
            let mut own: Value = serde_json::from_str(&caller.body(upstream, false)).unwrap();
            if own.get("model").is_some() {
                own["model"] = upstream.model.into();
            }
            assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), own, "{pair}");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn streams_reach_every_dialect_from_every_protocol() {
    for (caller, upstream) in each_pair() {
        let pair = format!("{} before {}", caller.name, upstream.provider);
        let world = world().await;
        world.upstream.streams(upstream.stream);
        let answer =
            world.caller.post(&caller.path(upstream.model, true), &caller.body(upstream, true)).await;
        assert_eq!(answer.status, 200, "{pair}: {}", answer.text());
        let media_type = answer.header("content-type").unwrap();
        assert!(media_type.starts_with("text/event-stream"), "{pair}: {media_type}");
        assert_eq!(caller.streamed_text(&answer.text()), "Hello", "{pair}: {}", answer.text());
        assert!(answer.text().contains(caller.end), "{pair}: {}", answer.text());
        let head = world.upstream.only_received().head.to_ascii_lowercase();
        assert!(head.starts_with(&format!("post /v1/{} http/1.1", upstream.path(true))), "{pair}: {head}");
        let usage = world.only_usage().await;
        assert_eq!((usage.outcome, usage.source), (Outcome::Complete, UsageSource::Provider), "{pair}");
        assert_eq!((usage.tokens.input, usage.tokens.output), (9, 3), "{pair}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_stream_without_its_end_is_an_error_in_every_dialect() {
    for (caller, upstream) in each_pair() {
        let pair = format!("{} before {}", caller.name, upstream.provider);
        let world = world().await;
        world.upstream.streams(&upstream.stream[..upstream.unfinished]);
        let answer =
            world.caller.post(&caller.path(upstream.model, true), &caller.body(upstream, true)).await;
        assert_eq!(answer.status, 200, "{pair}: {}", answer.text());
        assert!(answer.text().contains(caller.failed), "{pair}: {}", answer.text());
        assert!(!answer.text().contains(caller.end), "{pair}: {}", answer.text());
        assert_eq!(world.only_usage().await.outcome, Outcome::Cut, "{pair}");
        world.finish().await;
    }
}

#[tokio::test]
async fn an_upstream_error_is_told_in_the_callers_dialect() {
    for (caller, upstream) in each_pair() {
        let pair = format!("{} before {}", caller.name, upstream.provider);
        let world = world().await;
        world.upstream.says(400, JSON, upstream.error);
        let answer =
            world.caller.post(&caller.path(upstream.model, false), &caller.body(upstream, false)).await;
        assert_eq!(answer.status, 400, "{pair}");
        let json = answer.json();
        assert_eq!(json["error"]["message"], "too hot", "{pair}: {json}");
        assert_eq!(json.pointer(caller.kind).unwrap(), caller.bad_request, "{pair}: {json}");
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{pair}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_refusal_of_the_gate_has_the_shape_of_the_dialect() {
    let mut world = world().await;
    for caller in CALLERS {
        let path = caller.path("nobody-knows", false);
        let body = caller.body(&Upstream { model: "nobody-knows", ..UPSTREAMS[0] }, false);
        let answer = world.caller.post(&path, &body).await;
        assert_eq!(answer.status, 404, "{}", caller.name);
        assert_eq!(answer.json().pointer(caller.kind).unwrap(), caller.not_found, "{}", caller.name);
    }
    let key = std::mem::replace(&mut world.caller.key, "pc_live_wrong".to_owned());
    for caller in CALLERS {
        let answer = world.caller.post(&caller.path("gpt-test", false), "{}").await;
        assert_eq!(answer.status, 401, "{}", caller.name);
        assert_eq!(answer.json().pointer(caller.kind).unwrap(), caller.unauthorized, "{}", caller.name);
    }
    world.caller.key = key;
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn wire_fact_47_advice_is_passed_on_and_a_bad_key_is_not_the_callers() {
    for (caller, upstream) in each_pair() {
        let pair = format!("{} before {}", caller.name, upstream.provider);
        let world = world().await;
        let headers = format!("{JSON}retry-after: 70\r\n");
        world.upstream.says(429, &headers, upstream.error);
        let path = caller.path(upstream.model, false);
        let answer = world.caller.post(&path, &caller.body(upstream, false)).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("70")), "{pair}");
        assert!(!answer.text().contains("too hot"), "{pair}");
        world.finish().await;

        let world = self::world().await;
        world.upstream.says(401, JSON, upstream.error);
        let answer = world.caller.post(&path, &caller.body(upstream, false)).await;
        assert_eq!(answer.status, 502, "{pair}: {}", answer.text());
        world.finish().await;
    }
}

#[tokio::test]
async fn googles_bad_key_is_the_gates_fault() {
    let world = world().await;
    let said = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",
        "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
    world.upstream.says(400, JSON, said);
    let answer = world
        .chat(&json!({"model": "gem-test", "messages": [{"role": "user", "content": "x"}]}).to_string())
        .await;
    answer.is_error(502, "api_error", "provider_error");
    world.only_usage().await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_left_out_is_named_or_refused() {
    let world = world().await;
    let body = json!({"model": "claude-test", "seed": 7, "logit_bias": {"5": 1},
        "messages": [{"role": "user", "content": PROMPT}]})
    .to_string();
    world.upstream.answers(UPSTREAMS[2].answer);
    let answer = world.chat(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let dropped = answer.header("x-portcullis-dropped").unwrap();
    assert!(dropped.split(", ").any(|name| name == "seed"), "{dropped}");
    assert!(dropped.split(", ").any(|name| name == "logit_bias"), "{dropped}");

    let strict = format!("{JSON}x-portcullis-strict: true\r\n");
    let answer = world.caller.post_with("/v1/chat/completions", &strict, &body).await;
    answer.is_error(400, "invalid_request_error", "invalid_request");
    let odd = format!("{JSON}x-portcullis-strict: maybe\r\n");
    let answer = world.caller.post_with("/v1/chat/completions", &odd, &body).await;
    answer.is_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(answer.json()["error"]["param"], "x-portcullis-strict");
    assert_eq!(world.upstream.received().len(), 1);
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn versions_of_the_protocol_are_the_callers_to_choose() {
    let world = world().await;
    let body =
        json!({"model": "claude-test", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
            .to_string();
    let chosen = format!("{JSON}anthropic-version: 2099-01-01\r\nanthropic-beta: one-1,two-2\r\n");
    for (headers, version, beta) in [(JSON, "2023-06-01", false), (chosen.as_str(), "2099-01-01", true)] {
        world.upstream.answers(UPSTREAMS[2].answer);
        assert_eq!(world.caller.post_with("/v1/messages", headers, &body).await.status, 200);
        let head = world.upstream.received().pop().unwrap().head;
        assert!(head.contains(&format!("anthropic-version: {version}")), "{head}");
        assert_eq!(head.contains("anthropic-beta: one-1,two-2"), beta, "{head}");
    }
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn tokens_are_counted_by_who_can_and_cost_nothing() {
    let world = world().await;
    let (claude, gemini) = (r#"{"input_tokens":17}"#, r#"{"totalTokens":17}"#);
    let messages =
        |model: &str| json!({"model": model, "messages": [{"role": "user", "content": PROMPT}]}).to_string();
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}).to_string();
    let count = |model: &str| format!("/v1beta/models/{model}:countTokens");
    let cases = [
        ("/v1/messages/count_tokens".to_owned(), messages("claude-test"), claude, "/input_tokens"),
        ("/v1/messages/count_tokens".to_owned(), messages("gem-test"), gemini, "/input_tokens"),
        (count("gem-test"), contents.clone(), gemini, "/totalTokens"),
        (count("claude-test"), contents.clone(), claude, "/totalTokens"),
    ];
    for (path, body, said, place) in &cases {
        world.upstream.answers(said);
        let answer = world.caller.post(path, body).await;
        assert_eq!(answer.json().pointer(place), Some(&json!(17)), "{path}: {}", answer.text());
        assert!(String::from_utf8(world.upstream.received().pop().unwrap().body).unwrap().contains(PROMPT));
    }
    let answer = world.caller.post(&count("chat-test"), &contents).await;
    assert_eq!((answer.status, &answer.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    for usage in world.usage(4).await {
        assert!(matches!(usage.opened.surface, Surface::MessageTokens | Surface::GenerateTokens));
        assert_eq!((usage.tokens.total(), usage.cost.nanos()), (0, 0));
    }
    world.finish().await;
}

#[tokio::test]
async fn embeddings_cross_the_border() {
    let world = world().await;
    let openai = json!({"model": "gem-test", "input": [PROMPT, "b"]}).to_string();
    world.upstream.answers(r#"{"embeddings":[{"values":[0.5]},{"values":[0.25]}]}"#);
    let answer = world.caller.post("/v1/embeddings", &openai).await.json();
    assert_eq!(answer["data"][1]["embedding"], json!([0.25]), "{answer}");
    let received = world.upstream.received().pop().unwrap();
    assert!(received.head.starts_with("POST /v1/models/gem-test:batchEmbedContents "), "{}", received.head);

    let google = json!({"content": {"parts": [{"text": PROMPT}]}}).to_string();
    world.upstream.answers(r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}"#);
    let answer = world.caller.post("/v1beta/models/chat-test:embedContent", &google).await.json();
    assert_eq!(answer["embedding"]["values"], json!([0.5]), "{answer}");

    // The same model under its full name, which the upstream is not told.
    let google = json!({"content": {"parts": [{"text": PROMPT}]}, "taskType": "CLUSTERING"}).to_string();
    world.upstream.answers(r#"{"embeddings":[{"values":[0.5]}]}"#);
    let answer = world.caller.post("/v1beta/models/gemini_compatible/gem-test:embedContent", &google).await;
    assert_eq!(answer.json()["embedding"]["values"], json!([0.5]), "{}", answer.text());
    assert_eq!(answer.header("x-portcullis-dropped"), Some("taskType"));
    let usage = world.usage(3).await;
    assert_eq!(usage[0].source, UsageSource::Estimated);
    assert_eq!(usage[1].tokens.input, 4);
    world.finish().await;
}

#[tokio::test]
async fn googles_callers_without_events_get_an_array() {
    for upstream in UPSTREAMS {
        let world = world().await;
        let caller = &CALLERS[3];
        world.upstream.streams(upstream.stream);
        let path = format!("/v1beta/models/{}:streamGenerateContent", upstream.model);
        let answer = world.caller.post(&path, &caller.body(upstream, true)).await;
        let rows = answer.json();
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
        let text: String = rows
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| row.pointer("/candidates/0/content/parts/0/text")?.as_str())
            .collect();
        assert_eq!(text, "Hello", "{}: {rows}", upstream.provider);
        world.only_usage().await;
        world.finish().await;
    }
}

#[tokio::test]
async fn the_models_are_listed_in_the_dialect_that_asks() {
    let world = world().await;
    let openai = world.caller.get("/v1/models").await.json();
    assert_eq!(openai["object"], "list");
    let path = world.caller.request("GET", "/v1/models", "anthropic-version: 2023-06-01\r\n", "");
    let anthropic = world.caller.raw(path.as_bytes()).await.json();
    assert_eq!((&anthropic["has_more"], &anthropic["data"][0]["type"]), (&json!(false), &json!("model")));
    let google = world.caller.get("/v1beta/models").await.json();
    assert!(google["models"][0]["name"].as_str().unwrap().starts_with("models/"), "{google}");
    let one = world.caller.get("/v1beta/models/gemini_compatible/gem-test").await.json();
    assert_eq!(one["name"], "models/gemini_compatible/gem-test");
    for list in [&openai["data"], &anthropic["data"], &google["models"]] {
        assert_eq!(list.as_array().unwrap().len(), openai["data"].as_array().unwrap().len());
    }
    world.finish().await;
}
