//! The adopted scenarios, as far as they are about the policy and the connector. The list of those that are not
//! says why, and this test holds that every row is in exactly one of the two places.

use std::net::IpAddr;
use std::sync::Arc;

use egress::{Client, Failed, Policy, Rejected};
use http::StatusCode;
use tokio::net::TcpListener;

use crate::secured::Secured;
use crate::world::{self, Scripted, Upstream, assert_untouched, client, policy};

const ROWS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ssrf_flow.jsonl"));
const NOT_APPLICABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/not-applicable.md"));

#[tokio::test]
async fn every_row_is_run_or_listed() {
    for line in ROWS.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        let id = row["id"].as_str().expect("an id");
        let listed = NOT_APPLICABLE.contains(&format!("`{id}`"));
        assert_ne!(run(id).await, listed, "{id} must be either run here or listed");
    }
}

/// Runs the scenario of row `id`; false when there is none here.
async fn run(id: &str) -> bool {
    match id {
        "ssrf_flow-dns-happy-eyeballs" => refused_after_look_up(&["8.8.8.8", "::1"]).await,
        "ssrf_flow-dns-aaaa-mapped" => refused_after_look_up(&["::ffff:127.0.0.3"]).await,
        // The system's resolver follows aliases; what counts is where they end.
        "ssrf_flow-dns-cname-internal" => refused_after_look_up(&["127.0.0.3"]).await,
        "ssrf_flow-dns-nxdomain" => no_such_name().await,
        "ssrf_flow-dns-search" => single_label(),
        "ssrf_flow-dns-huge" => five_hundred_answers().await,
        "ssrf_flow-redir-308-internal" => redirect("http://127.0.0.3/").await,
        "ssrf_flow-redir-same-origin" => redirect("/elsewhere").await,
        "ssrf_flow-link-preload" => early_hints().await,
        "ssrf_flow-env-proxy-trailing-dot" => {
            assert_eq!(Policy::default().check("https://localhost./v1").err(), Some(Rejected::Name));
        }
        "ssrf_flow-error-oracle" => no_oracle().await,
        "ssrf_flow-local-bridge-mode" => only_configured_networks(),
        "ssrf_flow-tls-sni-ip" => certificate_for_an_address().await,
        _ => return false,
    }
    true
}

async fn refused_after_look_up(answers: &[&str]) {
    let answers: Vec<IpAddr> = answers.iter().map(|text| text.parse().expect("an address")).collect();
    let resolver = Arc::new(Scripted::new(vec![answers]));
    let client = Client::with_resolver(Arc::default(), world::settings(), Arc::clone(&resolver) as _)
        .expect("a client");
    let refused = world::call(&client, &[], "https://provider.example/SECRET").await;
    assert!(matches!(refused, Err(Failed::Refused(Rejected::Address))), "{refused:?}");
    assert_eq!(resolver.asked(), 1);
}

async fn no_such_name() {
    let failed = world::call(&client(&[], Vec::new()), &[], "https://provider.example/SECRET").await;
    assert!(matches!(failed, Err(Failed::Resolve(_))), "{failed:?}");
}

fn single_label() {
    // Refused where no resolver is in reach.
    for url in ["https://metadata/", "https://intern/", "https://intern./"] {
        assert_eq!(Policy::default().check(url).err(), Some(Rejected::Name), "{url}");
    }
}

/// All but the last of the addresses are closed; were more than eight tried, the last would answer.
async fn five_hundred_answers() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let entry = format!("huge.example:{}", upstream.address.port());
    let closed =
        (0..500_u16).map(|index| IpAddr::from([127, 0, 1, u8::try_from(index % 250).expect("small")]));
    for (count, answers) in [(7, true), (8, false), (499, false)] {
        let mut addresses: Vec<IpAddr> = closed.clone().take(count).collect();
        addresses.push(upstream.address.ip());
        let client = client(&[&entry], vec![addresses]);
        let answer = world::call(&client, &[&entry], &format!("http://{entry}/")).await;
        assert_eq!(answer.is_ok(), answers, "{count}: {answer:?}");
    }
}

async fn redirect(location: &str) {
    let answer =
        format!("HTTP/1.1 308 Permanent Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let mut upstream = Upstream::answering(answer).await;
    let allow = [&*upstream.entry()];
    let answer =
        world::call(&client(&allow, Vec::new()), &allow, &upstream.url("/v1")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert!(upstream.heads.try_recv().is_ok());
    assert!(upstream.heads.try_recv().is_err(), "followed");
}

async fn early_hints() {
    let victim = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let link = format!("link: <http://{}/x.js>; rel=preload", victim.local_addr().expect("an address"));
    let answer = format!(
        "HTTP/1.1 103 Early Hints\r\n{link}\r\n\r\nHTTP/1.1 200 OK\r\n{link}\r\ncontent-length: 0\r\n\r\n"
    );
    let upstream = Upstream::answering(answer).await;
    let allow = [&*upstream.entry()];
    let answer =
        world::call(&client(&allow, Vec::new()), &allow, &upstream.url("/")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_untouched(&victim).await;
}

/// An open internal port, a closed one and a refused name must look alike, and cost no connection.
async fn no_oracle() {
    let open = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let port = open.local_addr().expect("an address").port();
    let say = |url: String| Policy::default().check(&url).expect_err("refused").to_string();
    assert_eq!(say(format!("https://127.0.0.1:{port}/")), say("https://127.0.0.1:1/".to_owned()));
    assert_eq!(say("https://127.0.0.1/".to_owned()), say("https://metadata.google.internal/".to_owned()));
    let look_up = client(&[], vec![vec![open.local_addr().expect("an address").ip()]]);
    let after = world::call(&look_up, &[], "https://provider.example/").await.expect_err("refused");
    assert_eq!(after.to_string(), say("https://127.0.0.1/".to_owned()));
    assert_untouched(&open).await;
}

fn only_configured_networks() {
    let policy = policy(&["192.168.7.0/24:*"]);
    assert!(policy.check("http://192.168.7.9:11434/v1").is_ok());
    for shut in ["https://192.168.8.1/", "https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/"] {
        assert_eq!(policy.check(shut).err(), Some(Rejected::Address), "{shut}");
    }
}

async fn certificate_for_an_address() {
    let named = Secured::start(&["llm.example"], &[b"h2"]).await;
    let failed = named.call("127.0.0.1", &named.certificate_pem).await;
    assert!(matches!(failed, Err(Failed::Tls(_))), "{failed:?}");
    let addressed = Secured::start(&["127.0.0.1"], &[b"h2"]).await;
    assert!(addressed.call("127.0.0.1", &addressed.certificate_pem).await.is_ok());
}
