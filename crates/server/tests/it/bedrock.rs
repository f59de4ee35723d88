//! Amazon Bedrock behind the gate: who calls is proven by a signature that is computed again here, from what arrived, and
//! Converse is translated both ways.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vault::digest::sha256;

use crate::world::upstream::{Received, Step, chunk};
use crate::world::{AWS_REGION, PROMPT, World};

const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// A model by the name of a profile of one's own, with colons and a slash.
const PROFILE: &str =
    "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/us.anthropic.claude-opus-4-8";
const KEYS: &str = "AKIAPLANTEDEXAMPLE01:PLANTED/secret+access+key0123456789";
const ANSWER: &str = include_str!("../../../wire/testdata/bedrock/answer_text.json");
const STREAM: &[u8] = include_bytes!("../../../wire/testdata/bedrock/stream_tools.frames");
const THROTTLED: &[u8] = include_bytes!("../../../wire/testdata/bedrock/stream_exception_first.frames");
/// The time of a World when it begins.
const DAY: &str = "20260101";

async fn world(keys: &str) -> World {
    let mut world = World::with(&[(AWS_REGION, "eu-central-1")]).await;
    world.connect_cloud("bedrock", "", keys, &[MODEL, PROFILE]).await;
    world.restart().await;
    world
}

fn request(stream: bool) -> String {
    let messages =
        [json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": PROMPT})];
    json!({"model": format!("bedrock/{MODEL}"), "messages": messages, "stream": stream, "seed": 7})
        .to_string()
}

fn header<'r>(received: &'r Received, name: &str) -> Option<&'r str> {
    let mut lines = received.head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// HMAC (RFC 2104), from the hash alone.
fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = [&block.map(|byte| byte ^ 0x36)[..], text.as_bytes()].concat();
    sha256(&[&block.map(|byte| byte ^ 0x5c)[..], &sha256(&inner)].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The signature that `received` should carry under this secret.
fn signature(received: &Received, secret: &str, names: &str) -> String {
    let target = received.head.split(' ').nth(1).unwrap();
    // What a client of Amazon's encoded once stands encoded twice in what is signed.
    let path = target.replace('%', "%25").replace(':', "%3A");
    let values: String =
        names.split(';').map(|name| format!("{name}:{}\n", header(received, name).unwrap())).collect();
    let canonical = format!("POST\n{path}\n\n{values}\n{names}\n{}", hex(&sha256(&received.body)));
    let date = header(received, "x-amz-date").unwrap();
    let scope = format!("{DAY}/eu-central-1/bedrock/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&sha256(canonical.as_bytes())));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), DAY);
    for part in ["eu-central-1", "bedrock", "aws4_request"] {
        key = hmac(&key, part);
    }
    hex(&hmac(&key, &text))
}

#[track_caller]
fn check_signed(received: &Received, keys: &str) {
    let mut parts = keys.split(':');
    let (id, secret, token) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    assert_eq!(header(received, "x-amz-security-token"), token);
    let names = match token {
        Some(_) => "content-type;host;x-amz-date;x-amz-security-token",
        None => "content-type;host;x-amz-date",
    };
    let signature = signature(received, secret, names);
    let expect = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{DAY}/eu-central-1/bedrock/aws4_request, SignedHeaders={names}, Signature={signature}"
    );
    assert_eq!(header(received, "authorization"), Some(expect.as_str()));
    assert!(header(received, "x-amz-date").unwrap().starts_with(DAY), "{}", received.head);
}

fn stream(frames: &[u8]) -> Vec<Step> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut steps = vec![Step::Send(head.as_bytes().to_vec())];
    // Borders fall anywhere, within lengths and checksums too.
    steps.extend(frames.chunks(97).map(|piece| Step::Send(chunk(piece))));
    steps.push(Step::Send(chunk(b"")));
    steps
}

#[tokio::test]
async fn a_whole_answer_is_signed_for_and_translated() {
    let world = world(KEYS).await;
    world.upstream.answers(ANSWER);
    let answer = world.chat(&request(false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = world.upstream.only_received();
    assert!(
        received
            .head
            .starts_with("POST /model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse HTTP/1.1"),
        "{}",
        received.head
    );
    check_signed(&received, KEYS);
    assert_eq!(
        received.json(),
        json!({"messages": [{"role": "user", "content": [{"text": PROMPT}]}], "system": [{"text": "Be brief."}]})
    );
    let said = answer.json();
    assert_eq!(said["choices"][0]["message"]["content"], "The harbour is calm — 波.");
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert_eq!(said["usage"]["total_tokens"], 23);
    assert_eq!(answer.header("x-portcullis-dropped"), Some("seed"));
    let usage = world.only_usage().await;
    assert_eq!((usage.tokens.input, usage.tokens.output), (14, 9));
    world.finish().await;
}

#[tokio::test]
async fn a_stream_is_translated_frame_by_frame() {
    let world = world(KEYS).await;
    world.upstream.then(stream(STREAM));
    let answer = world.chat(&request(true)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = world.upstream.only_received();
    assert!(
        received.head.starts_with(
            "POST /model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream HTTP/1.1"
        ),
        "{}",
        received.head
    );
    assert_eq!(header(&received, "accept"), Some("application/vnd.amazon.eventstream"));
    check_signed(&received, KEYS);
    let text = answer.text();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let arguments = |index: u64| -> String {
        let calls = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].as_array());
        let of_this = calls.flatten().filter(|call| call["index"] == index);
        of_this.filter_map(|call| call["function"]["arguments"].as_str()).collect()
    };
    assert_eq!((arguments(0).as_str(), arguments(1).as_str()), (r#"{"town": "Bremen"}"#, "{}"), "{text}");
    let finish = events.iter().find_map(|event| event["choices"][0]["finish_reason"].as_str());
    assert_eq!(finish, Some("tool_calls"), "{text}");
    assert!(text.contains("data: [DONE]"), "{text}");
    let usage = world.only_usage().await;
    assert_eq!((usage.tokens.input, usage.tokens.cache_read, usage.tokens.output), (4, 1_024, 88));
    world.finish().await;
}

#[tokio::test]
async fn wire_fact_49_a_name_with_a_slash_is_one_segment_of_the_path() {
    let world = world(KEYS).await;
    world.upstream.answers(ANSWER);
    let answer = world.chat(&request(false).replace(MODEL, PROFILE)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = world.upstream.only_received();
    let path = "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-opus-4-8/converse";
    assert!(received.head.starts_with(&format!("POST {path} HTTP/1.1")), "{}", received.head);
    check_signed(&received, KEYS);
    world.finish().await;
}

#[tokio::test]
async fn a_session_token_is_signed_as_well() {
    let keys = "ASIAPLANTEDEXAMPLE01:PLANTED/secret+access+key0123456789:PLANTED+session/token==";
    let world = world(keys).await;
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request(false)).await.status, 200);
    check_signed(&world.upstream.only_received(), keys);
    world.finish().await;
}

#[tokio::test]
async fn an_api_key_is_a_bearer_token() {
    let world = world("ABSKPLANTEDbedrockapikey0123456789").await;
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request(false)).await.status, 200);
    let received = world.upstream.only_received();
    assert_eq!(header(&received, "authorization"), Some("Bearer ABSKPLANTEDbedrockapikey0123456789"));
    assert_eq!(header(&received, "x-amz-date"), None);
    world.finish().await;
}

#[tokio::test]
async fn an_exception_after_a_success_is_the_status_it_should_have_been() {
    let world = world(KEYS).await;
    for _ in 0..3 {
        world.upstream.then(stream(THROTTLED));
    }
    let answer = world.chat(&request(true)).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.header("retry-after").is_some(), "{}", answer.head);
    world.finish().await;
}

#[tokio::test]
async fn a_host_without_a_region_is_never_signed_for() {
    let mut world = World::start().await;
    world.connect_cloud("bedrock", "", KEYS, &[MODEL]).await;
    world.restart().await;
    let answer = world.chat(&request(false)).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(world.upstream.received().len(), 0);
    assert!(world.logged().contains("the base URL names no region"));
    world.finish().await;
}
