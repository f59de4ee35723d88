//! What the gate leaves behind as a process: in its log, its environment, its limits, its last words, and when it must
//! not start at all.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::{JSON, canaries};
use crate::canary::{Canary, none_in};
use crate::chat::{ANSWER, request};
use crate::cli::{Place, says};
use crate::vault_keys::connected;
use crate::world::caller::Caller;
use crate::world::upstream::Upstream;
use crate::world::{PATIENCE, PROMPT, PROVIDER_KEY};

/// Bodies that are sent to a gate without memory: as many as a key may have in flight.
const BODIES: usize = 64;

/// The kernel gives the gate no more memory while it works: it aborts, and what it leaves behind is clean.
pub async fn no_memory() {
    let upstream = Upstream::start().await;
    let (place, key) = connected(&upstream);
    // As it comes, the allocator keeps address space in hand for more than a test can use up.
    let place = place.with("MIMALLOC_ARENA_RESERVE", "0");
    let canaries = canaries(&key, &place.data());
    let mut gate = place.serve(&["--set", "log.level=trace", "--set", "journal.segment_bytes=65536"]).await;
    let caller = Caller::new(gate.public, key.clone());
    upstream.answers(ANSWER);
    assert_eq!(caller.post("/v1/chat/completions", &request("gpt-test")).await.status, 200);
    let id = Pid::from_raw(i32::try_from(gate.id()).unwrap()).unwrap();
    let none = Rlimit { current: Some(1), maximum: Some(1) };
    prlimit(Some(id), Resource::As, none).unwrap();
    let body = format!("{{\"model\":\"gpt-test\",\"x\":\"{}", PROMPT.repeat(900_000 / PROMPT.len()));
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\n{JSON}authorization: Bearer {key}\r\n");
    // A body that does not end is held.
    let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len() + 1);
    let mut held = Vec::new();
    for _ in 0..BODIES {
        // The gate may die of it at any moment.
        let Ok(mut stream) = tokio::net::TcpStream::connect(gate.public).await else { break };
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
        held.push(stream);
    }
    let until = Instant::now() + PATIENCE;
    while !gate.has_ended() && Instant::now() < until {
        tokio::task::yield_now().await;
    }
    assert!(gate.has_ended() && gate.log().contains("memory allocation of"), "{}", gate.log());
    assert!(!gate.end(Signal::ABORT).await.success());
    none_in(&canaries, &place.sinks());
    let cores =
        place.sinks().into_iter().filter(|(name, _)| name.rsplit('/').next().unwrap().starts_with("core"));
    assert_eq!(cores.count(), 0);
}

pub async fn no_tls() {
    // An upstream with a certificate that nobody vouches for.
    let upstream = untrusted().await;
    let place = Place::installed().with("MY_KEY", PROVIDER_KEY);
    let (allow, url) = (format!("egress.allow={}", upstream), format!("https://{upstream}/v1"));
    let add =
        ["provider", "add", "--provider", "openai_compatible", "--secret-env", "MY_KEY", "--base-url", &url];
    place.ok(&[&add[..], &["--models", "gpt-test", "--set", &allow]].concat());
    let key = place.json(&["key", "create", "--name", "app"])["key"].as_str().unwrap().to_owned();
    place.forget_what_was_said();
    let gate = place
        .serve(&["--set", &allow, "--set", "log.level=trace", "--set", "journal.segment_bytes=65536"])
        .await;
    let caller = Caller::new(gate.public, key.clone());
    assert_eq!(caller.post("/v1/chat/completions", &request("gpt-test")).await.status, 502);
    assert!(gate.log().contains("TLS handshake"), "{}", gate.log());
    assert!(gate.end(Signal::TERM).await.success());
    none_in(&canaries(&key, &place.data()), &place.sinks());
}

/// A server with a certificate of its own making.
async fn untrusted() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config.unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The peer breaks off as soon as it has seen the certificate.
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

/// Secrets come from files: none is in the environment, which no child could inherit, for there is none; and a crash
/// leaves no core, in production as elsewhere.
pub async fn environment_and_limits() {
    let upstream = Upstream::start().await;
    let (place, key) = connected(&upstream);
    let canaries = canaries(&key, &place.data());
    let fresh = Place::installed();
    let gate = fresh.serve(&["--set", "environment=production"]).await;
    let process = std::path::PathBuf::from(format!("/proc/{}", gate.id()));
    // The kernel shows the environment of a process that cannot be dumped to the superuser alone.
    let environment = std::fs::read(process.join("environ")).unwrap_or_default();
    none_in(&canaries, &[("the environment".to_owned(), environment)]);
    none_in(
        &super::canaries(&key, &fresh.data()),
        &[("the command line".to_owned(), std::fs::read(process.join("cmdline")).unwrap())],
    );
    for task in std::fs::read_dir(process.join("task")).unwrap() {
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        assert_eq!(children, "", "the gate starts no program");
    }
    let limits = std::fs::read_to_string(process.join("limits")).unwrap();
    let core: Vec<&str> = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    assert!(gate.end(Signal::TERM).await.success());
}

/// The name of a file that tells this test to be the one that panics.
const PANIC_WITH: &str = "panic-with";

/// A panic says where it was, not what it held. The test runs itself in a folder that tells it to panic.
pub fn panic_report() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(PANIC_WITH), PROVIDER_KEY).unwrap();
    let done = Command::new("/proc/self/exe")
        .args(["--exact", "leaks::process::a_panic_keeps_its_payload_to_itself", "--nocapture"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    Canary::new("the payload", PROVIDER_KEY.as_bytes()).is_absent("the report", &said);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        !done.status.success() && said.contains("internal fault at") && said.contains("process.rs"),
        "{said}"
    );
}

#[test]
fn a_panic_keeps_its_payload_to_itself() {
    match std::fs::read_to_string(PANIC_WITH) {
        Ok(payload) => {
            server::discretion::keep().unwrap();
            panic!("{payload}");
        }
        Err(_) => panic_report(),
    }
}

const ADDRESSES: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

pub fn wrong_key() {
    let place = Place::installed();
    std::fs::write(place.data().join("vault.key"), vault::keyring::generate().unwrap()).unwrap();
    let ran = place.run(&ADDRESSES);
    assert_eq!(ran.code, 1);
    says(&ran.err, &["not those of this database"]);
}

pub fn missing_key() {
    let place = Place::installed();
    std::fs::remove_file(place.data().join("vault.key")).unwrap();
    says(&place.fails(&ADDRESSES), &["vault.key", "cannot be read"]);
}
