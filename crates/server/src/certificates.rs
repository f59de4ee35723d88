//! The files of a listener's certificate: read at the start, and again whenever they change.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use gateway::{BadCertificate, Certificate};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Tls;

/// What tells a changed file from the old one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trace {
    changed_at: Option<SystemTime>,
    bytes: u64,
}

/// The certificate that the files hold, and what keeps it up to date.
pub struct Files {
    tls: Tls,
    seen: [Option<Trace>; 2],
    certificate: Arc<Certificate>,
}

impl Files {
    /// Reads both files, for a listener that speaks HTTP/1.1 and HTTP/2.
    ///
    /// # Errors
    /// When one cannot be read, or they make no usable certificate.
    pub fn read(tls: &Tls) -> Result<Self> {
        Self::read_as(tls, Certificate::new)
    }

    /// The same for a listener that speaks HTTP/1.1 alone.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub fn read_for_http1(tls: &Tls) -> Result<Self> {
        Self::read_as(tls, Certificate::for_http1)
    }

    fn read_as(tls: &Tls, make: fn(&[u8], &[u8]) -> Result<Certificate, BadCertificate>) -> Result<Self> {
        let seen = traces(tls);
        let (chain, key) = contents(tls)?;
        let certificate =
            make(&chain, &key).with_context(|| format!("{} cannot be used", tls.certificate.display()))?;
        Ok(Self { tls: tls.clone(), seen, certificate: Arc::new(certificate) })
    }

    /// The certificate; it changes with the files while [`Files::follow`] runs.
    #[must_use]
    pub fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.certificate)
    }

    /// Looks at the files from time to time until `stop` turns true. Files that cannot be used change nothing: the
    /// old certificate stays, and the log says why.
    pub async fn follow(mut self, mut stop: watch::Receiver<bool>) {
        let mut looks = interval(self.tls.reload);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => self.look(),
            }
        }
    }

    fn look(&mut self) {
        // The traces are taken first: a file that changes while it is read is read again.
        let now = traces(&self.tls);
        if now == self.seen {
            return;
        }
        self.seen = now;
        let file = self.tls.certificate.display();
        let replaced = contents(&self.tls).and_then(|(chain, key)| {
            self.certificate.replace(&chain, &key).with_context(|| format!("{file} cannot be used"))
        });
        match replaced {
            Ok(()) => tracing::info!(%file, "the certificate was reloaded"),
            Err(problem) => {
                let problem = format!("{problem:#}");
                tracing::error!(problem, "the changed certificate is not used; the old one stays");
            }
        }
    }
}

fn traces(tls: &Tls) -> [Option<Trace>; 2] {
    [&tls.certificate, &tls.key].map(|file| {
        let found = std::fs::metadata(file).ok()?;
        Some(Trace { changed_at: found.modified().ok(), bytes: found.len() })
    })
}

fn contents(tls: &Tls) -> Result<(Vec<u8>, Vec<u8>)> {
    let read = |file: &Path| {
        std::fs::read(file).with_context(|| format!("the file {} cannot be read", file.display()))
    };
    Ok((read(&tls.certificate)?, read(&tls.key)?))
}
