//! The HTTP client for every outbound call: pooled, HTTP/1.1 and HTTP/2, no redirects, no proxies, no cookies, no
//! decompression. It does not look at what it carries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::connect::{ALPN_HTTP2, Connector, Parts};
use crate::failed::Failed;
use crate::policy::Policy;
use crate::resolve::{Resolve, SystemResolver};
use crate::target::Target;

/// The read buffer of one HTTP/1.1 connection. A response head that does not end within it, give or take one read,
/// is refused. It is the unit of what a stream costs whose reader is slow: pieces on their way keep their buffer.
const HTTP1_BUFFER_BYTES: usize = 32 * 1_024;
/// The head of an HTTP/2 response after decompression.
const HTTP2_HEAD_BYTES: u32 = 64 * 1_024;
/// What an upstream may send on one HTTP/2 stream before its reader has taken it: the bound on memory per stream.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 64 * 1_024;
/// The window of the whole connection: 256 full streams, so that a few slow readers never stall the others.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 256 * HTTP2_STREAM_WINDOW_BYTES;
/// How often a quiet HTTP/2 connection is probed, and how long the answer may take: a dead one is never handed out
/// for longer than both together.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(15);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(5);

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most that resolution, connection and TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many unused connections are kept for each host.
    pub max_idle_per_host: usize,
    /// Certificates, as PEM text, of authorities that are trusted beside the public ones. May be empty.
    pub extra_roots_pem: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            max_idle_per_host: 512,
            extra_roots_pem: Vec::new(),
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// A connect time-out of nothing would refuse every connection.
    #[error("the connect time-out must be more than zero")]
    ConnectTimeout,
    /// The text is there, but it holds no certificate.
    #[error("the extra root certificates hold no PEM certificate")]
    NoRoots,
    /// The text is not PEM.
    #[error("the extra root certificates are not PEM text")]
    NotPem(#[source] rustls::pki_types::pem::Error),
    /// A certificate cannot be used as a root, or the cryptography cannot serve TLS 1.2 and 1.3.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// Sends requests to checked targets. Cheap to clone; clones share one pool.
///
/// A pooled connection needs no second judgement of its address: it is found by its origin alone, and it exists
/// because this client's own policy, which never changes, admitted that origin at that address.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<Connector, Full<Bytes>>,
}

impl Client {
    /// A client that resolves names through the operating system.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn new(policy: Arc<Policy>, settings: Settings) -> Result<Self, BadSettings> {
        Self::with_resolver(policy, settings, Arc::new(SystemResolver))
    }

    /// A client that asks `resolver` for addresses, and judges its answers.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn with_resolver(
        policy: Arc<Policy>,
        settings: Settings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, BadSettings> {
        if settings.connect_timeout.is_zero() {
            return Err(BadSettings::ConnectTimeout);
        }
        let tls = TlsConnector::from(Arc::new(tls_config(&settings.extra_roots_pem)?));
        let connector =
            Connector::new(Parts { policy, resolver, tls, connect_timeout: settings.connect_timeout });
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.max_idle_per_host)
            .http1_max_buf_size(HTTP1_BUFFER_BYTES)
            .http2_max_header_list_size(HTTP2_HEAD_BYTES)
            .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .build(connector);
        Ok(Self { inner })
    }

    /// Sends `request` to `target` and returns the head of the answer with its body still to come. The request's
    /// own URI and `Host` header are replaced by the target's, and a redirect is an answer like any other.
    /// Dropping the future or the body ends the call upstream.
    ///
    /// # Errors
    /// When there is no answer. There is no time-out after the connection stands: the caller keeps those clocks.
    pub async fn send(
        &self,
        target: &Target,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failed> {
        *request.uri_mut() = target.uri().clone();
        // The protocol is what the connection negotiated, not what the caller's own client spoke.
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().remove(HOST);
        let connection = capture_connection(&mut request);
        let response = self.inner.request(request).await.map_err(Failed::from_client)?;
        if is_ambiguous(&response)
            && let Some(connected) = connection.connection_metadata().as_ref()
        {
            connected.poison();
        }
        Ok(response)
    }
}

/// Whether two readers may disagree on where the answer ends (RFC 9112, section 6.3): its connection is used for
/// nothing else, lest one caller read what follows another's answer.
fn is_ambiguous(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH)
}

fn tls_config(extra_roots_pem: &[u8]) -> Result<ClientConfig, BadSettings> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let public = roots.len();
    for certificate in CertificateDer::pem_slice_iter(extra_roots_pem) {
        roots.add(certificate.map_err(BadSettings::NotPem)?)?;
    }
    if roots.len() == public && !extra_roots_pem.is_empty() {
        return Err(BadSettings::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
