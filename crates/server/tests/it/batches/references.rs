//! Names of kept things in the bodies of ordinary calls: at an account that many share, a project names what it brought
//! itself and nothing else.

use serde_json::{Value, json};

use super::{MODEL, Scene, bring, line, neighbour};
use crate::world::caller::{Answer, Caller};

const CHAT: &str = "/v1/chat/completions";

fn chat(file: &str) -> (&'static str, Value) {
    let part = json!({"type": "file", "file": {"file_id": file}});
    (CHAT, json!({"model": MODEL, "messages": [{"role": "user", "content": [part]}]}))
}

/// A call that names `file`, in each dialect.
fn calls(file: &str) -> [(&'static str, Value); 4] {
    let input = json!({"type": "input_file", "file_id": file});
    let document = json!({"type": "document", "source": {"type": "file", "file_id": file}});
    let data = json!({"fileData": {"fileUri": format!("https://generativelanguage.googleapis.com/v1beta/files/{file}")}});
    [
        chat(file),
        ("/v1/responses", json!({"model": MODEL, "input": [{"role": "user", "content": [input]}]})),
        (
            "/v1/messages",
            json!({"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": [document]}]}),
        ),
        ("/v1beta/models/gpt-4o-mini:generateContent", json!({"contents": [{"parts": [data]}]})),
    ]
}

async fn call(caller: &Caller, (path, body): (&str, Value)) -> Answer {
    caller.post(path, &body.to_string()).await
}

#[tokio::test]
async fn a_file_of_nobodys_is_refused_in_each_dialect() {
    let mut scene = Scene::start().await;
    let org = scene.world.org;
    let theirs = neighbour(&mut scene.world, org).await;
    let name = bring(&theirs, "/v1/files", "user_data", "x").await.json()["id"].as_str().unwrap().to_owned();
    let before = scene.keeper.asked().len();
    for file in [name.as_str(), "file-never", "../x"] {
        for asked in calls(file) {
            let path = asked.0;
            let refused = call(&scene.world.caller, asked).await;
            assert_eq!(refused.status, 404, "{path}: {}", refused.text());
            assert!(refused.text().contains("not found here"), "{path}: {}", refused.text());
            let error = &refused.json()["error"];
            match path {
                CHAT | "/v1/responses" => assert_eq!(error["param"], "file_id"),
                "/v1/messages" => assert_eq!(error["type"], "not_found_error"),
                _ => assert_eq!(error["status"], "NOT_FOUND"),
            }
        }
    }
    assert_eq!(scene.keeper.asked().len(), before, "nothing of it went out");
    scene.world.usage(0).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn ones_own_file_binds_the_call_to_where_it_is() {
    let scene = Scene::start().await;
    // A second account offers the same model, and would be asked first.
    scene
        .world
        .add_connection_with("second", |new| {
            new.serves = domain::route::Serves::Listed(vec![MODEL.to_owned()]);
            new.priority = 1;
        })
        .await;
    let mut scene = scene;
    scene.world.restart().await;
    let name = scene.bring("user_data", "x").await.json()["id"].as_str().unwrap().to_owned();
    for _ in 0..4 {
        // The keeper knows no conversations: that it was asked is enough.
        assert_eq!(call(&scene.world.caller, chat(&name)).await.status, 418);
    }
    assert_eq!(scene.keeper.asked().iter().filter(|line| line.starts_with("POST /v1/chat")).count(), 4);
    assert!(scene.world.upstream.received().is_empty());
    scene.world.usage(4).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn other_kept_things_are_nobodys_at_a_shared_account() {
    let scene = Scene::start().await;
    let responses = |member: &str, value: Value| {
        let mut body = json!({"model": MODEL, "input": "x"});
        body[member] = value;
        ("/v1/responses", body)
    };
    for asked in [
        responses("prompt", json!({"id": "pmpt_1"})),
        responses("input", json!([{"type": "item_reference", "id": "msg_1"}])),
        responses("tools", json!([{"type": "file_search", "vector_store_ids": ["vs_1"]}])),
        responses("tools", json!([{"type": "code_interpreter", "container": "cntr_1"}])),
        (
            "/v1beta/models/gpt-4o-mini:generateContent",
            json!({"contents": [{"parts": [{"text": "x"}]}], "cachedContent": "cachedContents/1"}),
        ),
    ] {
        let body = asked.1.to_string();
        let refused = call(&scene.world.caller, asked).await;
        assert_eq!(refused.status, 404, "{body}: {}", refused.text());
    }
    assert!(scene.keeper.asked().is_empty());
    scene.world.finish().await;
}

#[tokio::test]
async fn at_ones_own_account_every_name_is_ones_own() {
    let mut scene = Scene::start().await;
    scene.world.add_own_connection("own", MODEL).await.unwrap();
    scene.world.restart().await;
    scene.world.upstream.answers(crate::chat::ANSWER);
    let answer = call(&scene.world.caller, chat("file-brought-elsewhere")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(scene.keeper.asked().is_empty());
    scene.world.usage(1).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn lines_of_a_batch_name_what_calls_may_name() {
    let scene = Scene::start().await;
    let naming = |file: &str| {
        let (_, body) = chat(file);
        let content = body["messages"].to_string();
        let sent = line("r1", MODEL);
        let messages = sent.split_once("\"messages\":").unwrap().1.split_once(",\"logit_bias\"").unwrap().0;
        sent.replace(messages, &content)
    };
    let refused = scene.bring("batch", &naming("file-never")).await;
    refused.is_error(404, "invalid_request_error", "not_found");
    assert!(refused.text().contains("line 1 of the file"), "{}", refused.text());
    let name = scene.bring("user_data", "x").await.json()["id"].as_str().unwrap().to_owned();
    let taken = scene.bring("batch", &naming(&name)).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    scene.world.finish().await;
}

#[tokio::test]
async fn a_key_may_use_the_models_that_tools_ask_or_none_of_it_is_sent() {
    let mut scene = Scene::start().await;
    let (key, _) = scene.world.key_with(|new| new.models = vec![MODEL.to_owned()]).await;
    let limited = Caller::new(scene.world.caller.address, key);
    let asking = |model: &str| {
        let adviser = json!({"type": "advisor_20260301", "name": "advisor", "model": model});
        let picture = json!({"type": "image_generation", "model": model});
        [
            (
                "/v1/messages",
                json!({"model": MODEL, "max_tokens": 9, "tools": [adviser],
                    "messages": [{"role": "user", "content": "x"}]}),
            ),
            ("/v1/responses", json!({"model": MODEL, "input": "x", "tools": [picture]})),
        ]
    };
    for asked in asking("gpt-test") {
        let (path, body) = (asked.0, asked.1.to_string());
        let refused = call(&limited, asked).await;
        assert_eq!(refused.status, 403, "{path} {body}: {}", refused.text());
        assert!(refused.text().contains("`gpt-test` that tools.model names"), "{}", refused.text());
    }
    for asked in asking(MODEL) {
        let path = asked.0;
        assert_ne!(call(&limited, asked).await.status, 403, "{path}");
    }
    scene.world.finish().await;
}
