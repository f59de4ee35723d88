//! What people are known by, and the letters that are sent to them: a letter holds its own token and no other secret, and
//! nothing but the letter holds that.

use data_encoding::BASE32_NOPAD;
use domain::role::OrgRole;
use serde_json::json;

use super::{canaries, secret_of, world};
use crate::canary::{Canary, none_in};
use crate::world::World;
use crate::world::people::PASSWORD;

const ADA: &str = "ada@example.com";
const SETTINGS: [(&str, &str); 3] = [
    ("mail.sink_dir", "letters"),
    ("mail.from", "Gate <gate@example.org>"),
    ("accounts.registration", "open"),
];

/// Every kind of letter, and in the same installation every secret of a person.
pub(super) async fn all_of_them() {
    let mut world = world(&SETTINGS).await;
    world.account(ADA).await;
    let (api, refresh) = world.tokens(ADA).await;
    let access = world.person(OrgRole::Owner).await;
    let totp = api.post("/api/v1/me/totp", "").await.is(201)["uri"].as_str().unwrap().to_owned();
    let seed = totp.split("secret=").nth(1).unwrap().split('&').next().unwrap();

    let to = |email: &str| json!({ "email": email }).to_string();
    let mut mailed = vec![];
    api.post("/api/v1/me/email", &to("ada@example.org")).await.is(202);
    mailed.push(World::token_in(&world.letter("ada@example.org").await, "pc_ver_"));
    world.api("").post("/api/v1/password/forgot", &to(ADA)).await.is(202);
    mailed.push(World::token_in(&world.last_letter(ADA, "pc_rst_", "\0").await, "pc_rst_"));
    let new = json!({ "email": "new@example.com", "password": PASSWORD }).to_string();
    world.api("").post("/api/v1/register", &new).await.is(202);
    mailed.push(World::token_in(&world.letter("new@example.com").await, "pc_ver_"));
    let invited = json!({ "email": "guest@example.com", "role": "member" }).to_string();
    access.api.post("/api/v1/invitations", &invited).await.is(201);
    mailed.push(World::token_in(&world.letter("guest@example.com").await, "pc_inv_"));

    let mut all = canaries(&world.caller.key, world.file("pepper.key").parent().unwrap());
    all.push(Canary::new("the password", PASSWORD.as_bytes()));
    all.push(Canary::new("the refresh token", secret_of(&refresh)));
    all.push(Canary::new("the access token", access.token.rsplit('.').next().unwrap().as_bytes()));
    all.push(Canary::new("the second factor", seed.as_bytes()));
    all.push(Canary::new("the second factor's bytes", &BASE32_NOPAD.decode(seed.as_bytes()).unwrap()));
    let sinks = world.sinks().await;
    let (letters, others): (Vec<_>, Vec<_>) =
        sinks.into_iter().partition(|(place, _)| place.contains("/letters/"));
    assert!(letters.len() >= mailed.len(), "{}", letters.len());
    none_in(&all, &letters);
    all.extend(mailed.iter().map(|token| Canary::new("a mailed token", secret_of(token))));
    none_in(&all, &others);
    // A letter holds one token: none that went to somebody else.
    for (place, bytes) in &letters {
        let text = String::from_utf8_lossy(bytes).replace("=\r\n", "");
        assert!(mailed.iter().filter(|token| text.contains(token.as_str())).count() <= 1, "{place}");
    }
    world.finish().await;
}
