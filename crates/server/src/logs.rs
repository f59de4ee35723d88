//! Where log lines go and how they look. Lines carry identifiers, never bodies, keys or e-mails; `line` makes every
//! event one harmless line, `veil` covers what looks like a secret, should one ever get this far, and `flood` bounds how
//! many there are.

pub mod flood;
pub mod line;
pub mod veil;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::flood::Flood;
use self::line::Line;
use crate::config::Log;

/// Sends log lines to standard error.
///
/// # Errors
/// When the filter does not parse, or logs were set up before.
pub fn start(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.level).context("log.level is not a level or a filter")?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .event_format(Line::new(log.format))
        .with_writer(std::io::stderr);
    let started = tracing_subscriber::registry().with(filter).with(lines).with(Flood).try_init();
    started.map_err(|failed| anyhow::anyhow!("logs cannot be started: {failed}"))
}
