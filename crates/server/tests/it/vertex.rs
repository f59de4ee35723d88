//! Google's Vertex AI behind the gate: a service account's key file is exchanged for an access token, at Google's own
//! address whatever the file says, once for all calls that wait for it and again before it ends.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::world::upstream::{Received, Upstream};
use crate::world::{GOOGLE_TOKEN_URL, PROMPT, World};

const MODEL: &str = "gemini-2.5-flash";
const PATH: &str = "/v1/projects/harbour/locations/europe-west1/publishers/google";
const ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3,"totalTokenCount":12},"modelVersion":"gemini-2.5-flash"}"#;

/// A World with a token endpoint and a connection to Vertex.
async fn world() -> (World, Upstream) {
    let tokens = Upstream::start().await;
    let address = tokens.address.to_string();
    let url = format!("http://{address}/token");
    let mut world = World::with(&[(GOOGLE_TOKEN_URL, &url), ("egress.also", &address)]).await;
    world.connect_cloud("vertex", PATH, &key_file(&world.upstream), &[MODEL]).await;
    world.restart().await;
    (world, tokens)
}

/// The key file of a service account, whose own address for tokens is the upstream's.
fn key_file(upstream: &Upstream) -> String {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    serde_json::to_string_pretty(&json!({
        "type": "service_account",
        "project_id": "harbour",
        "private_key_id": "PLANTED-private-key-id",
        "private_key": key.serialize_pem(),
        "client_email": "gate@harbour.example",
        "token_uri": format!("http://{}/stolen", upstream.address),
    }))
    .unwrap()
}

fn grant(tokens: &Upstream, token: &str) {
    tokens.answers(&format!(r#"{{"access_token":"{token}","expires_in":3599,"token_type":"Bearer"}}"#));
}

fn request() -> String {
    json!({"model": format!("vertex/{MODEL}"), "messages": [{"role": "user", "content": PROMPT}]}).to_string()
}

fn bearer(received: &Received) -> &str {
    let line = received.head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
    line.unwrap_or_else(|| panic!("{}", received.head))
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_key_file_is_exchanged_at_googles_address_alone() {
    let (world, tokens) = world().await;
    grant(&tokens, "ya29.PLANTED-access-token-1");
    world.upstream.answers(ANSWER);
    let answer = world.chat(&request()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello");
    let received = world.upstream.only_received();
    assert!(
        received.head.starts_with(&format!("POST {PATH}/models/{MODEL}:generateContent HTTP/1.1")),
        "{}",
        received.head
    );
    assert_eq!(bearer(&received), "ya29.PLANTED-access-token-1");

    let asked = tokens.only_received();
    assert!(asked.head.starts_with("POST /token HTTP/1.1"), "{}", asked.head);
    assert!(asked.head.contains("content-type: application/x-www-form-urlencoded"), "{}", asked.head);
    let form = String::from_utf8(asked.body).unwrap();
    let assertion = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let mut parts = assertion.split('.');
    assert_eq!(part(parts.next().unwrap())["alg"], "RS256");
    let claims = part(parts.next().unwrap());
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("gate@harbour.example"), &json!("https://oauth2.googleapis.com/token"))
    );
    assert!(!world.logged().contains("PLANTED-access-token"));
    world.finish().await;
}

#[tokio::test]
async fn one_exchange_serves_every_call_until_shortly_before_its_end() {
    let (world, tokens) = world().await;
    grant(&tokens, "ya29.first");
    for _ in 0..4 {
        world.upstream.answers(ANSWER);
    }
    let body = request();
    let answers = tokio::join!(world.chat(&body), world.chat(&body), world.chat(&body));
    assert_eq!([answers.0.status, answers.1.status, answers.2.status], [200; 3]);
    assert_eq!(tokens.received().len(), 1);

    world.pass(Duration::from_secs(3_599 - 301));
    assert_eq!(world.chat(&body).await.status, 200);
    assert_eq!(tokens.received().len(), 1);

    world.pass(Duration::from_secs(2));
    grant(&tokens, "ya29.second");
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&body).await.status, 200);
    let used: Vec<String> = world.upstream.received().iter().map(|one| bearer(one).to_owned()).collect();
    assert_eq!(used, ["ya29.first", "ya29.first", "ya29.first", "ya29.first", "ya29.second"]);
    world.finish().await;
}

#[tokio::test]
async fn an_exchange_that_fails_is_a_failed_attempt() {
    let (world, tokens) = world().await;
    tokens.says(
        400,
        "content-type: application/json\r\n",
        r#"{"error":"invalid_grant","error_description":"gate@harbour.example"}"#,
    );
    let answer = world.chat(&request()).await;
    assert!(answer.status >= 500, "{}", answer.text());
    assert!(!answer.text().contains("harbour"), "{}", answer.text());
    assert!(world.logged().contains("the token endpoint answered with status 400"));
    assert_eq!(world.upstream.received().len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn an_answer_without_a_token_is_a_failed_attempt() {
    let (world, tokens) = world().await;
    tokens.answers(r#"{"access_token":"two words","expires_in":3599}"#);
    let answer = world.chat(&request()).await;
    assert!(answer.status >= 500, "{}", answer.text());
    assert!(world.logged().contains("the token endpoint gave no access token"));
    assert_eq!(world.upstream.received().len(), 0);
    world.finish().await;
}
