//! Whose files and batches are: another organization's and another project's are as unknown as what never was.

use serde_json::json;

use super::{MODEL, Scene, bring, creation, delete, neighbour, result, stranger};
use crate::world::caller::Caller;

async fn is_nowhere(caller: &Caller, file: &str, output: &str, batch: &str) {
    let paths = [
        format!("/v1/files/{file}"),
        format!("/v1/files/{file}/content"),
        format!("/v1/files/{output}"),
        format!("/v1/files/{output}/content"),
        format!("/v1/batches/{batch}"),
        "/v1/files/file-never".to_owned(),
        "/v1/batches/batch-never".to_owned(),
    ];
    for path in &paths {
        caller.get(path).await.is_error(404, "invalid_request_error", "not_found");
    }
    for path in &paths[..4] {
        let path = path.trim_end_matches("/content");
        delete(caller, path).await.is_error(404, "invalid_request_error", "not_found");
    }
    for name in [batch, "batch-never"] {
        let refused = caller.post_with(&format!("/v1/batches/{name}/cancel"), "", "").await;
        refused.is_error(404, "invalid_request_error", "not_found");
    }
    let messages: Vec<_> = [file, output, "file-never"]
        .map(|name| async move {
            let refused = caller.post("/v1/batches", &creation(name)).await;
            refused.is_error(404, "invalid_request_error", "not_found");
            refused.json()["error"]["message"].clone()
        })
        .into();
    let mut said = vec![];
    for message in messages {
        said.push(message.await);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    for path in ["/v1/files", "/v1/batches"] {
        assert_eq!(caller.get(path).await.json()["data"], json!([]), "{path}");
        let behind = caller.get(&format!("{path}?after={file}")).await;
        assert_eq!(behind.json()["data"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn what_is_anothers_is_nowhere() {
    let mut scene = Scene::start().await;
    let batch = scene.begin().await;
    let file = "file-1";
    scene.keeper.ends(&batch, "completed", Some(&result("r1", 1, 0, 1)), None);
    let output = scene.batch(&batch).await["output_file_id"].as_str().unwrap().to_owned();
    let org = scene.world.org;
    let strangers = [stranger(&mut scene.world).await, neighbour(&mut scene.world, org).await];
    let before = scene.keeper.asked().len();
    for caller in &strangers {
        is_nowhere(caller, file, &output, &batch).await;
    }
    assert_eq!(scene.keeper.asked().len(), before, "nothing of it went out");
    // The same after the process has forgotten what it saw.
    scene.world.restart().await;
    scene.look().await;
    scene.world.usage(1).await;
    let before = scene.keeper.asked().len();
    for caller in strangers {
        let caller = Caller::new(scene.world.caller.address, caller.key);
        is_nowhere(&caller, file, &output, &batch).await;
    }
    assert_eq!(scene.keeper.asked().len(), before, "nothing of it went out");
    assert_eq!(scene.world.caller.get(&format!("/v1/files/{file}")).await.status, 200);
    scene.world.finish().await;
}

#[tokio::test]
async fn a_list_holds_what_is_ones_own() {
    let mut scene = Scene::start().await;
    scene.begin().await;
    let other = stranger(&mut scene.world).await;
    let theirs = bring(&other, "/v1/files", "user_data", "x").await.json()["id"].as_str().unwrap().to_owned();
    let listed = other.get("/v1/files").await.json();
    assert_eq!((&listed["data"][0]["id"], listed["data"].as_array().unwrap().len()), (&json!(theirs), 1));
    let ours = scene.world.caller.get("/v1/files").await.json();
    assert_eq!(ours["data"].as_array().unwrap().len(), 1);
    assert_ne!(ours["data"][0]["id"], json!(theirs));
    scene.unsettled(1, 0).await;
    assert_eq!(other.get("/v1/batches").await.json()["data"], json!([]));
    assert_eq!(scene.world.caller.get("/v1/batches").await.json()["data"].as_array().unwrap().len(), 1);
    scene.world.finish().await;
}

#[tokio::test]
async fn files_at_ones_own_connection_are_out_of_reach_without_it() {
    let mut scene = Scene::start().await;
    let id = scene.world.add_own_connection("own", MODEL).await.unwrap();
    scene.world.restart().await;
    // The organization's own comes first, and it is where this World's plain upstream is.
    scene
        .world
        .upstream
        .answers(r#"{"id":"file-own","object":"file","bytes":1,"filename":"f","purpose":"user_data"}"#);
    let brought = scene.bring("user_data", "x").await;
    assert_eq!((brought.status, &brought.json()["id"]), (200, &json!("file-own")), "{}", brought.text());
    let keys = scene.world.store().provider_keys();
    keys.set_state(id, store::switch::Switch::Disabled, &scene.world.act()).await.unwrap();
    scene.world.restart().await;
    let refused = scene.world.caller.get("/v1/files/file-own").await;
    refused.is_error(503, "api_error", "no_available_route");
    assert!(scene.keeper.asked().is_empty());
    scene.world.finish().await;
}
