//! Plain HTTP to listed endpoints: what connects, what never does, and how calls fail and end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use egress::{Answers, Client, Failed, Policy, Reached, Rejected, Resolve, Settings};
use http::StatusCode;
use http::header::{HOST, HeaderValue, LOCATION};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::world::{self, Scripted, Upstream, assert_untouched, client, policy, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const OK_CLOSING: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[tokio::test]
async fn a_listed_endpoint_answers_and_its_connection_is_used_again() {
    let mut upstream = Upstream::answering(OK).await;
    let (allow, client) = (upstream.entry(), client(&[&upstream.entry()], Vec::new()));
    for _ in 0..2 {
        let answer = world::call(&client, &[&allow], &upstream.url("/v1?x=1")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "ok");
    }
    let (first, head) = upstream.heads.recv().await.expect("a request");
    let (second, _) = upstream.heads.recv().await.expect("a request");
    assert_eq!(head, format!("GET /v1?x=1 HTTP/1.1\r\nhost: {}\r\n\r\n", upstream.address));
    assert_eq!(first, second);
}

#[tokio::test]
async fn the_request_chooses_neither_host_nor_path() {
    let mut upstream = Upstream::answering(OK).await;
    let allow = upstream.entry();
    let target = policy(&[&allow]).check(&upstream.url("/v1")).expect("a permitted URL");
    let mut request = world::get();
    *request.uri_mut() = "http://169.254.169.254/latest".parse().expect("a URI");
    *request.version_mut() = http::Version::HTTP_2;
    request.headers_mut().insert(HOST, HeaderValue::from_static("169.254.169.254"));
    client(&[&allow], Vec::new()).send(&target, request).await.expect("an answer");
    let (_, head) = upstream.heads.recv().await.expect("a request");
    assert_eq!(head, format!("GET /v1 HTTP/1.1\r\nhost: {}\r\n\r\n", upstream.address));
}

#[tokio::test]
async fn an_endpoint_that_is_not_listed_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let url = format!("http://{address}/");
    assert_eq!(Policy::default().check(&url).err(), Some(Rejected::Scheme));
    // A target that another, wider policy passed gets no further: this client's own policy judges again.
    let target = policy(&[&address.to_string()]).check(&url).expect("a permitted URL");
    let refused = world::send(&client(&[], Vec::new()), &target).await;
    assert!(matches!(refused, Err(Failed::Refused(Rejected::Scheme))), "{refused:?}");
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn a_name_with_one_bad_answer_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let entry = format!("mixed.example:{}", listener.local_addr().expect("an address").port());
    let client = client(&[&entry], vec![vec![ip("127.0.0.1"), ip("169.254.169.254")]]);
    let refused = world::call(&client, &[&entry], &format!("http://{entry}/{}", world::SECRET)).await;
    assert!(matches!(refused, Err(Failed::Refused(Rejected::Address))), "{refused:?}");
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn a_name_that_turns_bad_between_two_connections_is_refused_at_the_second() {
    let upstream = Upstream::answering(OK_CLOSING).await;
    let entry = format!("turning.example:{}", upstream.address.port());
    let resolver = Arc::new(Scripted::new(vec![vec![ip("127.0.0.1")], vec![ip("169.254.169.254")]]));
    let client =
        Client::with_resolver(Arc::new(policy(&[&entry])), world::settings(), Arc::clone(&resolver) as _)
            .expect("a client");
    let url = format!("http://{entry}/");
    let answer = world::call(&client, &[&entry], &url).await.expect("an answer");
    assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "ok");
    // One look-up served both the judgement and the connection.
    assert_eq!(resolver.asked(), 1);
    let refused = world::call(&client, &[&entry], &url).await;
    assert!(matches!(refused, Err(Failed::Refused(Rejected::Address))), "{refused:?}");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_is_closed() {
    let upstream = Upstream::answering(OK).await;
    let entry = format!("two.example:{}", upstream.address.port());
    let client = client(&[&entry], vec![vec![ip("127.0.0.2"), ip("127.0.0.1")]]);
    let answer = world::call(&client, &[&entry], &format!("http://{entry}/")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_operating_system_resolves_a_listed_name() {
    let upstream = Upstream::answering(OK).await;
    let entry = format!("localhost:{}", upstream.address.port());
    let client = Client::new(Arc::new(policy(&[&entry])), world::settings()).expect("a client");
    let answer = world::call(&client, &[&entry], &format!("http://{entry}/")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let victim = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let location = format!("http://{}/", victim.local_addr().expect("an address"));
    let answer =
        format!("HTTP/1.1 308 Permanent Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let upstream = Upstream::answering(answer).await;
    // Even when the operator has listed the place that it points at.
    let allow = [&*upstream.entry(), location.trim_start_matches("http://").trim_end_matches('/')];
    let answer =
        world::call(&client(&allow, Vec::new()), &allow, &upstream.url("/")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.headers().get(LOCATION).map(HeaderValue::as_bytes), Some(location.as_bytes()));
    assert_untouched(&victim).await;
}

#[tokio::test]
async fn a_body_passes_as_it_came() {
    let gzip_by_name = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc";
    let upstream = Upstream::answering(gzip_by_name).await;
    let allow = [&*upstream.entry()];
    let answer =
        world::call(&client(&allow, Vec::new()), &allow, &upstream.url("/")).await.expect("an answer");
    assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "abc");
}

#[tokio::test]
async fn what_is_not_strict_http_is_no_answer() {
    let long = "a".repeat(256 * 1_024);
    let many = "a: b\r\n".repeat(200);
    for answer in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nname : value\r\n\r\n",
        "HTTP/1.1 200 OK\r\nname: one\r\n two\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
        &format!("HTTP/1.1 200 OK\r\nlong: {long}\r\n\r\n"),
        &format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
    ] {
        let upstream = Upstream::answering(answer).await;
        let allow = [&*upstream.entry()];
        let url = upstream.url(&format!("/{0}?key={0}", world::SECRET));
        let failed = world::call(&client(&allow, Vec::new()), &allow, &url).await;
        let failed = failed.expect_err(answer.get(..80).unwrap_or(answer));
        assert!(matches!(failed, Failed::Broken { reached: Reached::Maybe, .. }), "{failed:?}");
        assert_eq!(failed.reached(), Reached::Maybe);
    }
}

#[tokio::test]
async fn a_closed_port_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let entry = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let url = format!("http://{entry}/{}", world::SECRET);
    let failed = world::call(&client(&[&entry], Vec::new()), &[&entry], &url).await.expect_err("no answer");
    assert!(matches!(failed, Failed::Connect(_)), "{failed:?}");
    assert_eq!(failed.reached(), Reached::No);
}

/// A resolver that never comes back.
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str) -> Answers<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_connect_time_out_covers_the_look_up() {
    let settings = Settings { connect_timeout: Duration::from_millis(20), ..Settings::default() };
    let client = Client::with_resolver(Arc::default(), settings, Arc::new(Silent)).expect("a client");
    let failed = world::call(&client, &[], "https://api.example.com/SECRET").await.expect_err("no answer");
    assert!(matches!(failed, Failed::ConnectTimeout), "{failed:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_upstream() {
    for answered in [&b""[..], b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let entry = listener.local_addr().expect("an address").to_string();
        let (heard, hears) = oneshot::channel();
        let upstream = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a peer");
            read_head(&mut socket).await.expect("a request");
            socket.write_all(answered).await.expect("written");
            heard.send(()).expect("a listener");
            // The end of the stream or a reset: either way the peer has gone.
            socket.read(&mut [0; 16]).await.unwrap_or(0)
        });
        let (client, target) =
            (client(&[&entry], Vec::new()), policy(&[&entry]).check(&format!("http://{entry}/")));
        let target = target.expect("a permitted URL");
        {
            let mut call = std::pin::pin!(client.send(&target, world::get()));
            if answered.is_empty() {
                tokio::select! {
                    answer = &mut call => panic!("{answer:?}"),
                    heard = hears => heard.expect("a request"),
                }
            } else {
                let mut body = call.await.expect("an answer").into_body();
                assert!(body.frame().await.expect("a frame").is_ok());
            }
        }
        assert_eq!(upstream.await.expect("the upstream's end"), 0);
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    use egress::BadSettings;
    let make = |settings| Client::new(Arc::default(), settings).err();
    let settings = Settings { connect_timeout: Duration::ZERO, ..Settings::default() };
    assert!(matches!(make(settings), Some(BadSettings::ConnectTimeout)));
    let settings = Settings { extra_roots_pem: b"not a certificate".to_vec(), ..Settings::default() };
    assert!(matches!(make(settings), Some(BadSettings::NoRoots)));
    let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec();
    assert!(matches!(
        make(Settings { extra_roots_pem: broken, ..Settings::default() }),
        Some(BadSettings::NotPem(_))
    ));
    assert!(make(Settings::default()).is_none());
}
