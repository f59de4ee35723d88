//! Planted secrets against every sink: each scenario of the vectors is brought about, and then logs at their most
//! talkative, answers, metrics, database, journal and printed text are searched in every encoding.

mod letters;
mod process;

use std::path::Path;

use domain::secret::{Secret, mask};
use domain::token::{BODY_CHARS, PREFIX_CHARS};
use rustix::process::Signal;
use vault::envelope::{Bind, Vault};
use vault::keyring::Keyring;

use crate::canary::{Canary, none_in};
use crate::chat::{ANSWER, request};
use crate::cli::{Place, says};
use crate::vault_keys::connected;
use crate::world::caller::Caller;
use crate::world::upstream::{Step, Upstream};
use crate::world::{PROMPT, PROVIDER_KEY, World, eventually, log_everything};

const ROWS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/secrets_leak.jsonl"));
const NOT_APPLICABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/not-applicable.md"));
const JSON: &str = "content-type: application/json\r\n";
/// A piece of every answer: it must never be stored or logged.
const COMPLETION: &str = "PLANTED-completion-text";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_run_or_listed() {
    log_everything();
    for line in ROWS.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = row["id"].as_str().unwrap();
        let listed = NOT_APPLICABLE.contains(&format!("`{id}`"));
        assert_ne!(Box::pin(run(id)).await, listed, "{id} must be either run here or listed");
    }
}

/// Runs the scenario of row `id`; false when there is none here.
async fn run(id: &str) -> bool {
    match id {
        "secretleak-provider-401" => provider_echoes_the_key().await,
        "secretleak-provider-url-error" => url_with_a_key().await,
        "secretleak-oom" => process::no_memory().await,
        "secretleak-timeout" => upstream_fails(&[("timeouts.first_byte_ms", "100")], vec![Step::Hang]).await,
        "secretleak-tls-error" => process::no_tls().await,
        // The driver writes each statement, slow or not, at the level that these logs have.
        "secretleak-db-slow-query" | "secretleak-debug-log" | "secretleak-http-trace" => talkative().await,
        "secretleak-export" => every_listing(),
        "secretleak-email" => letters::all_of_them().await,
        "secretleak-env" => process::environment_and_limits().await,
        "secretleak-crash-report" => process::panic_report(),
        "secretleak-serde-debug" => what_prints(),
        "secretleak-redirect" => redirect().await,
        "secretleak-mask-format" => masks(),
        "secretleak-aead-swap" => swapped_rows(),
        "secretleak-aead-rollback" | "secretleak-dek-rotate" => older_wrapping(),
        "secretleak-kek-wrong" => process::wrong_key(),
        "secretleak-kek-missing" => process::missing_key(),
        // `vault_keys` shows these two: the exchange under load, and that nothing stays open between two calls.
        "secretleak-kek-rotate" | "secretleak-memory-lifetime" => {}
        _ => return false,
    }
    true
}

/// The secret part of an API key, without its public beginning.
fn secret_of(key: &str) -> &[u8] {
    &key.as_bytes()[key.len() - BODY_CHARS + PREFIX_CHARS..]
}

fn canaries(key: &str, folder: &Path) -> Vec<Canary> {
    let mut canaries = vec![
        Canary::new("the API key", secret_of(key)),
        Canary::new("the provider key", PROVIDER_KEY.as_bytes()),
        Canary::new("the prompt", PROMPT.as_bytes()),
        Canary::new("the completion", COMPLETION.as_bytes()),
    ];
    let files = [
        ("the pepper", "pepper.key"),
        ("the encryption key", "vault.key"),
        ("the key of access tokens", "jwt.key"),
        ("the key of cursors", "cursor.key"),
        ("the key of the audit trail", "audit.key"),
    ];
    for (name, file) in files {
        canaries.extend(Canary::of_key_file(name, &folder.join(file)));
    }
    canaries
}

/// A World whose journal is small enough to be searched often.
async fn world(settings: &[(&str, &str)]) -> World {
    let all = [&[("journal.segment_bytes", "65536"), ("retries.per_target", "0")], settings].concat();
    World::with(&all).await
}

async fn search(mut world: World) {
    let canaries = canaries(&world.caller.key, world.file("pepper.key").parent().unwrap());
    none_in(&canaries, &world.sinks().await);
    world.finish().await;
}

async fn upstream_fails(settings: &[(&str, &str)], steps: Vec<Step>) {
    let world = world(settings).await;
    world.upstream.then(steps);
    assert!(world.chat(&request("gpt-test")).await.status >= 500);
    search(world).await;
}

async fn provider_echoes_the_key() {
    for status in [400, 401, 403, 404, 429, 500] {
        let world = world(&[]).await;
        let (head, tail) = PROVIDER_KEY.split_at(16);
        for said in [
            format!("Incorrect API key provided: {PROVIDER_KEY}. {PROMPT} {COMPLETION}"),
            format!("Incorrect API key provided: {head} {tail}"),
        ] {
            let body = format!(r#"{{"error":{{"message":"{said}","type":"{said}","code":"{said}"}}}}"#);
            // What a provider says of a caller's own mistake is passed on, and a caller may see its own words.
            if status != 401
                && status != 403
                && (!said.contains(PROVIDER_KEY) || status == 400 || status == 404)
            {
                continue;
            }
            world.upstream.says(status, JSON, &body);
            assert!(world.chat(&request("gpt-test")).await.status >= 400);
        }
        search(world).await;
    }
    // The echo alone, where the words are passed on.
    let world = world(&[]).await;
    for status in [400, 404, 422] {
        let body =
            format!(r#"{{"error":{{"message":"no model for {PROVIDER_KEY}","param":"{PROVIDER_KEY}"}}}}"#);
        world.upstream.says(status, JSON, &body);
        assert!(world.chat(&request("gpt-test")).await.status >= 400);
    }
    search(world).await;
}

async fn url_with_a_key() {
    // A base URL never carries a query, so that no error can quote one.
    let place = Place::installed().with("MY_KEY", PROVIDER_KEY);
    let url = format!("https://api.example.com/v1?key={PROVIDER_KEY}");
    let add = ["provider", "add", "--provider", "openai_compatible", "--secret-env", "MY_KEY", "--base-url"];
    let complaint = place.fails(&[&add[..], &[&url]].concat());
    says(&complaint, &["carries a query"]);
    none_in(&[Canary::new("the provider key", PROVIDER_KEY.as_bytes())], &place.sinks());
    // A refused connection names neither URL nor key.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = world(&[("egress.allow", &closed.to_string())]).await;
    world.add_connection("closed", "openai", closed, &["closed"]).await;
    eventually("the connection", || async { world.chat(&request("closed")).await.status == 502 }).await;
    search(world).await;
}

/// Whole, streamed and refused calls with every library at its most talkative, without and with the veil over logs.
async fn talkative() {
    let answer = ANSWER.replace("Hello", COMPLETION);
    let event = format!(
        r#"data: {{"id":"1","choices":[{{"index":0,"delta":{{"content":"{COMPLETION}"}}}}]}}{}"#,
        "\n\n"
    );
    let mut world = world(&[]).await;
    world.upstream.answers(&answer).streams(&[&event, "data: [DONE]\n\n"]);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    let streamed = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    assert_eq!(world.chat(&streamed).await.status, 200);
    world.usage(2).await;
    // The gate itself says something of those alone whom it refuses.
    let stranger = Caller::new(world.caller.address, "no key".to_owned());
    assert_eq!(stranger.get("/v1/models").await.status, 401);
    let canaries = canaries(&world.caller.key, world.file("pepper.key").parent().unwrap());
    let sinks: Vec<_> = world.sinks().await.into_iter().filter(|(place, _)| place != "the answers").collect();
    none_in(&canaries, &sinks);
    let logged = world.logged();
    for speaker in ["gateway", "sqlx"] {
        assert!(logged.contains(speaker), "{speaker} says nothing: these logs prove nothing");
    }
    world.finish().await;

    let upstream = Upstream::start().await;
    let (place, key) = connected(&upstream);
    let gate = place.serve(&["--set", "log.level=trace", "--set", "journal.segment_bytes=65536"]).await;
    let caller = Caller::new(gate.public, key.clone());
    upstream.answers(&answer).streams(&[&event, "data: [DONE]\n\n"]);
    for body in [request("gpt-test"), streamed] {
        assert_eq!(caller.post("/v1/chat/completions", &body).await.status, 200);
    }
    let stranger = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    let refused = Caller::new(gate.public, stranger);
    assert_eq!(refused.post("/v1/chat/completions", &request("gpt-test")).await.status, 401);
    assert!(gate.end(Signal::TERM).await.success());
    none_in(&self::canaries(&key, &place.data()), &place.sinks());
}

fn every_listing() {
    let place = Place::installed().with("MY_KEY", PROVIDER_KEY);
    place.ok(&["provider", "add", "--provider", "openai", "--secret-env", "MY_KEY"]);
    let key = place.json(&["key", "create", "--name", "app"])["key"].as_str().unwrap().to_owned();
    let token = place.json(&["operator", "create", "--name", "meters"])["token"].as_str().unwrap().to_owned();
    place.forget_what_was_said();
    for command in [
        &["provider", "list"][..],
        &["provider", "show", "openai"],
        &["key", "list"],
        &["operator", "list"],
        &["org", "list"],
        &["project", "list"],
        &["model", "list"],
        &["usage", "list"],
        &["usage", "summary"],
        &["config", "check"],
        &["vault", "status"],
    ] {
        place.ok(command);
        place.json(command);
    }
    let mut canaries = canaries(&key, &place.data());
    canaries.push(Canary::new("the operator token", secret_of(&token)));
    none_in(&canaries, &place.sinks());
}

/// What can be printed of the things that stand near a secret. Those that hold one cannot: `vault/tests/refused`.
fn what_prints() {
    let place = Place::installed().with("MY_KEY", PROVIDER_KEY);
    let variables = server::config::environment::Variables::from([("MY_KEY", PROVIDER_KEY)]);
    let folder = place.data().display().to_string();
    let flags = server::config::Flags { config: None, settings: vec![("data_dir".to_owned(), folder)] };
    let (loaded, roots) = server::config::Config::load_with_roots(&flags, &variables).unwrap();
    let bind = Bind { org: None, record: crate::world::fresh(), purpose: "provider_key" };
    let sealed = roots.vault.seal(&Secret::new(PROVIDER_KEY.as_bytes().to_vec()), &bind).unwrap();
    let connection = domain::route::Connection {
        id: domain::id::ProviderKeyId::new(bind.record),
        owner: domain::route::Owner::Platform,
        name: "main".into(),
        provider: "openai".into(),
        base_url: "https://api.example.com".into(),
        sealed: Some(sealed.clone().into()),
        serves: domain::route::Serves::Any,
        priority: 1,
        fallback_to_platform: false,
        in_service: true,
        rests_until: None,
        quotas: domain::pool::quota::Quotas::default(),
    };
    let failed = roots.vault.open(&sealed, &Bind { purpose: "other", ..bind }).err().unwrap();
    let printed = format!("{loaded:?}{flags:?}{bind:?}{connection:?}{failed:?}{failed}");
    let mut canaries = vec![Canary::new("the provider key", PROVIDER_KEY.as_bytes())];
    for (name, file) in [("the pepper", "pepper.key"), ("the encryption key", "vault.key")] {
        canaries.extend(Canary::of_key_file(name, &place.data().join(file)));
    }
    none_in(&canaries, &[("what prints".to_owned(), printed.into_bytes())]);
}

async fn redirect() {
    let world = world(&[]).await;
    let location = format!("location: https://elsewhere.example/?key={PROVIDER_KEY}\r\n");
    world.upstream.says(302, &location, "");
    let answer = world.chat(&request("gpt-test")).await;
    assert_eq!((answer.status, answer.header("location")), (502, None));
    assert_eq!(world.upstream.received().len(), 1, "not followed");
    search(world).await;
}

/// Eight characters at most, and a quarter at most of any key as long as real ones are. Of 16 to 31 characters the
/// specification shows eight all the same.
fn masks() {
    for length in 0..200 {
        let secret: String = ('a'..='z').cycle().take(length).collect();
        let masked = mask(&secret);
        let shown = masked.chars().filter(char::is_ascii_alphabetic).count();
        assert_eq!(shown, if length < 16 { 0 } else { 8 }, "{length}");
        assert!(length < 32 || shown * 4 <= length, "{length}");
    }
}

fn ring(seeds: &[u8]) -> Vault {
    let key = |seed: u8| Secret::new((0u8..32).map(|index| index ^ seed).collect());
    Vault::new(Keyring::new(seeds.iter().map(|seed| key(*seed)).collect()).unwrap())
}

fn swapped_rows() {
    let [a, b] = [1, 2].map(|number| Some(domain::id::OrgId::new(uuid::Uuid::from_u128(number))));
    let record = uuid::Uuid::from_u128(7);
    let bind = |org| Bind { org, record, purpose: "provider_key" };
    let sealed = ring(&[1]).seal(&Secret::new(PROVIDER_KEY.as_bytes().to_vec()), &bind(a)).unwrap();
    assert!(ring(&[1]).open(&sealed, &bind(a)).is_ok() && ring(&[1]).open(&sealed, &bind(b)).is_err());
}

/// A secret is never changed in its row, so that an older version of a row can only be one under an older key: it opens
/// while that key is in the ring and never after. New values name the new key.
fn older_wrapping() {
    let bind = Bind { org: None, record: uuid::Uuid::from_u128(7), purpose: "provider_key" };
    let older = ring(&[1]).seal(&Secret::new(PROVIDER_KEY.as_bytes().to_vec()), &bind).unwrap();
    let both = ring(&[2, 1]);
    let newer = both.rewrap(&older, &bind).unwrap();
    assert!(both.open(&older, &bind).is_ok() && both.open(&newer, &bind).is_ok());
    assert!(both.wrapped_by_newest(&newer) && !both.wrapped_by_newest(&older));
    let alone = ring(&[2]);
    assert!(alone.open(&newer, &bind).is_ok() && alone.open(&older, &bind).is_err());
}
