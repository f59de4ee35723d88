//! The end of a batch: booked once, by what its lines say, else by its provider's word, else by an estimate that says so.

use domain::usage::{Outcome, Surface, UsageSource};
use serde_json::json;

use super::{HOUR, MODEL, Scene, delete, failure, result};
use crate::world::keeper::Trouble;

/// A batch that has begun and is in the store.
async fn begun() -> (Scene, String) {
    let scene = Scene::start().await;
    let name = scene.begin().await;
    scene.unsettled(1, 0).await;
    (scene, name)
}

#[tokio::test]
async fn a_finished_batch_is_booked_exactly_at_half_the_price() {
    let (scene, name) = begun().await;
    let output = result("r1", 1_000_000, 400_000, 200_000) + &result("r2", 3, 0, 1);
    scene.keeper.ends(&name, "completed", Some(&output), Some(&failure("r3")));
    scene.look().await;
    let row = scene.world.only_usage().await;
    assert_eq!((row.outcome, row.source), (Outcome::Complete, UsageSource::Provider));
    assert_eq!((row.tokens.input, row.tokens.cache_read, row.tokens.output), (600_003, 400_000, 200_001));
    // At half of 0.15, 0.075 and 0.60 dollars a million: 75, 37.5 and 300 nano-dollars a token, rounded up once.
    assert_eq!(row.cost.nanos(), 600_003 * 75 + 15_000_000 + 200_001 * 300);
    assert_eq!(
        (row.opened.surface, row.model.as_str(), row.pricing.as_str()),
        (Surface::Batches, MODEL, "priced")
    );
    assert_eq!((row.opened.org, row.opened.project), (scene.world.org, scene.world.project));
    assert!(row.provider_key.is_some() && row.opened.trace.is_none());
    // Looked at again, before it is posted and after, it is the same one row.
    scene.look().await;
    scene.look().await;
    scene.world.usage(1).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn results_are_the_projects_and_stay_until_they_are_booked() {
    let (scene, name) = begun().await;
    let output = result("r1", 5, 0, 5);
    scene.keeper.ends(&name, "completed", Some(&output), Some(&failure("r2")));
    let shown = scene.batch(&name).await;
    for (member, content) in [("output_file_id", &output), ("error_file_id", &failure("r2"))] {
        let path = format!("/v1/files/{}", shown[member].as_str().unwrap());
        let file = scene.world.caller.get(&format!("{path}/content")).await;
        assert_eq!((file.status, &file.text()), (200, content));
        assert_eq!(scene.world.caller.get(&path).await.json()["purpose"], "batch_output");
        delete(&scene.world.caller, &path).await.is_error(409, "invalid_request_error", "conflict");
    }
    scene.look().await;
    scene.world.usage(1).await;
    scene.unsettled(0, 0).await;
    let listed = scene.world.caller.get("/v1/files?purpose=batch_output").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2, "{listed}");
    assert!(listed["data"].as_array().unwrap().iter().any(|file| file["bytes"] == output.len()));
    let path = format!("/v1/files/{}", shown["output_file_id"].as_str().unwrap());
    assert_eq!(delete(&scene.world.caller, &path).await.status, 200);
    // Shown again, the batch names a file that does not come back.
    scene.batch(&name).await;
    scene.world.caller.get(&path).await.is_error(404, "invalid_request_error", "not_found");
    scene.world.finish().await;
}

#[tokio::test]
async fn what_was_done_by_then_is_charged() {
    for (status, outcome) in [("expired", Outcome::Cut), ("cancelled", Outcome::Cancelled)] {
        let (scene, name) = begun().await;
        scene.keeper.ends(&name, status, Some(&result("r1", 10, 0, 2)), Some(&failure("r2")));
        scene.look().await;
        let row = scene.world.only_usage().await;
        assert_eq!((row.outcome, row.source), (outcome, UsageSource::Provider));
        assert_eq!((row.tokens.input, row.tokens.output), (10, 2));
        assert_eq!(row.cost.nanos(), 10 * 75 + 2 * 300);
        scene.world.finish().await;
    }
}

#[tokio::test]
async fn results_that_are_gone_are_charged_by_the_providers_word_or_an_estimate() {
    for usage in [Some(json!({"input_tokens": 40, "output_tokens": 4, "total_tokens": 44})), None] {
        let (scene, name) = begun().await;
        scene.keeper.ends(&name, "completed", Some(&result("r1", 10, 0, 2)), None);
        let output = scene.output_of(&name);
        scene.keeper.loses(&output);
        if let Some(usage) = &usage {
            scene.keeper.change(&name, "usage", usage.clone());
        }
        scene.look().await;
        let row = scene.world.only_usage().await;
        assert_eq!(row.outcome, Outcome::Complete);
        if usage.is_some() {
            assert_eq!((row.source, row.tokens.input, row.tokens.output), (UsageSource::Provider, 40, 4));
        } else {
            assert_eq!((row.source, row.tokens.output), (UsageSource::Estimated, 0));
            assert!(row.tokens.input > 5 && row.cost.nanos() > 0, "{row:#?}");
        }
        scene.world.finish().await;
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_asked_again() {
    let (scene, name) = begun().await;
    scene.keeper.ends(&name, "completed", Some(&result("r1", 10, 0, 2)), None);
    scene.keeper.meets("GET /v1/batches/", Trouble::Refused(500));
    scene.look().await;
    for trouble in [Trouble::Refused(500), Trouble::Refused(429), Trouble::DoneThenCut] {
        let output = scene.output_of(&name);
        scene.keeper.meets(&format!("GET /v1/files/{output}/content"), trouble);
        scene.look().await;
        scene.world.usage(0).await;
    }
    scene.look().await;
    assert_eq!(scene.world.only_usage().await.tokens.input, 10);
    scene.world.finish().await;
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_heard_any_more_is_booked_after_thirty_days() {
    let (scene, name) = begun().await;
    scene.look().await;
    scene.world.pass(HOUR * 24 * 29);
    scene.look().await;
    scene.world.usage(0).await;
    scene.world.pass(HOUR * 24 * 2);
    scene.keeper.meets(&format!("GET /v1/batches/{name}"), Trouble::Refused(404));
    scene.look().await;
    let row = scene.world.only_usage().await;
    assert_eq!((row.outcome, row.source), (Outcome::Cut, UsageSource::Estimated));
    assert!(row.cost.nanos() > 0);
    scene.world.finish().await;
}

#[tokio::test]
async fn the_meters_count_a_batch_once() {
    let (mut scene, name) = begun().await;
    scene.keeper.ends(&name, "completed", Some(&result("r1", 10, 0, 2)), None);
    scene.look().await;
    scene.world.usage(1).await;
    scene.look().await;
    let metrics = scene.world.metrics().await;
    let line = metrics.lines().find(|line| {
        line.contains("surface=\"batches\"") && line.contains("\"complete\"") && !line.ends_with(" 0")
    });
    assert!(line.is_some_and(|line| line.ends_with(" 1")), "{line:?}");
    assert!(metrics.contains("portcullis_request_seconds_count 0"), "nobody waited for it");
    scene.world.finish().await;
}
