//! The beginning of a batch: recorded before its provider is asked, and asked once.

use std::time::Duration;

use domain::usage::{Outcome, Surface, UsageSource};
use serde_json::json;

use super::{HOUR, MODEL, Scene, creation, delete, lines, result};
use crate::world::caller::Caller;
use crate::world::eventually;
use crate::world::keeper::Trouble;

#[tokio::test]
async fn a_batch_begins_at_the_connection_that_holds_its_requests() {
    let scene = Scene::start().await;
    let input = scene.input().await;
    let body = json!({"input_file_id": input, "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": {"of": "the test"}, "output_expires_after": {"anchor": "created_at", "seconds": 3600}});
    let made = scene.world.caller.post("/v1/batches", &body.to_string()).await;
    assert_eq!((made.status, &made.json()["status"]), (200, &json!("validating")), "{}", made.text());
    let name = made.json()["id"].as_str().unwrap().to_owned();
    let received = scene.keeper.received();
    assert_eq!(received.last().unwrap().body, body.to_string().as_bytes(), "byte for byte");
    assert_eq!(scene.batch(&name).await, made.json());
    let listed = async || scene.world.caller.get("/v1/batches").await.json();
    eventually("the batch in the list", || async { listed().await["data"] == json!([made.json()]) }).await;
    let cancelled = scene.world.caller.post_with(&format!("/batches/{name}/cancel"), "", "").await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelling")));
    // Nothing is booked of a batch that is not at its end.
    scene.unsettled(1, 0).await;
    scene.look().await;
    scene.world.usage(0).await;
    scene.keeper.ends(&name, "cancelled", None, None);
    scene.look().await;
    assert_eq!(scene.world.only_usage().await.outcome, Outcome::Cancelled);
    scene.world.finish().await;
}

#[tokio::test]
async fn what_cannot_begin_does_not() {
    let mut scene = Scene::start().await;
    let input = scene.input().await;
    let opaque = scene.bring("user_data", "x").await.json()["id"].as_str().unwrap().to_owned();
    let check = async |caller: &Caller, body: String, status: u16, param: Option<&str>| {
        let refused = caller.post("/v1/batches", &body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text());
        assert_eq!(refused.json()["error"]["param"], json!(param), "{body}");
    };
    let ours = Caller::new(scene.world.caller.address, scene.world.caller.key.clone());
    check(&ours, creation("file-none"), 404, Some("input_file_id")).await;
    check(&ours, creation("../batches"), 400, Some("input_file_id")).await;
    check(&ours, creation(&opaque), 400, Some("input_file_id")).await;
    check(&ours, creation(&input).replace("chat/completions", "embeddings"), 400, Some("endpoint")).await;
    check(&ours, creation(&input).replace("chat/completions", "files"), 400, Some("endpoint")).await;
    check(&ours, creation(&input).replace("24h", "soon"), 400, Some("completion_window")).await;
    check(&ours, creation(&input).replacen('{', r#"{"x":1,"#, 1), 400, Some("body")).await;
    // What the key may not any more, or another key may not.
    let (key, _) = scene.world.key_with(|new| new.models = vec!["gpt-test".to_owned()]).await;
    let barred = Caller::new(scene.world.caller.address, key);
    check(&barred, creation(&input), 403, Some("model")).await;
    let scopes = vec![domain::scope::Access::Batches];
    let (key, _) = scene.world.key_with(|new| new.scopes = scopes).await;
    check(&Caller::new(scene.world.caller.address, key), creation(&input), 403, None).await;
    assert!(scene.keeper.batches().is_empty());
    scene.world.usage(0).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn a_batch_that_its_provider_refuses_is_booked_with_nothing_used() {
    let scene = Scene::start().await;
    let input = scene.input().await;
    scene.keeper.meets("POST /v1/batches", Trouble::Refused(400));
    let refused = scene.create(&input).await;
    assert_eq!(
        (refused.status, refused.header("x-should-retry")),
        (400, Some("false")),
        "{}",
        refused.text()
    );
    let row = scene.world.only_usage().await;
    assert_eq!((row.outcome, row.source, row.cost.nanos()), (Outcome::Failed, UsageSource::None, 0));
    assert_eq!((row.opened.surface, row.model.as_str()), (Surface::Batches, MODEL));
    scene.unsettled(0, 0).await;
    scene.world.finish().await;
}

async fn unseen(trouble: Trouble, status: u16) -> (Scene, String) {
    let scene = Scene::start().await;
    let input = scene.input().await;
    scene.keeper.meets("POST /v1/batches", trouble);
    let answer = scene.create(&input).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    // It may have begun: whoever sends it again makes another.
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    scene.unsettled(1, 1).await;
    (scene, input)
}

/// Long enough that no request can be under way any more, and shorter than the search for a batch takes.
const LATER: Duration = Duration::from_secs(25 * 60);

#[tokio::test]
async fn a_batch_whose_beginning_was_not_seen_is_found_and_never_doubled() {
    for (trouble, status) in [(Trouble::DoneThen(500), 502), (Trouble::DoneThenCut, 502)] {
        let (scene, input) = unseen(trouble, status).await;
        // Another batch of the same file, whose name is known.
        let known = scene.create(&input).await.json()["id"].as_str().unwrap().to_owned();
        let lost = scene.keeper.batches().into_iter().find(|name| *name != known).unwrap();
        scene.unsettled(2, 1).await;
        scene.look().await;
        let refused = scene.world.caller.get(&format!("/v1/batches/{lost}")).await;
        refused.is_error(404, "invalid_request_error", "not_found");
        scene.world.pass(LATER);
        for name in [&known, &lost] {
            scene.keeper.ends(name, "completed", Some(&result("r1", 100, 0, 10)), None);
        }
        scene.look().await;
        assert_eq!(scene.batch(&lost).await["id"], lost.as_str());
        scene.look().await;
        let rows = scene.world.usage(2).await;
        assert!(
            rows.iter().all(|row| row.tokens.input == 100 && row.outcome == Outcome::Complete),
            "{rows:#?}"
        );
        scene.unsettled(0, 0).await;
        scene.look().await;
        assert_eq!(scene.keeper.batches().len(), 2);
        scene.world.usage(2).await;
        scene.world.finish().await;
    }
}

#[tokio::test]
async fn two_unseen_batches_of_one_file_are_two() {
    let (scene, input) = unseen(Trouble::DoneThen(500), 502).await;
    scene.keeper.meets("POST /v1/batches", Trouble::DoneThen(500));
    assert_eq!(scene.create(&input).await.status, 502);
    scene.unsettled(2, 2).await;
    let names = scene.keeper.batches();
    for (name, prompt) in names.iter().zip([100, 50]) {
        scene.keeper.ends(name, "completed", Some(&result("r1", prompt, 0, 1)), None);
    }
    scene.world.pass(LATER);
    scene.look().await;
    let mut read: Vec<u64> = scene.world.usage(2).await.iter().map(|row| row.tokens.input).collect();
    read.sort_unstable();
    assert_eq!((read, names.len()), (vec![50, 100], 2));
    scene.unsettled(0, 0).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn a_batch_that_never_began_is_given_up_after_an_hour() {
    let scene = Scene::start().await;
    let input = scene.input().await;
    scene.keeper.meets("POST /v1/batches", Trouble::Refused(500));
    assert_eq!(scene.create(&input).await.status, 502);
    scene.unsettled(1, 1).await;
    scene.world.pass(LATER);
    // While its provider does not say, nothing is decided.
    scene.keeper.meets("GET /v1/batches", Trouble::Refused(500));
    scene.look().await;
    scene.world.pass(HOUR);
    scene.keeper.meets("GET /v1/batches", Trouble::Refused(500));
    scene.look().await;
    scene.world.usage(0).await;
    scene.look().await;
    let row = scene.world.only_usage().await;
    assert_eq!((row.outcome, row.source, row.cost.nanos()), (Outcome::Failed, UsageSource::None, 0));
    scene.world.finish().await;
}

#[tokio::test]
async fn somebody_elses_batch_at_the_same_account_is_not_taken_for_ours() {
    let (scene, input) = unseen(Trouble::DoneThen(500), 502).await;
    let name = scene.keeper.batches().remove(0);
    scene.world.pass(LATER);
    for (member, value) in
        [("input_file_id", json!("file-other")), ("created_at", json!(1_767_225_600 - 3_600))]
    {
        scene.keeper.change(&name, member, value);
        scene.look().await;
        let refused = scene.world.caller.get(&format!("/v1/batches/{name}")).await;
        refused.is_error(404, "invalid_request_error", "not_found");
        scene.keeper.change(&name, "input_file_id", json!(input));
    }
    scene.keeper.change(&name, "created_at", json!(1_767_225_600));
    scene.keeper.ends(&name, "failed", None, None);
    scene.look().await;
    assert_eq!(scene.world.only_usage().await.outcome, Outcome::Failed);
    scene.world.finish().await;
}

#[tokio::test]
async fn a_stop_between_beginning_and_end_loses_nothing() {
    let mut scene = Scene::start().await;
    let name = scene.begin().await;
    scene.world.restart().await;
    scene.keeper.ends(&name, "completed", Some(&(result("r1", 100, 0, 10) + &result("r2", 50, 0, 5))), None);
    assert_eq!(scene.batch(&name).await["status"], "completed");
    scene.world.restart().await;
    scene.look().await;
    let row = scene.world.only_usage().await;
    assert_eq!((row.tokens.input, row.tokens.output), (150, 15));
    scene.world.restart().await;
    scene.look().await;
    scene.world.usage(1).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn a_batch_goes_on_when_its_requests_are_removed() {
    let scene = Scene::start().await;
    let input = scene.bring("batch", &lines(1)).await.json()["id"].as_str().unwrap().to_owned();
    let name = scene.create(&input).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(delete(&scene.world.caller, &format!("/v1/files/{input}")).await.status, 200);
    scene.unsettled(1, 0).await;
    scene.keeper.ends(&name, "completed", Some(&result("r1", 7, 0, 1)), None);
    scene.look().await;
    assert_eq!(scene.world.only_usage().await.tokens.input, 7);
    scene.world.finish().await;
}
