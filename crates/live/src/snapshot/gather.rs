//! Lookups of keys that come close together ask the store together. A flood of made-up keys then costs the store a
//! hundred questions a second, however many keys there are. It keeps nothing: what is asked is asked anew each time.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::scope::ApiKey;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{Looked, Lookup, LookupFailed};

/// The shortest time from one question to the next while one answers all who wait. The first after a quiet time is asked
/// at once.
pub const PAUSE: Duration = Duration::from_millis(10);
/// Most keys that are asked for at once; where more wait, the next question follows without a pause.
pub const MOST_AT_ONCE: usize = 256;
/// Lookups that wait unseen; those beyond wait for a place here.
const WAITING: usize = 4 * MOST_AT_ONCE;

/// What a lookup of one key among others answers.
pub type One = Result<Option<ApiKey>, LookupFailed>;
/// What a lookup of several keys answers, some time later: one answer for each, in the order of their digests.
pub type Several<'a> = Pin<Box<dyn Future<Output = Result<Vec<One>, LookupFailed>> + Send + 'a>>;

/// Where several keys are looked up at once. The binary joins it to the store.
pub trait LookupSeveral: Send + Sync + 'static {
    /// The keys with these digests, `None` for each that nobody has.
    fn keys_by_digests<'a>(&'a self, digests: &'a [[u8; 32]]) -> Several<'a>;
}

/// Gathers lookups.
#[derive(Debug)]
pub struct Gather {
    waiting: mpsc::Sender<Waiting>,
}

/// Somebody who waits for an answer.
#[derive(Debug)]
struct Waiting {
    digest: [u8; 32],
    answer: oneshot::Sender<One>,
}

/// Why a lookup that was asked together with others has no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("{0}")]
    Together(Arc<dyn Error + Send + Sync>),
    #[error("the store gave no answer for this key")]
    LeftOut,
    #[error("keys are not looked up any more")]
    Stopped,
}

impl Gather {
    /// Gathers what is looked up in `store`, on a task of the runtime this is called on. The task ends with the gatherer.
    #[must_use]
    pub fn start(store: Arc<dyn LookupSeveral>) -> Self {
        let (waiting, asked) = mpsc::channel(WAITING);
        tokio::spawn(ask(store, asked));
        Self { waiting }
    }
}

impl Lookup for Gather {
    fn key_by_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Looked<'a> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let stopped = || LookupFailed(Box::new(Unanswered::Stopped));
            self.waiting.send(Waiting { digest: *digest, answer }).await.map_err(|_| stopped())?;
            answered.await.map_err(|_| stopped())?
        })
    }
}

/// Asks for all who wait, one question after the other.
async fn ask(store: Arc<dyn LookupSeveral>, mut asked: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(MOST_AT_ONCE);
    while asked.recv_many(&mut waiting, MOST_AT_ONCE).await > 0 {
        let (next, all) = (Instant::now() + PAUSE, waiting.len() < MOST_AT_ONCE);
        // Who has gone since needs no answer.
        waiting.retain(|one| !one.answer.is_closed());
        let digests: Vec<[u8; 32]> = waiting.iter().map(|one| one.digest).collect();
        if !digests.is_empty() {
            tell(&mut waiting, store.keys_by_digests(&digests).await);
        }
        if all {
            sleep_until(next).await;
        }
    }
}

/// Tells each of those who wait its own answer.
fn tell(waiting: &mut Vec<Waiting>, answered: Result<Vec<One>, LookupFailed>) {
    let failed = |why| Err(LookupFailed(Box::new(why)));
    let (mut answers, together): (_, Option<Arc<dyn Error + Send + Sync>>) = match answered {
        Ok(answers) => (answers.into_iter(), None),
        Err(failed) => (Vec::new().into_iter(), Some(Arc::from(failed.0))),
    };
    for Waiting { answer, .. } in waiting.drain(..) {
        let one = match &together {
            Some(why) => failed(Unanswered::Together(Arc::clone(why))),
            None => answers.next().unwrap_or_else(|| failed(Unanswered::LeftOut)),
        };
        // Whoever has gone meanwhile does not want to know.
        let _ = answer.send(one);
    }
}
