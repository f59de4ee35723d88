//! `portcullis serve`: runs the gate until it is told to stop.

mod first_operator;

use anyhow::{Context as _, Result};
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor, Outcome};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::foundation;
use super::output::complain;
use crate::boot::{self, Running};
use crate::config::environment::Variables;
use crate::config::{Config, Flags};
use crate::{ambient, logs, safety};

/// Who acts, in the audit trail, when the gate is told something by a signal.
const SIGNALLED: &str = "signal";

/// Runs the gate.
///
/// # Errors
/// Whatever keeps it from starting or from stopping in order.
pub async fn run(flags: &Flags, variables: &Variables) -> Result<()> {
    foundation::complete_for(flags, variables)?;
    let (loaded, roots) = match Config::load_with_roots(flags, variables) {
        Ok(loaded) => loaded,
        Err(faults) => return Err(safety::with_those_of_books(faults, flags, variables).await.into()),
    };
    logs::start(&loaded.config.log)?;
    let opened = boot::open(&loaded.config).await?;
    let clock = ambient::system_clock();
    let settled = safety::examine(&opened.store, &loaded.config, &loaded.overridden, &clock).await?;
    for warning in loaded.warnings.iter().chain(&settled.warnings) {
        tracing::warn!(%warning, "the configuration is unwise");
    }
    for overridden in &settled.overridden {
        tracing::warn!(%overridden, "a check of production safety is overridden");
    }
    // Before anybody is served: a signal that nobody listens for would end the calls that run.
    let mut signals = Signals::listen()?;
    let first = first_operator::token(&opened.store, &roots.pepper, &clock).await?;
    let mut running = boot::start(opened, &loaded.config, roots, clock).await?;
    tracing::info!(public = %running.public, admin = %running.admin, "Portcullis is serving");
    if let Some(token) = first {
        complain(&first_operator::notice(&token, running.admin));
    }
    attend(&mut running, &mut signals, flags, variables).await;
    tracing::info!("stopping: running calls may finish");
    running.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until the gate is told to stop; each SIGHUP meanwhile has it read its encryption keys anew.
pub async fn attend(running: &mut Running, signals: &mut Signals, flags: &Flags, variables: &Variables) {
    let Signals { hangup, stop } = signals;
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = hangup.recv() => read_keys_anew(running, flags, variables).await,
        }
    }
}

/// Reads the encryption keys anew. Whatever is wrong with them is said, and nothing changes.
async fn read_keys_anew(running: &mut Running, flags: &Flags, variables: &Variables) {
    let taken = match Config::load_with_roots(flags, variables) {
        Ok((_, roots)) => running.use_vault(roots.vault).await,
        Err(faults) => Err(faults.into()),
    };
    let (outcome, detail) = match taken {
        Ok(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            tracing::info!(keys = names.join(" "), "the encryption keys were read anew");
            (Outcome::Done, Detail::none().text("encryption_keys", names.join(" ")))
        }
        Err(refused) => {
            tracing::error!(refused = format!("{refused:#}"), "the encryption keys stay as they were");
            (Outcome::Refused, Detail::none())
        }
    };
    let act = Act::new(Actor::system(SIGNALLED), ambient::system_clock().now());
    let row = act.entry(Action::CONFIG_RELOAD, "secrets.encryption_keys", outcome, detail);
    if let Err(failed) = running.store().audit().record(&row).await {
        tracing::error!(%failed, "that the encryption keys were read anew is not in the audit trail");
    }
}

/// The signals that the gate acts on.
pub struct Signals {
    hangup: Signal,
    stop: Stop,
}

impl Signals {
    /// Listens for them from now on.
    ///
    /// # Errors
    /// When they cannot be listened for.
    pub fn listen() -> Result<Self> {
        let hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be listened for")?;
        Ok(Self { hangup, stop: Stop::listen()? })
    }
}

/// SIGTERM and SIGINT.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Listens for them from now on.
    ///
    /// # Errors
    /// When they cannot be listened for.
    pub fn listen() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
