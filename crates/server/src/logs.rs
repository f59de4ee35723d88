//! Where log lines go and how they look. Lines carry identifiers, never bodies, keys or e-mails; `line` makes every
//! event one harmless line, and `veil` covers what looks like a secret, should one ever get this far.

pub mod line;
pub mod veil;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use self::line::Line;
use crate::config::Log;

/// Sends log lines to standard error.
///
/// # Errors
/// When the filter does not parse, or logs were set up before.
pub fn start(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.level).context("log.level is not a level or a filter")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let started = builder.event_format(Line::new(log.format)).with_writer(std::io::stderr).try_init();
    started.map_err(|failed| anyhow::anyhow!("logs cannot be started: {failed}"))
}
