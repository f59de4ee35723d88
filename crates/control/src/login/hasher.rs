//! Hashing on threads of its own, a few at a time: it takes long and much memory on purpose, so whoever asks for more
//! than there is waits in a short line, and the rest is sent away. It does not know whose a password is.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use domain::secret::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use vault::password::{HashFailed, Passwords, Verdict};

/// Most passwords that are hashed at once, on however many processors.
const MOST_AT_ONCE: usize = 8;
/// Most that wait for their turn.
const MOST_WAITING: usize = 64;
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// When to come back.
pub const BUSY_MS: u64 = 2_000;

/// Too many passwords are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are looked at at once")]
pub struct Busy;

/// Hashes and verifies passwords.
pub struct Hasher {
    passwords: Arc<Passwords>,
    places: Arc<Semaphore>,
    line: Semaphore,
}

/// The right to hash.
pub struct Place {
    passwords: Arc<Passwords>,
    _permit: OwnedSemaphorePermit,
}

impl Hasher {
    pub(super) fn new(passwords: Passwords) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        // One processor is left to the calls of models, where there is one.
        let places = processors.saturating_sub(1).clamp(1, MOST_AT_ONCE);
        Self {
            passwords: Arc::new(passwords),
            places: Arc::new(Semaphore::new(places)),
            line: Semaphore::new(MOST_WAITING),
        }
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Result<Place, Busy> {
        let _in_line = self.line.try_acquire().map_err(|_| Busy)?;
        let turn = timeout(LONGEST_WAIT, Arc::clone(&self.places).acquire_owned()).await;
        let permit = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok(Place { passwords: Arc::clone(&self.passwords), _permit: permit })
    }
}

impl Place {
    /// What a password is to a stored hash; the work is the same where there is none.
    pub(super) async fn verify(&self, password: &Arc<Secret>, stored: Option<String>) -> Verdict {
        let (passwords, password) = (Arc::clone(&self.passwords), Arc::clone(password));
        let work = move || match stored {
            Some(stored) => passwords.verify(&password, &stored),
            None => {
                passwords.waste(&password);
                Verdict::Wrong
            }
        };
        // A hash that died proves nothing.
        spawn_blocking(work).await.unwrap_or(Verdict::Wrong)
    }

    /// The text to store of a password.
    pub(super) async fn hash(&self, password: &Arc<Secret>) -> Result<String, HashFailed> {
        let (passwords, password) = (Arc::clone(&self.passwords), Arc::clone(password));
        let hashed = spawn_blocking(move || passwords.hash(&password)).await;
        hashed.unwrap_or_else(|died| Err(HashFailed::Broken(died.to_string())))
    }
}
