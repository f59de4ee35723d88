//! Every way in which sending can fail before there is an answer, and whether the upstream may have acted. The
//! texts name no URL and no header, so that they are safe to log.

use std::io;
use std::sync::Arc;

use crate::policy::Rejected;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failed {
    /// The policy refused the destination; no socket was opened.
    #[error(transparent)]
    Refused(#[from] Rejected),
    /// The host name did not resolve.
    #[error("the upstream's host name did not resolve")]
    Resolve(#[source] Arc<io::Error>),
    /// No address accepted a connection.
    #[error("the upstream did not accept a connection")]
    Connect(#[source] Arc<io::Error>),
    /// Resolution, connection and TLS together took too long.
    #[error("the upstream was not reached within the connect time-out")]
    ConnectTimeout,
    /// The TLS handshake failed: no trust in the certificate, another name, no common version.
    #[error("the TLS handshake with the upstream failed")]
    Tls(#[source] Arc<io::Error>),
    /// The connection ended, or what came was not HTTP, before there was an answer.
    #[error("the connection to the upstream ended before an answer that could be read")]
    Broken {
        /// Whether the request may have been seen.
        reached: Reached,
        /// What the HTTP client saw.
        #[source]
        source: Arc<hyper::Error>,
    },
}

/// Whether a request without an answer may have reached the upstream, and so may have been acted on and billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Not a byte of it was written: sending it again is safe.
    No,
    /// Some of it may have been written.
    Maybe,
}

impl Failed {
    /// Whether the upstream may have acted on the request.
    #[must_use]
    pub const fn reached(&self) -> Reached {
        match self {
            Self::Broken { reached, .. } => *reached,
            Self::Refused(_) | Self::Resolve(_) | Self::Connect(_) | Self::ConnectTimeout | Self::Tls(_) => {
                Reached::No
            }
        }
    }

    /// The connection ended, or could not be used, when a request was to go out or its answer to come in.
    pub(crate) fn broken(reached: Reached, source: hyper::Error) -> Self {
        Self::Broken { reached, source: Arc::new(source) }
    }

    pub(crate) fn resolve(error: io::Error) -> Self {
        Self::Resolve(Arc::new(error))
    }

    pub(crate) fn connect(error: io::Error) -> Self {
        Self::Connect(Arc::new(error))
    }

    pub(crate) fn tls(error: io::Error) -> Self {
        Self::Tls(Arc::new(error))
    }
}
