//! Where log lines go and how they look. Lines carry identifiers, never bodies, keys or e-mails.

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Sends log lines to standard error.
///
/// # Errors
/// When the filter does not parse, or logs were set up before.
pub fn start(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.level).context("log.level is not a level or a filter")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
    started.map_err(|failed| anyhow::anyhow!("logs cannot be started: {failed}"))
}
