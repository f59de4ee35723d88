//! The certificate of a listener. It can be replaced while the gate serves: connections that begin later see the new
//! one. It reads no files.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};

/// The protocols that are offered, best first.
const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];
const HTTP1: &[&[u8]] = &[b"http/1.1"];

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// The certificates are not PEM.
    #[error("the certificate file is not PEM: {0}")]
    Certificate(pem::Error),
    /// There is none.
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    /// The key is not PEM.
    #[error("the key file holds no private key in PEM: {0}")]
    Key(pem::Error),
    /// They do not fit each other, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate chain with its key.
pub struct Certificate {
    config: ArcSwap<ServerConfig>,
    protocols: &'static [&'static [u8]],
}

impl Certificate {
    /// Reads a chain, the server's own certificate first, and its private key, both as PEM.
    ///
    /// # Errors
    /// [`BadCertificate`] when they cannot be used.
    pub fn new(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, BadCertificate> {
        Self::offering(BOTH, chain_pem, key_pem)
    }

    /// The same for a listener that speaks HTTP/1.1 alone.
    ///
    /// # Errors
    /// [`BadCertificate`] when they cannot be used.
    pub fn for_http1(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, BadCertificate> {
        Self::offering(HTTP1, chain_pem, key_pem)
    }

    fn offering(
        protocols: &'static [&'static [u8]],
        chain_pem: &[u8],
        key_pem: &[u8],
    ) -> Result<Self, BadCertificate> {
        Ok(Self { config: ArcSwap::from_pointee(config(protocols, chain_pem, key_pem)?), protocols })
    }

    /// Takes another chain and key for the connections to come.
    ///
    /// # Errors
    /// [`BadCertificate`] when they cannot be used; then the old ones stay.
    pub fn replace(&self, chain_pem: &[u8], key_pem: &[u8]) -> Result<(), BadCertificate> {
        self.config.store(Arc::new(config(self.protocols, chain_pem, key_pem)?));
        Ok(())
    }

    /// What a connection that begins now is to use.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

fn config(protocols: &[&[u8]], chain_pem: &[u8], key_pem: &[u8]) -> Result<ServerConfig, BadCertificate> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<_, _>>()
        .map_err(BadCertificate::Certificate)?;
    if chain.is_empty() {
        return Err(BadCertificate::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(BadCertificate::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}
