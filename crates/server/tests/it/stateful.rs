//! Answers that a provider keeps: whoever goes on from one reaches the account that holds it, and nobody else's is there.

use domain::id::ProjectId;
use serde_json::{Value, json};
use store::switch::Switch;

use crate::world::caller::{Answer, Caller};
use crate::world::upstream::Upstream;
use crate::world::{World, eventually, fresh};

const PATH: &str = "/v1/responses";

fn answer(id: &str) -> String {
    json!({
        "id": id, "object": "response", "status": "completed", "model": "gpt-test", "store": true,
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Good day.", "annotations": []}]}],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    })
    .to_string()
}

fn going_on(from: &str) -> String {
    json!({"model": "gpt-test", "input": "And then?", "previous_response_id": from}).to_string()
}

const BEGIN: &str = r#"{"model":"gpt-test","input":"Hello"}"#;

fn is_unknown(answer: &Answer) {
    answer.is_error(400, "invalid_request_error", "previous_response_not_found");
    assert_eq!(answer.json()["error"]["param"], "previous_response_id");
}

/// A caller with a key of another organization.
async fn stranger(world: &mut World) -> Caller {
    let (org, project) = (world.another_org("others").await, ProjectId::new(fresh()));
    let new =
        store::projects::NewProject { id: project, org, name: "theirs".into(), created_at: world.now() };
    world.store().projects().create(&new, &world.act()).await.unwrap();
    let (key, _) = world.key_with(|new| (new.org, new.project) = (org, project)).await;
    Caller::new(world.caller.address, key)
}

async fn delete(caller: &Caller, path: &str) -> Answer {
    caller.raw(caller.request("DELETE", path, "", "").as_bytes()).await
}

/// Begins a conversation that the upstream keeps as `id`.
async fn begin(world: &World, id: &str) {
    world.upstream.answers(&answer(id));
    let given = world.caller.post(PATH, BEGIN).await;
    assert_eq!((given.status, given.text()), (200, answer(id)));
}

#[tokio::test]
async fn wire_fact_40_going_on_reaches_the_account_that_holds_the_answer() {
    let other = Upstream::start().await;
    let mut world = World::with(&[("egress.also", &other.address.to_string())]).await;
    begin(&world, "resp_1").await;
    // Another account for the same model, which every new call goes to from now on.
    let address = other.address;
    world
        .add_connection_with("better", |new| {
            new.base_url = format!("http://{address}/v1");
            new.priority = 1;
        })
        .await;
    world.restart().await;
    other.answers(&answer("resp_2"));
    assert_eq!(world.caller.post(PATH, BEGIN).await.status, 200);
    assert_eq!((world.upstream.received().len(), other.received().len()), (1, 1));
    // The restart is behind us: what is known of `resp_1` comes from the store.
    let body = going_on("resp_1");
    world.upstream.answers(&answer("resp_3"));
    let given = world.caller.post(PATH, &body).await;
    assert_eq!((given.status, given.text()), (200, answer("resp_3")));
    assert_eq!(world.upstream.received()[1].body, body.as_bytes(), "untouched");
    other.answers(&answer("resp_4"));
    assert_eq!(world.caller.post(PATH, &going_on("resp_2")).await.status, 200);
    // Where that account fails, no other is asked.
    world.upstream.says(400, "content-type: application/json\r\n", r#"{"error":{"message":"m","code":"c"}}"#);
    assert_eq!(world.caller.post(PATH, &going_on("resp_1")).await.status, 400);
    world.upstream.says(500, "", "").says(500, "", "").says(500, "", "");
    assert_eq!(world.caller.post(PATH, &going_on("resp_1")).await.status, 502);
    assert_eq!(other.received().len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn what_a_stream_began_can_be_gone_on_from() {
    let world = World::start().await;
    let whole: Value = serde_json::from_str(&answer("resp_s")).unwrap();
    let created = json!({"type": "response.created", "sequence_number": 0,
        "response": {"id": "resp_s", "object": "response", "status": "in_progress", "store": true, "output": []}});
    let completed = json!({"type": "response.completed", "sequence_number": 1, "response": whole});
    let events: Vec<String> = [&created, &completed]
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect();
    world.upstream.streams(&events.iter().map(String::as_str).collect::<Vec<_>>());
    let streamed = r#"{"model":"gpt-test","input":"Hello","stream":true}"#;
    let given = world.caller.post(PATH, streamed).await;
    assert!(given.text().contains("response.completed"), "{}", given.text());
    world.upstream.answers(&answer("resp_t"));
    assert_eq!(world.caller.post(PATH, &going_on("resp_s")).await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn the_answer_of_another_tenant_is_as_unknown_as_none() {
    let mut world = World::start().await;
    begin(&world, "resp_ours").await;
    let stranger = stranger(&mut world).await;
    let theirs = stranger.post(PATH, &going_on("resp_ours")).await;
    is_unknown(&theirs);
    let never = stranger.post(PATH, &going_on("resp_never")).await;
    is_unknown(&never);
    assert_eq!(theirs.json()["error"]["message"], never.json()["error"]["message"]);
    for path in ["/v1/responses/resp_ours", "/v1/responses/resp_ours/input_items", "/responses/resp_never"] {
        stranger.get(path).await.is_error(404, "invalid_request_error", "not_found");
    }
    delete(&stranger, "/v1/responses/resp_ours").await.is_error(404, "invalid_request_error", "not_found");
    // Conversations are made nowhere here; one request names one thing of before.
    let body = r#"{"model":"gpt-test","input":"x","conversation":"conv_1"}"#;
    world.caller.post(PATH, body).await.is_error(404, "invalid_request_error", "not_found");
    let body =
        r#"{"model":"gpt-test","input":"x","conversation":"conv_1","previous_response_id":"resp_ours"}"#;
    world.caller.post(PATH, body).await.is_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(world.upstream.received().len(), 1, "nothing of it went out");
    world.finish().await;
}

#[tokio::test]
async fn what_the_provider_does_not_keep_is_not_gone_on_from() {
    let world = World::start().await;
    let forgotten = answer("resp_f").replace(r#""store":true"#, r#""store":false"#);
    world.upstream.answers(&forgotten);
    assert_eq!(world.caller.post(PATH, BEGIN).await.status, 200);
    is_unknown(&world.caller.post(PATH, &going_on("resp_f")).await);
    world.finish().await;
}

#[tokio::test]
async fn kept_answers_are_shown_and_removed_where_they_are_kept() {
    let world = World::start().await;
    begin(&world, "resp_1").await;
    let items = r#"{"object":"list","data":[],"has_more":false}"#;
    let gone = r#"{"id":"resp_1","object":"response","deleted":true}"#;
    let missing = r#"{"error":{"message":"Response with id 'resp_1' not found.","type":"invalid_request_error","param":"id","code":null}}"#;
    world.upstream.answers(&answer("resp_1")).answers(items).answers(gone);
    world.upstream.says(404, "content-type: application/json\r\n", missing);
    let shown = world.caller.get("/v1/responses/resp_1").await;
    assert_eq!((shown.status, shown.text()), (200, answer("resp_1")));
    let listed = world.caller.get("/responses/resp_1/input_items?limit=2&order=asc&include[]=a.b").await;
    assert_eq!((listed.status, listed.text().as_str()), (200, items));
    let removed = delete(&world.caller, "/v1/responses/resp_1").await;
    assert_eq!((removed.status, removed.text().as_str()), (200, gone));
    let told = world.caller.get("/v1/responses/resp_1").await;
    assert_eq!((told.status, &told.json()["error"]["param"]), (404, &json!("id")), "{}", told.text());
    let sent: Vec<String> = world.upstream.received()[1..]
        .iter()
        .map(|one| one.head.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(
        sent,
        [
            "GET /v1/responses/resp_1 HTTP/1.1",
            "GET /v1/responses/resp_1/input_items?limit=2&order=asc&include%5B%5D=a.b HTTP/1.1",
            "DELETE /v1/responses/resp_1 HTTP/1.1",
            "GET /v1/responses/resp_1 HTTP/1.1"
        ]
    );
    let refused = world.caller.get("/v1/responses/resp_1?stream=true").await;
    refused.is_error(400, "invalid_request_error", "invalid_request");
    world.usage(1).await;
    world.finish().await;
}

#[tokio::test]
async fn an_answer_behind_a_disabled_connection_is_out_of_service() {
    let world = World::start().await;
    begin(&world, "resp_1").await;
    let keys = world.store().provider_keys();
    let id = keys.get("main").await.unwrap().id;
    keys.set_state(id, Switch::Disabled, &world.act()).await.unwrap();
    world.add_connection_with("spare", |_| {}).await;
    eventually("the change", || async { world.caller.get("/v1/responses/resp_1").await.status == 503 }).await;
    let before = world.upstream.received().len();
    let refused = world.caller.post(PATH, &going_on("resp_1")).await;
    refused.is_error(503, "api_error", "no_available_route");
    assert!(refused.text().contains("keeps this response"), "{}", refused.text());
    assert_eq!(world.upstream.received().len(), before, "the spare one is not asked");
    world.finish().await;
}

#[tokio::test]
async fn nothing_is_made_in_the_background() {
    let world = World::start().await;
    let refused = world.caller.post(PATH, r#"{"model":"gpt-test","input":"x","background":true}"#).await;
    refused.is_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(refused.json()["error"]["param"], "background");
    world.finish().await;
}
