//! The encryption key is exchanged while the gate serves, and wrong keys are known before they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use control::vault_keys::rotate::{Progress, Rotated, Who, rotate};
use control::vault_keys::sealer::Sealer;
use control::vault_keys::{census, prove};
use domain::time::Clock;
use rustix::process::Signal;
use vault::envelope::WrappedBy;

use crate::chat::{ANSWER, request};
use crate::cli::{Place, says};
use crate::world::caller::Caller;
use crate::world::upstream::Upstream;
use crate::world::{PROVIDER_KEY, World, eventually};

/// Callers at once during an exchange.
const CALLERS: usize = 8;
/// Calls that must have passed at each step of it.
const CALLS_PER_STEP: u64 = 40;

fn new_key(path: &std::path::Path) {
    std::fs::write(path, vault::keyring::generate().unwrap()).unwrap();
}

/// Wraps everything with the newest key of the World's settings.
async fn exchange(world: &World, tell: impl FnMut(Progress)) -> Rotated {
    let now = world.now();
    let (actor, clock) = (world.act().actor, Clock::new(move || now));
    let who = Who { actor: &actor, clock: &clock };
    let sealer = Sealer::new(world.store().clone(), Arc::new(world.vault()), None);
    rotate(&sealer, who, tell).await.unwrap()
}

/// Calls without pause until it is told to stop; every one must succeed.
struct Load {
    stop: Arc<AtomicBool>,
    passed: Arc<AtomicU64>,
    callers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(world: &World) -> Self {
        let (stop, passed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let caller = || {
            let caller = Caller::new(world.caller.address, world.caller.key.clone());
            let (stop, passed) = (Arc::clone(&stop), Arc::clone(&passed));
            let upstream = world.upstream.clone();
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    upstream.answers(ANSWER);
                    let answer = caller.post("/v1/chat/completions", &request("gpt-test")).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    passed.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let callers = (0..CALLERS).map(|_| caller()).collect();
        Self { stop, passed, callers }
    }

    /// Waits until more calls have passed, all of which began after the last step.
    async fn goes_on(&self) {
        let enough = self.passed.load(Ordering::Relaxed) + CALLS_PER_STEP;
        eventually("calls to pass", || async {
            self.passed.load(Ordering::Relaxed) >= enough || self.callers.iter().any(|one| one.is_finished())
        })
        .await;
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await.expect("no call fails");
        }
        self.passed.load(Ordering::Relaxed)
    }
}

/// The connections of a World are more than one page of an exchange holds.
const CONNECTIONS: u128 = 130;

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_exchanged_under_load_without_a_failed_call() {
    let mut world = World::start().await;
    let address = world.upstream.address;
    for number in 1..CONNECTIONS {
        world.add_connection(&format!("spare {number}"), "openai", address, &["gpt-test"]).await;
    }
    let load = Load::start(&world);
    load.goes_on().await;

    // 1. The gate learns the new key; the old one still opens.
    new_key(&world.file("new.key"));
    world.set("secrets.encryption_keys", "file:new.key,file:vault.key");
    world.read_keys_anew().await.unwrap();
    load.goes_on().await;

    // The old key cannot be dropped before everything is wrapped with the new one.
    world.set("secrets.encryption_keys", "file:new.key");
    let refused = world.read_keys_anew().await.unwrap_err().to_string();
    assert!(refused.contains("vault rotate") && refused.contains("main"), "{refused}");
    world.set("secrets.encryption_keys", "file:new.key,file:vault.key");

    // 2. Everything is wrapped with the new key, in pages, while calls go on.
    let (vault, pages) = (world.vault(), std::cell::Cell::new(0));
    let rotated = exchange(&world, |_| pages.set(pages.get() + 1)).await;
    let total = u64::try_from(CONNECTIONS).unwrap() + 1;
    assert_eq!((rotated.rewrapped, rotated.already, rotated.broken.len()), (total, 0, 0));
    assert!(pages.get() > 1);
    load.goes_on().await;
    let again = exchange(&world, |_| ()).await;
    assert_eq!((again.rewrapped, again.already), (0, total), "it can be run again");

    // 3. The old key goes; nothing needs it, and nothing opens with it.
    world.set("secrets.encryption_keys", "file:new.key");
    world.read_keys_anew().await.unwrap();
    load.goes_on().await;
    let passed = load.end().await;
    println!("{passed} calls passed during the exchange, none failed");
    let counts: Vec<_> = census(world.store()).await.unwrap().into_iter().collect();
    assert_eq!(counts, [(Some(WrappedBy::Ring(vault.key_names()[0])), total)]);
    world.set("secrets.encryption_keys", "file:vault.key");
    let old = world.vault();
    assert!(prove(world.store(), &old, world.now()).await.is_err(), "a start with the old key is refused");
    for key in world.store().provider_keys().list().await.unwrap() {
        assert!(!old.holds_wrapper_of(key.sealed.as_deref().unwrap()), "{}", key.name);
    }
    world.set("secrets.encryption_keys", "file:new.key");
    world.restart().await;
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn an_exchange_that_stopped_halfway_goes_on() {
    let mut world = World::start().await;
    let address = world.upstream.address;
    world.add_connection("under the old key", "openai", address, &["gpt-test"]).await;
    new_key(&world.file("new.key"));
    world.set("secrets.encryption_keys", "file:new.key,file:vault.key");
    world.add_connection("under the new key", "openai", address, &["gpt-test"]).await;
    let rotated = exchange(&world, |_| ()).await;
    assert_eq!((rotated.rewrapped, rotated.already), (3, 1), "two connections and the check value; one was");
    world.finish().await;
}

#[tokio::test]
async fn a_value_that_opens_with_no_key_is_named_and_left() {
    let mut world = World::start().await;
    let address = world.upstream.address;
    new_key(&world.file("lost.key"));
    world.set("secrets.encryption_keys", "file:lost.key");
    world.add_connection("orphan", "openai", address, &["other"]).await;
    new_key(&world.file("new.key"));
    world.set("secrets.encryption_keys", "file:new.key,file:vault.key");
    let before = world.store().provider_keys().get("orphan").await.unwrap();
    let rotated = exchange(&world, |_| ()).await;
    assert_eq!((rotated.rewrapped, rotated.broken), (2, vec!["orphan".to_owned()]));
    assert_eq!(world.store().provider_keys().get("orphan").await.unwrap(), before);
    world.finish().await;
}

#[tokio::test]
async fn a_provider_key_is_opened_for_each_call_and_kept_open_for_none() {
    let world = World::start().await;
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    let row = world.store().provider_keys().get("main").await.unwrap();
    // Somebody exchanges the sealed bytes for another tenant's: what was opened before is no help.
    let stranger = world.vault().seal(
        &domain::secret::Secret::new(PROVIDER_KEY.as_bytes().to_vec()),
        &vault::envelope::Bind { org: Some(world.org), record: row.id.uuid(), purpose: "provider_key" },
    );
    let old = store::sealed_values::SealedValue {
        owner: None,
        record: row.id.uuid(),
        purpose: store::sealed_values::PROVIDER_KEY,
        label: row.name,
        sealed: row.sealed.unwrap(),
    };
    let swapped = [store::sealed_values::Replacement { old, sealed: stranger.unwrap() }];
    assert_eq!(world.store().sealed_values().replace(&swapped, &world.act()).await.unwrap(), 1);
    assert_eq!(
        world.store().sealed_values().replace(&swapped, &world.act()).await.unwrap(),
        0,
        "compared first"
    );
    eventually("the refusal", || async {
        world.upstream.answers(ANSWER);
        world.chat(&request("gpt-test")).await.status == 503
    })
    .await;
    world.finish().await;
}

/// An installation with one connection to `upstream`, and a key to call it with.
pub fn connected(upstream: &Upstream) -> (Place, String) {
    let place = Place::installed()
        .with("MY_KEY", PROVIDER_KEY)
        .with("PORTCULLIS_EGRESS_ALLOW", &upstream.address.to_string());
    let url = format!("http://{}/v1", upstream.address);
    let add = ["provider", "add", "--provider", "openai_compatible", "--base-url", &url];
    place.ok(&[&add[..], &["--secret-env", "MY_KEY", "--models", "gpt-test"]].concat());
    let limits = ["--rpm", "1000000", "--burst", "100000", "--concurrent", "1000"];
    let made = place.json(&[&["key", "create", "--name", "app"], &limits[..]].concat());
    let key = made["key"].as_str().unwrap().to_owned();
    place.forget_what_was_said();
    (place, key)
}

#[tokio::test]
async fn the_whole_exchange_by_command_and_signal() {
    let upstream = Upstream::start().await;
    let (place, key) = connected(&upstream);
    let gate = place.serve(&[]).await;
    let caller = Caller::new(gate.public, key);
    let works = async || {
        upstream.answers(ANSWER);
        let answer = caller.post("/v1/chat/completions", &request("gpt-test")).await;
        assert_eq!(answer.status, 200, "{}: {}", answer.text(), gate.log());
    };
    works().await;
    let before = place.json(&["vault", "status"]);
    assert_eq!(
        (&before["encryption_keys"][0]["place"], &before["encryption_keys"][0]["values"]),
        (&"newest".into(), &2.into())
    );

    let file = place.data().join("portcullis.toml");
    let keys = |list: &str| {
        let text = std::fs::read_to_string(&file).unwrap();
        let line = text.lines().find(|line| line.starts_with("encryption_keys")).unwrap().to_owned();
        std::fs::write(&file, text.replace(&line, &format!("encryption_keys = {list}"))).unwrap();
    };
    let told = async |times: usize| {
        gate.signal(Signal::HUP);
        let read = || async { gate.log().matches("the encryption keys were read anew").count() == times };
        eventually("the keys to be read anew", read).await;
    };
    place.ok(&["vault", "status"]);
    new_key(&place.data().join("new.key"));
    keys(r#"["file:new.key", "file:vault.key"]"#);
    told(1).await;
    let ran = place.run(&["vault", "rotate", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    says(&ran.err, &["1 of 1 values looked at, 1 wrapped anew"]);
    let rotated: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&rotated["rewrapped"], &rotated["already"]), (&2.into(), &0.into()));
    says(&place.run(&["vault", "rotate"]).out, &["0 values", "SIGHUP"]);
    works().await;
    keys(r#"["file:new.key"]"#);
    told(2).await;
    std::fs::remove_file(place.data().join("vault.key")).unwrap();
    works().await;

    // A ring without any file behind it changes nothing.
    keys(r#"["file:gone.key"]"#);
    gate.signal(Signal::HUP);
    eventually("the refusal", || async { gate.log().contains("the encryption keys stay as they were") })
        .await;
    works().await;
    assert!(gate.end(Signal::TERM).await.success());
    let listed = place.json(&["audit", "list", "--action", "config.reload"]);
    let outcomes: Vec<_> =
        listed["audit"].as_array().unwrap().iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["refused", "done", "done"], "newest first: {listed}");
}

#[test]
fn a_wrong_key_refuses_every_start_and_every_sealing() {
    let place = Place::installed().with("MY_KEY", PROVIDER_KEY);
    // There is no provider key yet: the check value alone tells.
    let right = std::fs::read(place.data().join("vault.key")).unwrap();
    new_key(&place.data().join("vault.key"));
    let addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let add = ["provider", "add", "--provider", "openai", "--secret-env", "MY_KEY"];
    for command in [&[&["serve"], &addresses[..]].concat()[..], &["vault", "rotate"], &add] {
        let ran = place.run(command);
        assert_eq!(ran.code, 1);
        says(&ran.err, &["not those of this database", "secrets.encryption_keys"]);
    }
    let status = place.json(&["vault", "status"]);
    assert_eq!(status["encryption_keys"][1]["place"], "missing");
    std::fs::remove_file(place.data().join("vault.key")).unwrap();
    says(&place.fails(&[&["serve"], &addresses[..]].concat()), &["vault.key", "cannot be read"]);
    let file = place.data().join("vault.key");
    std::fs::write(&file, right).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    place.ok(&add);
}
