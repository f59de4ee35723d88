//! Proves the audit trail when somebody has asked for it, and keeps how far the proof is. One that was interrupted begins
//! again with the next start.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Clock;
use store::audit::{ProofState, Verification};
use store::{Store, WriteFailed};
use tokio::sync::watch;
use vault::signing::SigningKeys;

use crate::audit::verify::{NotProved, Proved, verify_with};

/// How often it is looked whether somebody asked, and how far a proof is.
const TICK: Duration = Duration::from_secs(1);

/// What the job works with.
pub struct Prover {
    /// The books.
    pub store: Store,
    /// Verify what was signed.
    pub keys: Arc<SigningKeys>,
    /// Where archives of the audit trail are kept.
    pub archives: PathBuf,
    /// The time of day.
    pub clock: Clock,
}

/// What comes first.
enum Came {
    Result(Result<Proved, NotProved>),
    Stop,
    Tick,
}

/// Runs until `stop` turns true.
pub async fn run(prover: Prover, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let worked = match prover.store.audit().open_proof().await {
            Ok(None) => continue,
            Ok(Some(proof)) => prover.work_off(proof, &mut stop).await,
            Err(failed) => Err(failed.into()),
        };
        if let Err(failed) = worked {
            tracing::error!(%failed, "how far a proof of the audit trail is cannot be kept; trying again");
        }
    }
}

impl Prover {
    async fn work_off(
        &self,
        mut proof: Verification,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), WriteFailed> {
        let (tell, told) = watch::channel(0);
        let progress = |rows| {
            tell.send_replace(rows);
        };
        let mut proving = pin!(verify_with(&self.store, &self.keys, Some(&self.archives), progress));
        let mut ticks = tokio::time::interval(TICK);
        let result = loop {
            let came = tokio::select! {
                result = &mut proving => Came::Result(result),
                _ = stop.wait_for(|stop| *stop) => Came::Stop,
                _ = ticks.tick() => Came::Tick,
            };
            match came {
                Came::Result(result) => break result,
                Came::Stop => return Ok(()),
                Came::Tick => {
                    proof.rows = *told.borrow();
                    self.store.audit().keep_proof(&proof).await?;
                }
            }
        };
        self.store.audit().keep_proof(&self.ended(proof, result)).await
    }

    fn ended(&self, proof: Verification, result: Result<Proved, NotProved>) -> Verification {
        let ended_at = Some(self.clock.now());
        match result {
            Ok(proved) => {
                let Proved { rows, heads, unsigned, .. } = proved;
                Verification { state: ProofState::Whole, rows, heads, unsigned, ended_at, ..proof }
            }
            Err(broken @ (NotProved::Row(_) | NotProved::Head { .. } | NotProved::Archive { .. })) => {
                tracing::error!(%broken, "the audit trail is broken");
                Verification { state: ProofState::Broken, fault: Some(broken.to_string()), ended_at, ..proof }
            }
            Err(failed @ (NotProved::Read(_) | NotProved::Unreadable { .. })) => {
                tracing::error!(%failed, "the audit trail cannot be proved");
                let fault = Some("the audit trail cannot be read; the log says why".to_owned());
                Verification { state: ProofState::Failed, fault, ended_at, ..proof }
            }
        }
    }
}
