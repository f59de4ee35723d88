//! TLS on the public listener: what is spoken, what is refused, and a certificate that changes while the gate runs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

use crate::world::{PATIENCE, World, eventually};

/// The alert for a caller whose newest version is too old (RFC 8446 section 6.2).
const PROTOCOL_VERSION: u8 = 70;
/// The alert for a caller with whom nothing can be agreed, such as one that names no signatures.
const HANDSHAKE_FAILURE: u8 = 40;
/// The extension that came with TLS 1.2 and that older versions may send: signatures by RSA with SHA-256.
const SIGNATURES: &[u8] = &[0, 13, 0, 4, 0, 2, 4, 1];

/// Writes a fresh certificate for `gate` with its key into the folder.
pub fn issue(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["gate".to_owned()]).unwrap();
    // The key goes first: a certificate without its key is never seen in between for long, and then not used.
    std::fs::write(folder.join("gate.key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("gate.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

async fn world(folder: &Path) -> World {
    let (chain, key) = (folder.join("gate.pem"), folder.join("gate.key"));
    World::with(&[
        ("tls.certificate", chain.to_str().unwrap()),
        ("tls.key", key.to_str().unwrap()),
        ("tls.reload_ms", "10"),
    ])
    .await
}

async fn connect(
    world: &World,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_with(world.caller.address, trusted, versions, protocols).await
}

/// A connection to any listener.
pub async fn connect_to(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_with(address, trusted, &[&TLS13], protocols).await
}

async fn connect_with(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("gate").unwrap(), stream).await
}

async fn asks_for_health(mut stream: TlsStream<TcpStream>) -> String {
    let request = b"GET /healthz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn both_versions_and_both_protocols_are_spoken() {
    let folder = TempDir::new().unwrap();
    let certificate = issue(folder.path());
    let world = world(folder.path()).await;
    for (version, number) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let stream = connect(&world, &certificate, &[version], &[b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(number));
        let answer = asks_for_health(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
        assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
    }
    let stream = connect(&world, &certificate, &[&TLS13], &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = http::Request::get("https://gate/healthz").body(()).unwrap();
    let answer = sender.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    drop((sender, answer));
    driver.abort();
    world.finish().await;
}

#[tokio::test]
async fn plain_http_and_old_versions_are_refused() {
    let folder = TempDir::new().unwrap();
    issue(folder.path());
    let world = world(folder.path()).await;
    let sent_back = |hello: Vec<u8>| {
        let world = &world;
        async move {
            let mut stream = world.caller.open(&hello).await;
            let mut answer = Vec::new();
            // Whether it is closed or reset does not matter.
            let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
            answer
        }
    };
    // One record that holds a fatal alert, and nothing after it (RFC 8446 section 6).
    let alert = |answer: &[u8]| match answer {
        [21, 3, _, 0, 2, 2, description] => Some(*description),
        _ => None,
    };
    for version in [1, 2] {
        // The TLS library misses the extension before it looks at the version.
        let hellos = [
            (old_hello(version, &[]), HANDSHAKE_FAILURE),
            (old_hello(version, SIGNATURES), PROTOCOL_VERSION),
        ];
        for (hello, expected) in hellos {
            let answer = sent_back(hello).await;
            assert_eq!(alert(&answer), Some(expected), "TLS 1.{}: {answer:?}", version - 1);
        }
    }
    let plain = sent_back(b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n".to_vec()).await;
    assert!(plain.is_empty() || alert(&plain).is_some(), "{plain:?}");
    world.finish().await;
}

/// The first message of a client that knows nothing after TLS 1.0 (3, 1) or TLS 1.1 (3, 2): RFC 4346 section 7.4.1.2.
fn old_hello(minor: u8, extensions: &[u8]) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    let length = |bytes: usize| u16::try_from(bytes).unwrap().to_be_bytes();
    if !extensions.is_empty() {
        hello.extend_from_slice(&length(extensions.len()));
        hello.extend_from_slice(extensions);
    }
    let mut message = vec![1, 0];
    message.extend_from_slice(&length(hello.len()));
    message.extend_from_slice(&hello);
    let mut record = vec![22, 3, 1];
    record.extend_from_slice(&length(message.len()));
    record.extend_from_slice(&message);
    record
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_a_bad_one_is_not() {
    let folder = TempDir::new().unwrap();
    let first = issue(folder.path());
    let world = world(folder.path()).await;
    let open = connect(&world, &first, &[&TLS13], &[b"http/1.1"]).await.unwrap();
    let second = issue(folder.path());
    let shown = |certificate: CertificateDer<'static>| {
        let world = &world;
        async move { connect(world, &certificate, &[&TLS13], &[]).await.is_ok() }
    };
    eventually("the second certificate", || shown(second.clone())).await;
    assert!(!shown(first.clone()).await);
    // Connections that were open go on.
    assert!(asks_for_health(open).await.starts_with("HTTP/1.1 200"));

    std::fs::write(folder.path().join("gate.pem"), "no certificate at all").unwrap();
    eventually("the log line", || async { world.logged().contains("the old one stays") }).await;
    assert!(shown(second.clone()).await);
    std::fs::remove_file(folder.path().join("gate.pem")).unwrap();
    let third = issue(folder.path());
    eventually("the third certificate", || shown(third.clone())).await;
    world.finish().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_cut() {
    let folder = TempDir::new().unwrap();
    issue(folder.path());
    let (chain, key) = (folder.path().join("gate.pem"), folder.path().join("gate.key"));
    let world = World::with(&[
        ("tls.certificate", chain.to_str().unwrap()),
        ("tls.key", key.to_str().unwrap()),
        ("timeouts.header_ms", "100"),
    ])
    .await;
    let mut stream = world.caller.open(&old_hello(2, &[])[..9]).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the end in time");
    assert!(answer.is_empty());
    world.finish().await;
}
