//! Provider keys under a key that a real OpenBao keeps: sealed, opened, wrapped anew, and what happens while it is down
//! or says no.

use std::time::Duration;

use control::vault_keys::sealer::NotSealed;
use vault::envelope::{SealFailed, WrappedBy, wrapped_by};
use vault::remote::RemoteFailed;

use crate::chat::{ANSWER, request};
use crate::cli::{Place, says};
use crate::world::bao::Bao;
use crate::world::{PROVIDER_KEY, World, eventually};

/// How long data keys are kept in these tests, by the clock that the test turns.
const KEPT: Duration = Duration::from_secs(3);

async fn world(bao: &Bao) -> World {
    let token = format!("file:{}", bao.token_file().display());
    let settings = [
        ("transit.address", bao.url()),
        ("transit.token", token),
        ("transit.keep_seconds", KEPT.as_secs().to_string()),
        ("egress.also", bao.place()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    World::with(&settings).await
}

/// The status of a call to the connection under test.
async fn call(world: &World) -> u16 {
    world.upstream.answers(ANSWER);
    world.chat(&request("own-model")).await.status
}

async fn works(world: &World) {
    eventually("the connection to serve", || async { call(world).await == 200 }).await;
}

async fn chosen(world: &World, key: &str) {
    world.store().orgs().set_key_provider(world.org, Some(key), &world.act()).await.unwrap();
}

#[tokio::test]
async fn calls_go_on_for_a_time_while_the_key_server_is_down_and_then_nothing_is_sent() {
    let bao = Bao::start().await;
    let world = world(&bao).await;
    chosen(&world, "transit:acme").await;
    let own = world.add_own_connection("own", "own-model").await.unwrap();
    let row = world.store().provider_keys().get(&own.to_string()).await.unwrap();
    let acme = WrappedBy::Remote("transit:acme".parse().unwrap());
    assert_eq!(wrapped_by(row.sealed.as_deref().unwrap()), Some(acme));
    works(&world).await;
    let sent = world.upstream.received().pop().unwrap();
    assert!(sent.head.contains(PROVIDER_KEY));

    bao.seal().await;
    eventually("the outage to be noticed", || async {
        world.logged().contains("the key provider is unavailable")
    })
    .await;
    assert_eq!(call(&world).await, 200, "the data key is at hand");
    let refused = world.add_own_connection("second", "second-model").await.unwrap_err();
    assert!(
        matches!(refused, NotSealed::Seal(SealFailed::Remote(RemoteFailed::Unavailable(_)))),
        "nothing is sealed with another key in its place: {refused}"
    );
    world.pass(KEPT);
    let before = world.upstream.received().len();
    for _ in 0..3 {
        world.chat(&request("own-model")).await.is_error(503, "api_error", "no_available_route");
    }
    assert_eq!(world.upstream.received().len(), before, "a key that does not open is never sent");
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "what the ring wraps is not concerned");

    bao.unseal().await;
    works(&world).await;
    eventually("the end of the outage to be said", || async {
        world.logged().contains("the key provider is back")
    })
    .await;
    assert!(!world.logged().contains(&bao.token));
    world.finish().await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_with_the_keys_at_hand() {
    let bao = Bao::start().await;
    let world = world(&bao).await;
    chosen(&world, "transit:acme").await;
    world.add_own_connection("own", "own-model").await.unwrap();
    works(&world).await;
    bao.revoke().await;
    // A data key that was on its way while the right was taken away is kept for its time as well.
    eventually("the connection to be out of service", || async {
        world.pass(KEPT);
        call(&world).await == 503
    })
    .await;
    let said = "the key provider refuses to unwrap";
    eventually("the refusal to be said", || async { world.logged().contains(said) }).await;
    let refused = world.add_own_connection("second", "second-model").await.unwrap_err();
    assert!(matches!(refused, NotSealed::Seal(SealFailed::Remote(RemoteFailed::Refused(_)))), "{refused}");
    world.finish().await;
}

#[tokio::test]
async fn a_restart_opens_what_was_sealed_before() {
    let bao = Bao::start().await;
    let mut world = world(&bao).await;
    chosen(&world, "transit:acme").await;
    world.add_own_connection("own", "own-model").await.unwrap();
    world.restart().await;
    assert_eq!(call(&world).await, 200, "its data key was fetched before the first call");
    world.read_keys_anew().await.unwrap();
    assert_eq!(call(&world).await, 200, "a ring that is read anew forgets no data key");
    world.finish().await;
}

/// The places of all sealed values, as `vault status` says them.
fn status(place: &Place) -> Vec<(String, u64)> {
    let status = place.json(&["vault", "status"]);
    let rows = status["encryption_keys"].as_array().unwrap().iter();
    rows.map(|row| (row["place"].as_str().unwrap().to_owned(), row["values"].as_u64().unwrap())).collect()
}

fn rewrapped(place: &Place) -> u64 {
    let ran = place.run(&["vault", "rotate", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()["rewrapped"].as_u64().unwrap()
}

#[tokio::test]
async fn values_move_to_the_key_server_and_back_by_command() {
    let bao = Bao::start().await;
    let place = Place::installed()
        .with("MY_KEY", PROVIDER_KEY)
        .with("PORTCULLIS_TRANSIT_ADDRESS", &bao.url())
        .with("PORTCULLIS_TRANSIT_TOKEN", "env:BAO_TOKEN")
        .with("BAO_TOKEN", &bao.token)
        .with("PORTCULLIS_EGRESS_ALLOW", &format!("127.0.0.1:9,{}", bao.place()));
    let add = |name: &str| {
        let at =
            ["--provider", "openai_compatible", "--base-url", "http://127.0.0.1:9/v1", "--org", "default"];
        place.run(&[&["provider", "add", "--name", name, "--secret-env", "MY_KEY"], &at[..]].concat())
    };
    let choose = |flags: &[&str]| place.ok(&[&["org", "key-provider", "default"], flags].concat());
    assert_eq!(add("first").code, 0);
    let (newest, outside) = ("newest".to_owned(), "outside".to_owned());
    assert_eq!(status(&place), [(newest.clone(), 2)], "a connection and the check value");

    assert_eq!(choose(&[]).trim(), "default");
    says(&choose(&["--key", "transit:acme"]), &["vault rotate"]);
    assert_eq!(choose(&[]).trim(), "transit:acme");
    assert_eq!(rewrapped(&place), 1);
    assert_eq!(add("second").code, 0);
    assert_eq!(status(&place), [(newest.clone(), 1), (outside.clone(), 2)]);

    // A new version of the key is taken up, after which the old one opens nothing and is not needed.
    assert_eq!(rewrapped(&place), 0);
    bao.new_version().await;
    assert_eq!((rewrapped(&place), rewrapped(&place)), (2, 0));
    bao.forget_versions_before(2).await;
    let findings =
        place.run(&["doctor", "--set", "listen.public=127.0.0.1:0", "--set", "listen.admin=127.0.0.1:0"]);
    assert_eq!(findings.code, 0, "{}{}", findings.out, findings.err);
    says(&findings.out, &["transit", "provider first", "provider second"]);

    // Without the right to a key nothing is sealed with it, and nothing that is there is lost.
    choose(&["--key", "transit:other"]);
    says(&add("third").err, &["the key provider refused: status 403"]);
    let ran = place.run(&["vault", "rotate"]);
    says(&ran.err, &["first", "second"]);
    assert_eq!((ran.code, status(&place)), (1, vec![(newest.clone(), 1), (outside, 2)]));

    choose(&["--default"]);
    assert_eq!(rewrapped(&place), 2);
    assert_eq!(status(&place), [(newest, 3)]);
    choose(&["--key", "transit:acme"]);
    bao.seal().await;
    says(&add("third").err, &["the key provider is unavailable: status 503"]);
    says(&place.run(&["vault", "rotate"]).err, &["the key provider is unavailable", "Run this again"]);
    let findings = place.run(&["doctor"]);
    says(&findings.out, &["FAIL", "transit", "status 503"]);
    place.keeps(&bao.token, &[]);
    place.keeps(PROVIDER_KEY, &[]);
}
