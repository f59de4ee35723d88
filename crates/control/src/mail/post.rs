//! Sends what is in the mailbox, a few letters at a time, and tries again what fails, a few times.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Clock;
use live::meters::Meters;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Letter;
use super::way::{NotSent, Way};

/// Letters on their way at once.
const AT_ONCE: usize = 4;
/// Pauses before the attempts that follow a failed one.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];
/// How long what waits may take once the process is told to stop.
const LAST_CALL: Duration = Duration::from_secs(5);

/// What the job works with.
pub struct Post {
    /// How letters go.
    pub way: Way,
    /// Counts them.
    pub meters: Arc<Meters>,
    /// The time of day.
    pub clock: Clock,
}

/// Sends until `stop` turns true, and then what can still be sent in a moment.
pub async fn run(post: Post, mut queued: mpsc::Receiver<Letter>, mut stop: watch::Receiver<bool>) {
    let (post, stopping) = (Arc::new(post), stop.clone());
    let mut on_their_way = JoinSet::new();
    loop {
        tokio::select! {
            // An error means that the sender is gone, which is a stop as well.
            _ = stop.wait_for(|stop| *stop) => break,
            Some(died) = on_their_way.join_next() => note(died),
            Some(letter) = queued.recv(), if on_their_way.len() < AT_ONCE => {
                on_their_way.spawn(Arc::clone(&post).deliver(letter, stopping.clone()));
            }
        }
    }
    queued.close();
    let rest = timeout(LAST_CALL, async {
        while let Some(letter) = queued.recv().await {
            on_their_way.spawn(Arc::clone(&post).deliver(letter, stopping.clone()));
        }
        while let Some(died) = on_their_way.join_next().await {
            note(died);
        }
    });
    if rest.await.is_err() {
        tracing::error!("letters that were on their way at the stop are lost");
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(died) = ended {
        tracing::error!(%died, "sending a letter died");
    }
}

impl Post {
    async fn deliver(self: Arc<Self>, letter: Letter, mut stop: watch::Receiver<bool>) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let failed = match self.attempt(&letter).await {
                Ok(()) => return self.meters.mail_sent(),
                Err(failed) => failed,
            };
            let pause = pauses.next().filter(|_| failed.is_worth_another() && !*stop.borrow());
            let Some(pause) = pause else {
                self.meters.mail_lost();
                tracing::error!(%failed, subject = letter.subject, "a letter could not be sent");
                return;
            };
            tracing::warn!(%failed, subject = letter.subject, "a letter could not be sent; trying again");
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    async fn attempt(&self, letter: &Letter) -> Result<(), NotSent> {
        let now = self.clock.now();
        let id = vault::entropy::uuid_v7(now).map_err(|failed| NotSent::Letter(failed.to_string()))?;
        self.way.send(letter, id, now).await
    }
}
