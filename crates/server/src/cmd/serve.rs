//! `portcullis serve`: runs the gate until it is told to stop.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::environment::Variables;
use crate::config::{Config, Flags};
use crate::{ambient, boot, logs};

/// Runs the gate.
///
/// # Errors
/// Whatever keeps it from starting or from stopping in order.
pub async fn run(flags: &Flags, variables: &Variables) -> Result<()> {
    let (loaded, roots) = Config::load_with_roots(flags, variables)?;
    logs::start(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!(%warning, "the configuration is unwise");
    }
    let opened = boot::open(&loaded.config).await?;
    let running = boot::start(opened, &loaded.config, roots, ambient::system_clock()).await?;
    tracing::info!(public = %running.public, admin = %running.admin, "Portcullis is serving");
    until_told().await?;
    tracing::info!("stopping: running calls may finish");
    running.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// When the signals cannot be listened for.
pub async fn until_told() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
