//! Calls from web pages: every row of the vectors, which list decides about what, and what a browser is told.

use domain::origin::Origins;
use server::config::environment::Variables;
use server::config::{Config, Flags};

use crate::chat::{ANSWER, request};
use crate::cli::Place;
use crate::vectors::{all_in_one_place, row, rows};
use crate::world::caller::{Answer, Caller};
use crate::world::{World, eventually};

const FILE: &str = "cors";
const PAGE: &str = "https://app.example.com";
const JSON: &str = "content-type: application/json\r\n";
const CALL: &str = "/v1/chat/completions";
/// A World hashes passwords at the least cost there is.
const CHEAP: (&str, &str) = ("safety.allow", "cheap_passwords");

/// Lists the pages of the World's organization and waits until the gate knows.
async fn list(world: &World, pages: &[&str]) {
    let pages: Origins = pages.iter().map(|page| page.parse().unwrap()).collect();
    world.store().orgs().set_allowed_origins(world.org, &pages, &world.act()).await.unwrap();
    let sample = pages.iter().next().map_or(String::new(), |page| page.as_str().to_owned());
    eventually("the pages", || async {
        preflight(&world.caller, &sample, "POST", "").await.status == 204 || sample.is_empty()
    })
    .await;
}

/// What a browser asks before it lets a page send a request. No credential is in it.
async fn preflight(caller: &Caller, origin: &str, method: &str, more: &str) -> Answer {
    let asks = format!(
        "OPTIONS {CALL} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\norigin: {origin}\r\n\
         access-control-request-method: {method}\r\n{more}\r\n"
    );
    caller.raw(asks.as_bytes()).await
}

/// A call of a page, or of something that says it is one.
async fn call(world: &World, origin: &str) -> Answer {
    let headers = format!("{JSON}origin: {origin}\r\n");
    world.caller.post_with(CALL, &headers, &request("gpt-test")).await
}

/// The page that a browser may hand the answer to. Whatever it says, caches must not hand it to others, and no
/// browser is told to send cookies.
fn reader(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.header("vary"), Some("origin"), "{}", answer.head);
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{}", answer.head);
    let reader = answer.header("access-control-allow-origin");
    assert_ne!(reader, Some("*"), "{}", answer.head);
    reader
}

#[test]
fn the_vectors_hold_for_the_matcher() {
    for row in rows(FILE).iter().filter(|row| row["input"]["origin"].is_string()) {
        let listed = row["input"]["allow"].as_array().unwrap().iter();
        let listed: Origins = listed.map(|page| page.as_str().unwrap().parse().unwrap()).collect();
        let found = listed.find(row["input"]["origin"].as_str().unwrap().as_bytes());
        let acao = row["expect"]["acao"].as_str();
        assert_eq!(found.map(|page| page.as_str()), acao, "{row}");
        assert_eq!(acao.is_some(), row["expect"]["verdict"] == "allow", "{row}");
    }
}

#[tokio::test]
async fn the_vectors_hold_at_the_edge() {
    let world = World::start().await;
    list(&world, &["https://app.example.com", "https://admin.example.com:8443"]).await;
    let mut run = String::new();
    for row in rows(FILE).iter().filter(|row| row["input"]["origin"].is_string()) {
        run.push_str(&format!("{} ", row["id"]));
        let origin = row["input"]["origin"].as_str().unwrap();
        if origin.trim() != origin {
            // White space around a header's value is no part of it (RFC 9110 section 5.5): such a row is about the
            // matcher alone, and a browser sends no such thing.
            continue;
        }
        world.upstream.answers(ANSWER);
        let before = world.upstream.received().len();
        let (asked, called) =
            (preflight(&world.caller, origin, "POST", "").await, call(&world, origin).await);
        assert_eq!(reader(&asked), row["expect"]["acao"].as_str(), "{row}");
        assert_eq!(reader(&called), row["expect"]["acao"].as_str(), "{row}");
        if row["expect"]["verdict"] == "allow" {
            assert_eq!((asked.status, called.status), (204, 200), "{row}");
        } else {
            asked.is_error(403, "permission_error", "origin_not_allowed");
            called.is_error(403, "permission_error", "origin_not_allowed");
            assert_eq!(world.upstream.received().len(), before, "{row}");
        }
    }
    all_in_one_place(FILE, &[&run, include_str!("cors.rs")]);
    world.finish().await;
}

/// What is wrong with these pages as the installation's list.
fn faults(environment: &str, pages: &str) -> String {
    let settings = [("environment", environment), ("network.allowed_origins", pages)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let loaded = Config::load(&Flags { config: None, settings }, &Variables::default());
    loaded.err().map(|faults| faults.to_string()).unwrap_or_default()
}

#[test]
fn what_is_no_single_page_is_refused_at_the_start() {
    for (id, page, said) in [
        ("cors-cfg-star-prod", "*", "`*` would let every page in"),
        ("cors-cfg-null", "null", "sandboxed page of anybody"),
        ("cors-cfg-regex", "^https://.*\\.example\\.com$", "a pattern is not understood"),
        ("cors-cfg-regex", "https://*.example.com", "a pattern is not understood"),
    ] {
        row(FILE, id);
        for environment in ["production", "development"] {
            let found = faults(environment, page);
            assert!(found.contains("network.allowed_origins: ") && found.contains(said), "{found}");
        }
    }
    row(FILE, "cors-cfg-http");
    assert!(faults("production", "http://app.example.com").contains("(safety check `plain_origins`)"));
    for allowed in
        ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080", "https://app.example.com"]
    {
        assert_eq!(faults("production", allowed), "");
    }
    assert_eq!(faults("development", "http://app.example.com"), "");
}

#[tokio::test]
async fn without_a_list_no_page_may_read_anything() {
    row(FILE, "cors-cfg-empty-prod");
    row(FILE, "cors-cred-star");
    let world = World::with(&[("environment", "production"), CHEAP]).await;
    preflight(&world.caller, PAGE, "POST", "").await.is_error(403, "permission_error", "origin_not_allowed");
    // What a program sends as its origin means nothing, and its answer is for no page.
    world.upstream.answers(ANSWER);
    let answer = call(&world, PAGE).await;
    assert_eq!((answer.status, reader(&answer)), (200, None));
    world.finish().await;
}

#[tokio::test]
async fn a_preflight_proves_nobody_and_asks_no_database() {
    row(FILE, "cors-preflight-auth");
    let place = Place::installed();
    place.ok(&["org", "create", "acme"]);
    place.ok(&["org", "origins", "acme", "--allow", PAGE]);
    let gate = place.serve(&[]).await;
    let caller = Caller::new(gate.public, String::new());
    assert_eq!(preflight(&caller, PAGE, "POST", "").await.status, 204);
    assert_eq!(preflight(&caller, "https://other.example", "POST", "").await.status, 403);
    // Whatever credential comes along is not looked at.
    assert_eq!(preflight(&caller, PAGE, "POST", "authorization: Bearer nonsense\r\n").await.status, 204);
    // The books are gone: what needs them fails, a preflight does not.
    for name in ["portcullis.db", "portcullis.db-wal"] {
        std::fs::OpenOptions::new().write(true).open(place.data().join(name)).unwrap().set_len(0).unwrap();
    }
    let unknown = vault::entropy::token(domain::token::Kind::Live).unwrap();
    let stranger = Caller::new(gate.public, unknown.reveal().to_owned());
    stranger.get("/v1/models").await.is_error(503, "api_error", "unavailable");
    assert_eq!(preflight(&caller, PAGE, "POST", "").await.status, 204);
}

#[tokio::test]
async fn a_preflight_is_granted_for_what_there_is_and_no_more() {
    let world = World::start().await;
    list(&world, &[PAGE]).await;
    row(FILE, "cors-preflight-method");
    let refused = preflight(&world.caller, PAGE, "DELETE", "").await;
    refused.is_error(405, "invalid_request_error", "method_not_allowed");
    assert_eq!(refused.header("access-control-allow-methods"), None);
    let more = "access-control-request-headers: authorization,content-type,x-stainless-lang,cookie\r\n";
    let granted = preflight(&world.caller, PAGE, "POST", more).await;
    assert_eq!((granted.status, reader(&granted)), (204, Some(PAGE)));
    assert_eq!(granted.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(
        granted.header("access-control-allow-headers"),
        Some("authorization, content-type, x-stainless-lang")
    );
    assert_eq!(granted.header("access-control-max-age"), Some("600"));
    assert!(granted.header("x-request-id").is_some() && granted.body.is_empty());
    // Of a path that there is not, and of no method, nothing is granted; without a page it is no preflight.
    let nowhere = "OPTIONS /nowhere HTTP/1.1\r\nhost: gate\r\nconnection: close\r\norigin: https://app.example.com\r\n\
                   access-control-request-method: POST\r\n\r\n";
    assert_eq!(world.caller.raw(nowhere.as_bytes()).await.status, 404);
    for method in ["TRACE", "P OST", ""] {
        assert_eq!(preflight(&world.caller, PAGE, method, "").await.status, 405, "{method}");
    }
    let plain = format!("OPTIONS {CALL} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n");
    assert_eq!(world.caller.raw(plain.as_bytes()).await.status, 405);
    world.finish().await;
}

#[tokio::test]
async fn refused_preflights_count_against_their_address() {
    let world = World::with(&[("limits.ip_requests_per_minute", "5")]).await;
    for _ in 0..5 {
        assert_eq!(preflight(&world.caller, "https://evil.example", "POST", "").await.status, 403);
    }
    assert_eq!(preflight(&world.caller, "https://evil.example", "POST", "").await.status, 429);
    assert_eq!(preflight(&world.caller, PAGE, "POST", "").await.status, 429);
    // The last look of a World is at the metrics, from this address.
    world.pass(std::time::Duration::from_secs(120));
    world.finish().await;
}

#[tokio::test]
async fn answers_are_for_the_pages_of_the_callers_own_organization_and_of_the_installation() {
    let house = "https://house.example";
    let world = World::with(&[("network.allowed_origins", house)]).await;
    let other = store::orgs::NewOrg {
        id: domain::id::OrgId::new(crate::world::fresh()),
        name: "other".into(),
        created_at: world.now(),
    };
    world.store().orgs().create(&other, &world.act()).await.unwrap();
    let theirs: Origins = ["https://theirs.example".parse().unwrap()].into_iter().collect();
    world.store().orgs().set_allowed_origins(other.id, &theirs, &world.act()).await.unwrap();
    list(&world, &[PAGE]).await;

    for page in [PAGE, house] {
        world.upstream.answers(ANSWER);
        let answer = call(&world, page).await;
        assert_eq!((answer.status, reader(&answer)), (200, Some(page)));
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in ["x-request-id", "x-ratelimit-remaining-requests", "retry-after", "x-portcullis-cost-usd"]
        {
            assert!(exposed.split(", ").any(|found| found == name), "{exposed}");
        }
    }
    // The page of another organization passes the preflight, which knows no organization, and gets no further.
    let page = "https://theirs.example";
    assert_eq!(preflight(&world.caller, page, "POST", "").await.status, 204);
    let refused = call(&world, page).await;
    refused.is_error(403, "permission_error", "origin_not_allowed");
    assert_eq!(reader(&refused), None);
    let twice = format!("{JSON}origin: {PAGE}\r\norigin: {house}\r\n");
    let twice = world.caller.post_with(CALL, &twice, &request("gpt-test")).await;
    twice.is_error(403, "permission_error", "origin_not_allowed");
    // Programs send no origin and are not concerned.
    world.upstream.answers(ANSWER);
    let program = world.chat(&request("gpt-test")).await;
    assert_eq!((program.status, reader(&program)), (200, None));
    world.usage(3).await;
    world.finish().await;
}

#[tokio::test]
async fn a_listed_page_may_read_why_it_was_refused_and_streams() {
    let world = World::start().await;
    list(&world, &[PAGE]).await;
    let stranger = Caller::new(world.caller.address, String::new());
    let headers = format!("{JSON}origin: {PAGE}\r\n");
    let refused = stranger.post_with(CALL, &headers, "{}").await;
    refused.is_error(401, "invalid_request_error", "invalid_api_key");
    assert_eq!(reader(&refused), Some(PAGE));
    let evil = format!("{JSON}origin: https://evil.example\r\n");
    assert_eq!(reader(&stranger.post_with(CALL, &evil, "{}").await), None);
    world.upstream.says(200, "content-type: text/event-stream\r\n", crate::streams::DONE);
    let stream = world.caller.post_with(CALL, &headers, crate::streams::REQUEST).await;
    assert_eq!((stream.status, reader(&stream)), (200, Some(PAGE)));
    world.finish().await;
}

#[tokio::test]
async fn a_page_that_is_taken_off_the_list_is_out() {
    let world = World::start().await;
    list(&world, &[PAGE]).await;
    list(&world, &["https://new.example"]).await;
    eventually("the page to be out", || async {
        preflight(&world.caller, PAGE, "POST", "").await.status == 403
    })
    .await;
    call(&world, PAGE).await.is_error(403, "permission_error", "origin_not_allowed");
    world.finish().await;
}

#[tokio::test]
async fn in_production_a_page_that_anybody_could_have_changed_counts_as_not_listed() {
    let page = "http://intranet.example";
    for (environment, status) in [("production", 403), ("development", 204)] {
        let world = World::with(&[("environment", environment), CHEAP]).await;
        let pages: Origins = [page, PAGE].iter().map(|page| page.parse().unwrap()).collect();
        world.store().orgs().set_allowed_origins(world.org, &pages, &world.act()).await.unwrap();
        eventually("the pages", || async { preflight(&world.caller, PAGE, "POST", "").await.status == 204 })
            .await;
        assert_eq!(preflight(&world.caller, page, "POST", "").await.status, status, "{environment}");
        world.finish().await;
    }
}

#[tokio::test]
async fn what_browsers_send_without_asking_changes_nothing() {
    let world = World::start().await;
    row(FILE, "cors-simple-post");
    let simple = "content-type: text/plain\r\ncookie: session=1\r\norigin: https://evil.example\r\n";
    let answer = world.caller.post_with(CALL, simple, &request("gpt-test")).await;
    answer.is_error(415, "invalid_request_error", "unsupported_media_type");
    assert_eq!(reader(&answer), None);
    row(FILE, "cors-get-state");
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"] {
        world.caller.get(path).await.is_error(405, "invalid_request_error", "method_not_allowed");
    }
    row(FILE, "cors-ws");
    for path in [CALL, "/v1/models", "/healthz"] {
        let upgrade = "upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\norigin: https://evil.example\r\n";
        let asks = world
            .caller
            .request("GET", path, upgrade, "")
            .replace("connection: close", "connection: upgrade");
        world.caller.raw(asks.as_bytes()).await.is_error(400, "invalid_request_error", "invalid_request");
    }
    assert_eq!((world.upstream.received().len(), world.usage(0).await.len()), (0, 0));
    world.finish().await;
}

#[test]
fn an_organizations_pages_are_set_shown_and_cleared_by_command() {
    let place = Place::installed();
    place.ok(&["org", "create", "acme"]);
    let pages = |org: serde_json::Value| org["allowed_origins"].clone();
    let two = format!("{PAGE},http://intranet.example");
    let set = place.json(&["org", "origins", "acme", "--allow", &two]);
    assert_eq!(pages(set), serde_json::json!(["http://intranet.example", PAGE]));
    assert!(place.ok(&["org", "show", "acme"]).contains(PAGE));
    for (bad, said) in
        [("*", "every page"), ("null", "anybody"), ("https://x.example/", "as a browser writes it")]
    {
        let ran = place.run(&["org", "origins", "acme", "--allow", bad]);
        assert!(ran.code != 0 && ran.err.contains(said), "{bad}: {}", ran.err);
    }
    // Nobody but `doctor` would tell that production passes over one of them.
    let warned = |environment: &str| {
        let environment = format!("environment={environment}");
        let ran =
            place.run(&["doctor", "--json", "--set", &environment, "--set", "listen.public=127.0.0.1:0"]);
        ran.out.contains("its page http://intranet.example is over plain HTTP and not let in")
    };
    assert!(warned("production") && !warned("development"));
    assert_eq!(pages(place.json(&["org", "origins", "acme"])), serde_json::json!([]));
    let rows = place.json(&["audit", "list", "--action", "org.update"])["audit"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
}
