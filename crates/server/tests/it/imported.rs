//! Keys of another gateway through the edge: they work as they are once they were imported, and what is refused of them
//! is refused like any key.

use domain::scope::KeyState;
use domain::token::Prefix;
use store::keys::{ImportedKey, NewKey};

use crate::world::caller::{Answer, Caller};
use crate::world::{World, eventually};

const GOOD: &str = "sk-Zq7XbW3nTpLk9sVdEfGhw_-1";
const BLOCKED: &str = "sk-Aq7XbW3nTpLk9sVdEfGhw_-2";

async fn import(world: &mut World, keys: &[(&str, KeyState)]) -> Vec<store::keys::Key> {
    let (_, like) = world.key_with(|_| ()).await;
    let like = world.store().keys().get(&like.to_string()).await.unwrap();
    let mut all = vec![];
    for (text, state) in keys {
        let sha256 = vault::digest::sha256(text.as_bytes());
        let new = NewKey {
            id: domain::id::KeyId::new(crate::world::fresh()),
            org: world.org,
            project: world.project,
            user: None,
            name: "from elsewhere".to_owned(),
            prefix: Prefix::of_sha256(&sha256),
            digest: world.roots().pepper.digest(&sha256),
            models: vec![],
            scopes: vec![],
            allowed_ips: None,
            limits: like.limits,
            expires_at: None,
            created_at: world.now(),
        };
        all.push(ImportedKey { new, state: *state });
        world.plant(text);
    }
    let made = world.store().keys().import(world.project, &all, &world.act()).await.unwrap();
    made.into_iter().map(Result::unwrap).collect()
}

/// The answer without what differs by request.
fn seen(answer: &Answer) -> (u16, String) {
    let id = answer.header("x-request-id").unwrap();
    (answer.status, answer.text().replace(id, "-"))
}

#[tokio::test]
async fn an_imported_key_works_as_it_is_and_nothing_like_it_does() {
    let mut world = World::start().await;
    let ask = async |key: &str| Caller::new(world.caller.address, key.to_owned()).get("/v1/models").await;
    let unknown = seen(&ask(&format!("pc_live_{}", "7".repeat(52))).await);
    assert_eq!(unknown.0, 401);
    assert_eq!(seen(&ask(GOOD).await), unknown, "before it was imported");
    let made = import(&mut world, &[(GOOD, KeyState::Active), (BLOCKED, KeyState::Disabled)]).await;
    let address = world.caller.address;
    let ask = async |key: &str| Caller::new(address, key.to_owned()).get("/v1/models").await;
    eventually("the imported key", || async { ask(GOOD).await.status == 200 }).await;
    let in_header = Caller::new(address, String::new());
    let text = in_header.request("GET", "/v1/models", &format!("x-api-key: {GOOD}\r\n"), "");
    assert_eq!(in_header.raw(text.as_bytes()).await.status, 200);
    for wrong in [
        BLOCKED,
        &GOOD.to_ascii_lowercase(),
        &GOOD[..GOOD.len() - 1],
        &format!("{GOOD}1"),
        "sk-1234",
        &format!("sk-{}", "a".repeat(300)),
        &vault_digits(GOOD),
    ] {
        let answer = ask(wrong).await;
        assert_eq!(seen(&answer), unknown, "{wrong}");
        assert!(answer.took.as_millis() >= 75, "{wrong}: {:?}", answer.took);
    }
    for query in [format!("/v1/models?api_key={GOOD}"), format!("/v1/models?key={GOOD}")] {
        assert_eq!(Caller::new(address, GOOD.to_owned()).get(&query).await.status, 401, "{query}");
    }
    assert_eq!(Caller::new(world.admin(), GOOD.to_owned()).get("/api/v1/org").await.status, 401);

    // What is told of a refused one is no part of it, and its organization is told.
    let rows = || async { world.audit_rows().await };
    let of_blocked = made[1].prefix.to_string();
    let refused = async || {
        let rows = rows().await;
        rows.into_iter().find(|row| row.action == "key.refused" && row.actor.prefix == of_blocked)
    };
    eventually("the row of the refusal", || async { refused().await.is_some() }).await;
    let row = refused().await.unwrap();
    assert_eq!(row.org, world.org.to_string());
    assert!(row.detail.contains("\"disabled\""), "{}", row.detail);
    let foreign: Vec<_> = rows()
        .await
        .into_iter()
        .filter(|row| row.action == "key.refused" && row.detail.contains("unknown"))
        .collect();
    assert!(!foreign.is_empty() && foreign.iter().all(|row| row.org.is_empty()), "{foreign:?}");

    // Without any left, they are not looked for.
    for key in &made {
        world.store().keys().set_state(key.id, KeyState::Revoked, &world.act()).await.unwrap();
    }
    eventually("the end of the imported key", || async { ask(GOOD).await.status == 401 }).await;
    assert_eq!(seen(&ask(GOOD).await), unknown);
    world.finish().await;
}

#[tokio::test]
async fn an_imported_key_works_after_a_restart_and_is_limited_like_any() {
    let mut world = World::start().await;
    import(&mut world, &[(GOOD, KeyState::Active)]).await;
    world.restart().await;
    world.caller.key = GOOD.to_owned();
    let answer = world.caller.get("/v1/models").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-ratelimit-limit-requests").is_some(), "{}", answer.head);
    world.finish().await;
}

fn vault_digits(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&vault::digest::sha256(text.as_bytes()))
}
