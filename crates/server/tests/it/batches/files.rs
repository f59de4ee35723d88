//! Files: brought, listed, shown and removed; what is wrong with one is said before it goes anywhere.

use tokio::io::AsyncReadExt as _;

use super::{BOUNDARY, MODEL, Scene, bring, delete, form, line, lines, stranger};
use crate::world::keeper::Keeper;
use crate::world::{PROMPT, eventually, generous};

#[tokio::test]
async fn requests_reach_their_provider_byte_for_byte_but_for_the_model() {
    let scene = Scene::start().await;
    // What is asked for comes back, so that it is nothing planted.
    let sent = lines(3).replace(PROMPT, "plain words");
    let answer = scene.bring("batch", &sent).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (object, name) = (answer.json(), answer.json()["id"].as_str().unwrap().to_owned());
    let kept = scene.keeper.file(&name);
    let expected = sent.replace(&format!("openai/{MODEL}"), MODEL);
    assert_eq!(String::from_utf8(kept.content).unwrap(), expected);
    assert_eq!((kept.filename.as_str(), kept.purpose.as_str()), ("mine.jsonl", "batch"));
    let received = scene.keeper.received();
    assert_eq!(received[0].body, form("batch", &expected).as_bytes(), "the form as well");
    assert!(received[0].head.contains("authorization: Bearer sk-PLANTED"), "with the connection's key");
    // At once in the list, and as the provider shows it by its name.
    let listed = scene.world.caller.get("/v1/files").await.json();
    assert_eq!(listed["data"][0]["id"], name.as_str());
    assert_eq!(listed["data"][0]["bytes"], expected.len());
    assert_eq!(listed["has_more"], false);
    assert_eq!(scene.world.caller.get(&format!("/files/{name}")).await.json(), object);
    let content = scene.world.caller.get(&format!("/v1/files/{name}/content")).await;
    assert_eq!((content.status, content.text()), (200, expected));
    assert_eq!(content.header("content-type"), Some("application/octet-stream"));
    assert!(content.header("x-ratelimit-limit-requests").is_some());
    scene.world.usage(0).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn a_bad_line_is_named_and_nothing_goes_out() {
    let scene = Scene::start().await;
    let good = line("r1", MODEL);
    let check = async |content: String, place: &str| {
        let refused = scene.bring("batch", &content).await;
        refused.is_error(400, "invalid_request_error", "invalid_request");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(place), "{place}: {message}");
        assert!(!message.contains(PROMPT), "{message}");
    };
    check(format!("{good}\n{{"), "line 2 ").await;
    check(format!("{good}\n{good}"), "line 2: custom_id").await;
    check(format!("{good}\n{}", line("r2", "gpt-test")), "line 2: body.model").await;
    check(good.replace("POST", "GET"), "line 1: method").await;
    check(good.replace("/v1/chat/completions", "/v1/images/generations"), "line 1: url").await;
    check(good.replace("\"messages\"", "\"stream\":true,\"messages\""), "line 1: body.stream").await;
    check(good.replace("\"messages\"", "\"model\":\"x\",\"messages\""), "line 1").await;
    check(String::new(), "line 1").await;
    // A form that is none, and purposes that are not served.
    let refused = scene.bring("fine-tune", "{}").await;
    refused.is_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(refused.json()["error"]["param"], "purpose");
    let refused = scene.world.caller.post("/v1/files", "{}").await;
    refused.is_error(415, "invalid_request_error", "unsupported_media_type");
    assert!(scene.keeper.received().is_empty());
    scene.world.finish().await;
}

#[tokio::test]
async fn a_batch_asks_for_no_more_than_its_key_may() {
    let mut scene = Scene::start().await;
    let mut check = async |change: fn(&mut store::keys::NewKey), content: String, status: u16, code: &str| {
        let (key, _) = scene.world.key_with(change).await;
        let caller = crate::world::caller::Caller::new(scene.world.caller.address, key);
        let answer = bring(&caller, "/v1/files", "batch", &content).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        if status != 200 {
            assert_eq!(answer.json()["error"]["code"], code, "{}", answer.text());
        }
    };
    use domain::scope::Access;
    check(|new| new.scopes = vec![Access::Chat, Access::Batches], lines(1), 200, "").await;
    check(|new| new.scopes = vec![Access::Chat], lines(1), 403, "forbidden").await;
    check(|new| new.scopes = vec![Access::Batches], lines(1), 403, "forbidden").await;
    check(|new| new.models = vec!["gpt-test".to_owned()], lines(1), 403, "model_not_allowed").await;
    check(|new| new.models = vec![MODEL.to_owned()], lines(1), 200, "").await;
    check(|_| {}, line("r1", "no-such-model"), 404, "model_not_found").await;
    let large = lines(1) + &lines(1).replace("\"r1\"", "\"r2\"").replace("PLANTED", &"x".repeat(6 << 20));
    check(|_| {}, large.clone(), 413, "request_too_large").await;
    check(|new| new.limits.body_bytes = 8 << 20, large, 200, "").await;
    assert_eq!(scene.keeper.files(), 3);
    // More than any file may have is not even read.
    let head = scene.world.caller.request(
        "POST",
        "/v1/files",
        "content-type: multipart/form-data; boundary=x\r\n",
        "",
    );
    let head = head.replace("content-length: 0", "content-length: 11534336");
    scene.world.caller.raw(head.as_bytes()).await.is_error(413, "invalid_request_error", "request_too_large");
    scene.world.finish().await;
}

#[tokio::test]
async fn other_files_go_to_the_one_provider_that_keeps_them() {
    let other = Keeper::start(1_767_225_600).await;
    let address = other.address.to_string();
    let mut scene = Scene::with(&[("egress.also", &address)]).await;
    assert_eq!(scene.bring("user_data", "any\r\nbytes").await.status, 200);
    assert_eq!(scene.keeper.file("file-1").content, b"any\r\nbytes");
    // A second provider makes it a choice.
    let base_url = format!("http://{address}/v1");
    scene
        .world
        .add_connection_with("groq", |new| {
            new.provider = "groq".to_owned();
            new.base_url = base_url;
        })
        .await;
    scene.world.restart().await;
    let refused = scene.bring("user_data", "x").await;
    refused.is_error(400, "invalid_request_error", "invalid_request");
    assert!(refused.text().contains("groq, openai"), "{}", refused.text());
    let chosen = bring(&scene.world.caller, "/v1/files?provider=groq", "user_data", "x").await;
    assert_eq!((chosen.status, other.files(), scene.keeper.files()), (200, 1, 1), "{}", chosen.text());
    for path in ["/v1/files?provider=nobody", "/v1/files?provider=http%3A%2F%2Fx", "/v1/files?host=x"] {
        let refused = bring(&scene.world.caller, path, "user_data", "x").await;
        refused.is_error(400, "invalid_request_error", "invalid_request");
    }
    scene.world.finish().await;
}

#[tokio::test]
async fn lists_have_pages_an_order_and_purposes() {
    let scene = Scene::start().await;
    for _ in 0..3 {
        assert_eq!(scene.bring("user_data", "x").await.status, 200);
    }
    scene.input().await;
    let names = async |query: &str| {
        let list = scene.world.caller.get(&format!("/v1/files{query}")).await.json();
        let names: Vec<String> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), list["has_more"].as_bool().unwrap())
    };
    assert_eq!(names("").await, ("file-4 file-3 file-2 file-1".to_owned(), false));
    assert_eq!(names("?limit=2").await, ("file-4 file-3".to_owned(), true));
    assert_eq!(names("?limit=2&after=file-3").await, ("file-2 file-1".to_owned(), false));
    assert_eq!(names("?order=asc&limit=1").await, ("file-1".to_owned(), true));
    assert_eq!(names("?purpose=batch").await, ("file-4".to_owned(), false));
    for query in ["?limit=0", "?order=up", "?x=1", "?limit=1&limit=2"] {
        let refused = scene.world.caller.get(&format!("/v1/files{query}")).await;
        refused.is_error(400, "invalid_request_error", "invalid_request");
    }
    scene.world.finish().await;
}

#[tokio::test]
async fn a_removed_file_is_gone_for_good() {
    let mut scene = Scene::start().await;
    let name = scene.input().await;
    let path = format!("/v1/files/{name}");
    let removed = delete(&scene.world.caller, &path).await;
    assert_eq!((removed.status, &removed.json()["deleted"]), (200, &true.into()), "{}", removed.text());
    assert_eq!(scene.keeper.files(), 0);
    scene.world.restart().await;
    scene.world.caller.get(&path).await.is_error(404, "invalid_request_error", "not_found");
    scene.create(&name).await.is_error(404, "invalid_request_error", "not_found");
    assert_eq!(scene.world.caller.get("/v1/files").await.json()["data"], serde_json::json!([]));
    // One that its provider lost is shown as lost, and leaves the list when it is removed.
    let lost = scene.input().await;
    scene.keeper.loses(&lost);
    let path = format!("/v1/files/{lost}");
    assert_eq!(scene.world.caller.get(&path).await.status, 404);
    assert_eq!(delete(&scene.world.caller, &path).await.status, 404);
    assert_eq!(scene.world.caller.get("/v1/files").await.json()["data"], serde_json::json!([]));
    scene.world.finish().await;
}

#[tokio::test]
async fn content_larger_than_an_answer_may_be_passes_and_stops_when_its_reader_leaves() {
    let scene = Scene::with(&[("answers.max_bytes", "65536")]).await;
    let content = "0123456789abcdef".repeat(512 << 10);
    let name = scene.bring("user_data", &content).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/files/{name}/content");
    let whole = scene.world.caller.get(&path).await;
    assert_eq!((whole.status, whole.body.len()), (200, content.len()));
    assert!(whole.body == content.as_bytes());
    assert_eq!(whole.header("content-length"), Some(content.len().to_string().as_str()));
    // More than the buffers of all sockets on the way.
    scene.keeper.replace(&name, vec![b'x'; 64 << 20]);
    let request = scene.world.caller.request("GET", &path, "", "");
    let mut stream = scene.world.caller.open(request.as_bytes()).await;
    let mut piece = [0; 4_096];
    assert!(stream.read(&mut piece).await.unwrap() > 0);
    drop(stream);
    eventually("the hang-up upstream", || async { scene.keeper.hung_up() == 1 }).await;
    scene.world.finish().await;
}

#[tokio::test]
async fn what_is_kept_counts_against_the_limits_and_takes_no_key_of_ones_own() {
    let mut scene = Scene::start().await;
    let own = "x-portcullis-provider-key: sk-0123456789\r\n";
    let request = scene.world.caller.request("GET", "/v1/files", own, "");
    let refused = scene.world.caller.raw(request.as_bytes()).await;
    refused.is_error(400, "invalid_request_error", "invalid_request");
    let limits = domain::limit::Limits { requests_per_minute: 2, burst_per_second: 2, ..generous() };
    scene.world.caller.key = scene.world.key(limits).await;
    assert_eq!(scene.world.caller.get("/v1/files").await.status, 200);
    assert_eq!(scene.world.caller.get("/v1/batches").await.status, 200);
    scene.world.caller.get("/v1/files").await.is_error(429, "rate_limit_error", "rate_limited");
    let other = stranger(&mut scene.world).await;
    assert_eq!(other.get("/v1/files").await.json()["data"], serde_json::json!([]));
    let wrong = other.post_with("/v1/files/file-1", &format!("x-line: {BOUNDARY}\r\n"), "").await;
    wrong.is_error(405, "invalid_request_error", "method_not_allowed");
    scene.world.finish().await;
}
