//! TLS: whom the client trusts, for which name, and what it negotiates.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use egress::{Client, Failed, Settings};
use http::{Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use crate::world::{self, Scripted};

/// A TLS upstream that answers with the host it was asked for.
pub struct Secured {
    pub address: SocketAddr,
    pub certificate_pem: String,
    /// How many connections it has accepted.
    pub accepted: Arc<AtomicUsize>,
}

impl Secured {
    /// `names` are what its own, self-signed certificate is for.
    pub async fn start(names: &[&str], alpn: &[&[u8]]) -> Self {
        Self::answering_together(1, names, alpn).await
    }

    /// Answers nobody before `count` requests are there.
    pub async fn answering_together(count: usize, names: &[&str], alpn: &[&[u8]]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let issued = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![issued.cert.der().clone()], key)
            .expect("a usable certificate");
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let (acceptor, accepted) = (TlsAcceptor::from(Arc::new(config)), Arc::default());
        tokio::spawn(accept(listener, acceptor, Arc::new(Barrier::new(count)), Arc::clone(&accepted)));
        Self { address, certificate_pem: issued.cert.pem(), accepted }
    }

    pub fn entry(&self, host: &str) -> String {
        format!("{host}:{}", self.address.port())
    }

    /// A client that trusts `roots` and finds every name here.
    pub fn client(&self, host: &str, roots: &str) -> Client {
        let settings = Settings { extra_roots_pem: roots.as_bytes().to_vec(), ..world::settings() };
        let resolver = Arc::new(Scripted::new(vec![vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]]));
        let policy = Arc::new(world::policy(&[&self.entry(host)]));
        Client::with_resolver(policy, settings, resolver).expect("a client")
    }

    /// What a client that trusts `roots` makes of this upstream under `host`: protocol and asked-for host.
    pub async fn call(&self, host: &str, roots: &str) -> Result<(Version, String), Failed> {
        let (client, entry) = (self.client(host, roots), self.entry(host));
        let answer =
            world::call(&client, &[&entry], &format!("https://{entry}/?key={}", world::SECRET)).await?;
        let version = answer.version();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        Ok((version, String::from_utf8(body.to_vec()).expect("text")))
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    together: Arc<Barrier>,
    accepted: Arc<AtomicUsize>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::SeqCst);
        let (acceptor, together) = (acceptor.clone(), Arc::clone(&together));
        tokio::spawn(async move {
            // A client that does not trust us leaves here, which is what some tests are about.
            let Ok(secured) = acceptor.accept(socket).await else { return };
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let together = Arc::clone(&together);
                async move {
                    let header =
                        request.headers().get("host").map(|host| host.to_str().expect("text").to_owned());
                    let authority = request.uri().authority().map(ToString::to_string);
                    let host = format!("{}|{}", authority.unwrap_or_default(), header.unwrap_or_default());
                    together.wait().await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(host))))
                }
            });
            let served = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(secured), service)
                .await;
            // The client may go at any moment.
            drop(served);
        });
    }
}

#[tokio::test]
async fn an_extra_root_is_trusted_and_the_protocol_is_negotiated() {
    for (alpn, version) in [
        (&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2),
        (&[&b"http/1.1"[..]][..], Version::HTTP_11),
        (&[][..], Version::HTTP_11),
    ] {
        let upstream = Secured::start(&["llm.example"], alpn).await;
        let (negotiated, host) =
            upstream.call("llm.example", &upstream.certificate_pem).await.expect("an answer");
        assert_eq!(negotiated, version);
        let port = upstream.address.port();
        let expect = if version == Version::HTTP_2 {
            format!("llm.example:{port}|")
        } else {
            format!("|llm.example:{port}")
        };
        assert_eq!(host, expect);
    }
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_the_name() {
    let upstream = Secured::start(&["llm.example"], &[b"h2"]).await;
    let untrusted = upstream.call("llm.example", "").await.expect_err("no trust");
    assert!(matches!(untrusted, Failed::Tls(_)), "{untrusted:?}");
    let other_name =
        upstream.call("other.example", &upstream.certificate_pem).await.expect_err("another name");
    assert!(matches!(other_name, Failed::Tls(_)), "{other_name:?}");
}

#[tokio::test]
async fn the_connect_time_out_covers_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let entry = listener.local_addr().expect("an address").to_string();
    let settings = Settings { connect_timeout: Duration::from_millis(20), ..Settings::default() };
    let client = Client::new(Arc::new(world::policy(&[&entry])), settings).expect("a client");
    let failed = world::call(&client, &[&entry], &format!("https://{entry}/")).await.expect_err("no answer");
    assert!(matches!(failed, Failed::ConnectTimeout), "{failed:?}");
}
