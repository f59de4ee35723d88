//! What organizations share: connections, buffers, marks of pages, identifiers, people, one process.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::{FILE, Two, project};
use crate::chat::{ANSWER, request};
use crate::vectors::row;
use crate::world::caller::Caller;

/// A key of the other organization.
async fn their_key(two: &mut Two) -> String {
    let project = project(&two.theirs.api).await;
    let (org, project) = (two.their_org, project.parse().unwrap());
    two.world.key_with(|new| (new.org, new.project) = (org, project)).await.0
}

#[tokio::test]
async fn two_tenants_on_one_connection_keep_their_own() {
    let mut two = Two::start().await;
    assert_eq!(row(FILE, "tenancy-misc-pool-header-bleed")["expect"]["verdict"], "no_bleed");
    let theirs = Caller::new(two.world.caller.address, their_key(&mut two).await);
    let ask = |who: &str, turn: usize| {
        json!({"model": "gpt-test", "messages": [{"role": "user", "content": format!("{who} {turn}")}], "user": who})
            .to_string()
    };
    for turn in 0..500 {
        for (who, caller) in [("ours", &two.world.caller), ("theirs", &theirs)] {
            let said = ANSWER.replace("Hello", &format!("{who} {turn}"));
            two.world.upstream.answers(&said);
            let headers =
                format!("content-type: application/json\r\nx-only: {who}\r\nopenai-beta: {who}\r\n");
            let answer = caller.post_with("/v1/chat/completions", &headers, &ask(who, turn)).await;
            assert_eq!((answer.status, answer.text()), (200, said));
        }
    }
    let received = two.world.upstream.received();
    assert_eq!(received.len(), 1_000);
    for (index, got) in received.iter().enumerate() {
        let (who, other) = if index % 2 == 0 { ("ours", "theirs") } else { ("theirs", "ours") };
        assert_eq!(got.json()["user"], who);
        let body = String::from_utf8_lossy(&got.body).into_owned();
        assert!(!body.contains(other) && !got.head.contains(other), "{}\n{body}", got.head);
    }
    assert!(
        two.world.upstream.connections() < 20,
        "they share connections: {}",
        two.world.upstream.connections()
    );
    let (ours, org) = (two.world.org, two.their_org);
    let rows = two.world.usage(1_000).await;
    assert_eq!(rows.iter().filter(|row| row.opened.org == ours).count(), 500);
    assert_eq!(rows.iter().filter(|row| row.opened.org == org).count(), 500);
    two.world.finish().await;
}

#[tokio::test]
async fn a_short_answer_after_a_long_one_is_short() {
    let mut two = Two::start().await;
    assert_eq!(row(FILE, "tenancy-misc-buffer-reuse")["expect"]["verdict"], "no_stale_bytes");
    let theirs = Caller::new(two.world.caller.address, their_key(&mut two).await);
    let long = ANSWER.replace("Hello", &"of ours alone ".repeat(100_000));
    for _ in 0..3 {
        two.world.upstream.answers(&long);
        let answer = two.world.chat(&request("gpt-test")).await;
        assert_eq!(answer.body.len(), long.len());
        two.world.upstream.answers(ANSWER);
        let answer = theirs.post("/v1/chat/completions", &request("gpt-test")).await;
        assert_eq!(answer.text(), ANSWER);
        let refused = theirs.post("/v1/chat/completions", "{}").await;
        assert!(refused.status >= 400 && !refused.text().contains("of ours alone"), "{}", refused.text());
    }
    two.world.finish().await;
}

#[tokio::test]
async fn the_mark_of_a_page_is_good_for_its_own_organization() {
    let two = Two::start().await;
    assert_eq!(row(FILE, "tenancy-misc-cursor-forgery")["expect"]["status"], 400);
    for api in [&two.ours.api, &two.theirs.api] {
        project(api).await;
        project(api).await;
    }
    let page = two.theirs.api.get("/api/v1/projects?limit=1").await.is(200);
    let path = format!("/api/v1/projects?cursor={}", page["next_cursor"].as_str().unwrap());
    two.theirs.api.get(&path).await.is(200);
    two.ours.api.get(&path).await.is_problem(400, "invalid_request");
    two.world.finish().await;
}

/// Two identifiers of the same millisecond share 48 bits of time and 6 that say what they are.
#[tokio::test]
async fn identifiers_tell_their_time_and_nothing_of_the_next() {
    assert_eq!(row(FILE, "tenancy-misc-id-enumeration")["expect"]["bits_min"], 64);
    let two = Two::start().await;
    let mut seen = HashSet::new();
    for _ in 0..40 {
        let id = project(&two.ours.api).await;
        let id = Uuid::try_parse(id.strip_prefix("proj_").unwrap()).unwrap();
        assert_eq!(id.get_version_num(), 7);
        let bits = id.as_u128();
        seen.insert((bits & ((1 << 62) - 1)) | ((bits >> 64 & 0xfff) << 62));
    }
    assert_eq!(seen.len(), 40);
    // Each of the 74 bits is one in some of them and none in others: none of them counts or stands still.
    for bit in 0..74 {
        let ones = seen.iter().filter(|random| *random >> bit & 1 == 1).count();
        assert!((1..40).contains(&ones), "bit {bit}: {ones} of 40");
    }
    two.world.finish().await;
}

#[tokio::test]
async fn exports_that_run_together_keep_their_own() {
    let two = Two::start().await;
    assert_eq!(row(FILE, "tenancy-misc-export-bleed")["expect"]["verdict"], "own_rows_only");
    for _ in 0..10 {
        project(&two.ours.api).await;
        project(&two.theirs.api).await;
    }
    let path = "/api/v1/audit/export";
    let (ours, theirs) = (two.world.org.to_string(), two.their_org.to_string());
    for _ in 0..5 {
        let (one, other) = tokio::join!(two.ours.api.get(path), two.theirs.api.get(path));
        for (answer, own, foreign) in [(one, &ours, &theirs), (other, &theirs, &ours)] {
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.text().contains(own.as_str()) && !answer.text().contains(foreign.as_str()));
        }
    }
    two.world.finish().await;
}

#[tokio::test]
async fn how_often_somebody_was_refused_is_for_operators() {
    let mut two = Two::start().await;
    assert_eq!(row(FILE, "tenancy-misc-counts")["expect"]["verdict"], "no");
    for api in [&two.ours.api, &two.theirs.api] {
        assert_eq!(api.get("/metrics").await.status, 403);
    }
    let operator = two.world.operator().await.api;
    let metrics = operator.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    for org in [two.world.org, two.their_org] {
        assert!(!metrics.text().contains(&org.to_string()), "no series is of one tenant");
    }
    two.world.finish().await;
}

#[tokio::test]
async fn two_spellings_of_an_address_are_one_person() {
    let mut two = Two::start().await;
    assert_eq!(row(FILE, "tenancy-misc-email-case")["expect"]["verdict"], "same_identity");
    let known = two.theirs.api.get("/api/v1/me").await.is(200)["user"].clone();
    let shouted = known["email"].as_str().unwrap().to_uppercase();
    let invited = json!({"email": shouted, "role": "member"}).to_string();
    let invited = two.ours.api.post("/api/v1/invitations", &invited).await.is(201);
    assert_eq!(invited["email"], known["email"]);
    let token = invited["secret"].as_str().unwrap();
    two.world.plant(&token[20..]);
    let people = two.world.store().users().count().await.unwrap();
    let accept = json!({ "token": token }).to_string();
    // Somebody else who got hold of it cannot use it.
    let thief = two.world.nobody().await;
    assert!(thief.api.post("/api/v1/me/invitations/accept", &accept).await.status >= 400);
    let accepted = two.theirs.api.post("/api/v1/me/invitations/accept", &accept).await;
    assert!(accepted.status < 300, "{}", accepted.text());
    assert_eq!(two.world.store().users().count().await.unwrap(), people + 1, "the thief alone is new");
    let orgs = two.theirs.api.get("/api/v1/me/orgs").await.is(200);
    assert_eq!(orgs["data"].as_array().unwrap_or_else(|| panic!("{orgs}")).len(), 2);
    two.world.finish().await;
}
