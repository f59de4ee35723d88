//! `portcullis serve`: runs the gate until it is told to stop.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::foundation;
use crate::boot::{self, Running};
use crate::config::environment::Variables;
use crate::config::{Config, Flags};
use crate::{ambient, logs};

/// Runs the gate.
///
/// # Errors
/// Whatever keeps it from starting or from stopping in order.
pub async fn run(flags: &Flags, variables: &Variables) -> Result<()> {
    foundation::complete_for(flags, variables)?;
    let (loaded, roots) = Config::load_with_roots(flags, variables)?;
    logs::start(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!(%warning, "the configuration is unwise");
    }
    let opened = boot::open(&loaded.config).await?;
    let mut hangups = signal(SignalKind::hangup()).context("SIGHUP cannot be listened for")?;
    let mut running = boot::start(opened, &loaded.config, roots, ambient::system_clock()).await?;
    tracing::info!(public = %running.public, admin = %running.admin, "Portcullis is serving");
    let mut told = std::pin::pin!(until_told());
    loop {
        tokio::select! {
            told = &mut told => break told?,
            _ = hangups.recv() => read_keys_anew(&mut running, flags, variables).await,
        }
    }
    tracing::info!("stopping: running calls may finish");
    running.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Reads the encryption keys anew. Whatever is wrong with them is said, and nothing changes.
async fn read_keys_anew(running: &mut Running, flags: &Flags, variables: &Variables) {
    let taken = match Config::load_with_roots(flags, variables) {
        Ok((_, roots)) => running.use_vault(roots.vault).await,
        Err(faults) => Err(faults.into()),
    };
    match taken {
        Ok(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            tracing::info!(keys = names.join(" "), "the encryption keys were read anew");
        }
        Err(refused) => {
            tracing::error!(refused = format!("{refused:#}"), "the encryption keys stay as they were")
        }
    }
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
