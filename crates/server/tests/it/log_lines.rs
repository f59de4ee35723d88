//! Text of others in every place from which it could reach a log line, through the built program in both formats: an
//! event stays one line, a line stays harmless.

use domain::audit::plain::is_hidden;
use rustix::process::Signal;
use serde_json::Value;

use crate::chat::request;
use crate::cli::Place;
use crate::vault_keys::connected;
use crate::world::caller::Caller;
use crate::world::upstream::{Step, Upstream};

const ROWS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/log_injection.jsonl"));
const NOT_APPLICABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/not-applicable.md"));
/// Most bytes of a field.
const MAX_FIELD_BYTES: usize = 4_096;

/// The payload of a row as the bytes that an attacker sends.
fn payloads() -> Vec<(String, Vec<u8>)> {
    let clean = ROWS.replace("\\u27c2", "").replace('\u{27c2}', "");
    let rows = clean.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| {
        let (id, text) = (row["id"].as_str().unwrap(), row["input"]["payload"].as_str().unwrap());
        let bytes = match id.strip_suffix("-b64") {
            Some(_) => data_encoding::BASE64.decode(text.as_bytes()).unwrap(),
            None => text.as_bytes().to_vec(),
        };
        (id.to_owned(), bytes)
    })
    .collect()
}

/// Sends `payload` in every place of a request, and lets the upstream say it, too.
async fn everywhere(caller: &Caller, upstream: &Upstream, payload: &[u8]) {
    let text = String::from_utf8_lossy(payload).into_owned();
    let quoted = serde_json::to_string(&text).unwrap();
    let error = format!(r#"{{"error":{{"message":{quoted},"type":{quoted},"code":{quoted}}}}}"#);
    upstream.says(500, "content-type: application/json\r\n", &error);
    upstream.says(400, "content-type: application/json\r\n", &error);
    let broken = [b"HTTP/1.1 200 OK\r\nx-said: ", payload, b"\r\ncontent-length: 1\r\n\r\n\x1b"].concat();
    upstream.then(vec![Step::Send(broken), Step::Close]);
    for _ in 0..3 {
        send(caller, b"/v1/chat/completions", b"", &request("gpt-test")).await;
    }
    let model = request("MODEL").replace("\"MODEL\"", &quoted);
    send(caller, b"/v1/chat/completions", b"", &model).await;
    for name in ["x-request-id", "user-agent", "authorization", "x-forwarded-for", "content-type"] {
        let header = [name.as_bytes(), b": ", payload, b"\r\n"].concat();
        send(caller, b"/v1/chat/completions", &header, &request("gpt-test")).await;
    }
    for path in [[b"/v1/", payload].concat(), [b"/v1/models?x=", payload].concat()] {
        send(caller, &path, b"", "").await;
    }
}

/// Sends a request that may be none, and reads whatever comes.
async fn send(caller: &Caller, path: &[u8], headers: &[u8], body: &str) {
    use tokio::io::AsyncReadExt as _;
    let fixed = format!(
        "host: gate\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        caller.key,
        body.len()
    );
    let request =
        [b"POST ", path, b" HTTP/1.1\r\n", fixed.as_bytes(), headers, b"\r\n", body.as_bytes()].concat();
    let mut stream = caller.open(&request).await;
    let mut answer = Vec::new();
    // A connection may be reset while it refuses what was sent.
    let _ = tokio::time::timeout(crate::world::PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
}

fn harmless(log: &str, json: bool) {
    assert!(log.ends_with('\n'));
    for line in log.lines() {
        assert!(!line.chars().any(is_hidden), "{line:?}");
        assert!(line.len() < 32 * MAX_FIELD_BYTES);
        if json {
            let event: Value =
                serde_json::from_str(line).unwrap_or_else(|failed| panic!("{failed}: {line:?}"));
            for (name, value) in event.as_object().unwrap() {
                assert!(value.as_str().is_none_or(|text| text.len() <= MAX_FIELD_BYTES), "{name}");
            }
            assert!(event["level"].is_string() && event["target"].is_string(), "{line}");
        } else {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(time.ends_with('Z') && time.len() == 27, "{line:?}");
            assert!(
                ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
                    .contains(&rest.split_whitespace().next().unwrap())
            );
        }
    }
}

#[tokio::test]
async fn every_payload_everywhere_leaves_harmless_lines() {
    for (id, _) in payloads() {
        assert!(!NOT_APPLICABLE.contains(&format!("`{id}`")), "{id} is run");
    }
    for format in ["text", "json"] {
        let upstream = Upstream::start().await;
        let (place, key) = connected(&upstream);
        // A start without any account would also show a token, which is no log line.
        place.ok(&["user", "create", "ada@example.com", "--operator"]);
        let setting = format!("log.format={format}");
        let settings = ["--set", &setting, "--set", "log.level=trace", "--set", "retries.per_target=0"];
        let gate = place.serve(&settings).await;
        let caller = Caller::new(gate.public, key.clone());
        for (_, payload) in payloads() {
            everywhere(&caller, &upstream, &payload).await;
        }
        let long = "y".repeat(20_000);
        everywhere(&caller, &upstream, long.as_bytes()).await;
        let log = gate.log();
        harmless(&log, format == "json");
        assert!(log.contains("an upstream attempt failed") && log.contains("credential refused"), "{log}");
        assert!(gate.end(Signal::TERM).await.success());
    }
}

#[test]
fn names_that_people_give_cannot_drive_a_terminal() {
    let place = Place::installed();
    for (id, payload) in payloads() {
        // A command line carries no NUL and, in this program, nothing but UTF-8.
        let Ok(text) = String::from_utf8(payload) else { continue };
        if text.contains('\0') {
            continue;
        }
        for (noun, before, name) in
            [("key", "--name", format!("k {id} {text}")), ("org", "--", format!("o {id} {text}"))]
        {
            let ran = place.run(&[noun, "create", before, &name]);
            let shown = [ran.out, ran.err].concat();
            assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n'), "{id}: {shown:?}");
            // A name that holds such a character is refused; every other is kept as it is, as data.
            assert_eq!(ran.code == 0, !name.chars().any(is_hidden), "{id}: {shown}");
        }
    }
    for list in [["key", "list"], ["org", "list"]] {
        assert!(!place.ok(&list).chars().any(|c| is_hidden(c) && c != '\n'));
    }
    let kept = place.json(&["key", "list"]).to_string();
    assert!(kept.contains("<script>alert(1)</script>"), "data is kept as data");
}
