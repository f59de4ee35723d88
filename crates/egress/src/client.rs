//! The HTTP client for every outbound call: pooled, HTTP/1.1 and HTTP/2, no redirects, no proxies, no cookies, no
//! decompression. It does not look at what it carries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thread_local::ThreadLocal;
use tokio_rustls::TlsConnector;

use crate::body::Body;
use crate::connect::{ALPN_HTTP2, Connector, Parts};
use crate::failed::Failed;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::resolve::{Resolve, SystemResolver};
use crate::target::Target;

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

/// Sends requests to checked targets. Cheap to clone; clones share their connections.
///
/// A pooled connection needs no second judgement of its address: it is found by its origin alone, and it exists
/// because this client's own policy, which never changes, admitted that origin at that address.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
    connector: Connector,
    pools: Pools,
}

/// Who shares a pool.
#[derive(Clone)]
enum Pools {
    /// Everyone.
    One(Arc<Pool>),
    /// Those on one thread, so that what is sent there wakes no other.
    OfEachThread(Arc<ThreadLocal<Arc<Pool>>>),
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
        let pools = Pools::One(Pool::new(&settings, connector.clone()));
        Ok(Self { settings: Arc::new(settings), connector, pools })
    }

    /// The same with a pool for each thread that sends. It is for threads that have a runtime of their own, each of which
    /// lives as long as its connections.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { pools: Pools::OfEachThread(Arc::default()), ..self.clone() }
    }

    fn pool(&self) -> &Arc<Pool> {
        match &self.pools {
            Pools::One(pool) => pool,
            Pools::OfEachThread(pools) => pools.get_or(|| Pool::new(&self.settings, self.connector.clone())),
        }
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
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Body>, Failed> {
        self.pool().send(target, request).await
    }
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
