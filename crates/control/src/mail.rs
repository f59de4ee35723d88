//! E-mail: letters go into a bounded queue and are sent beside the requests, with a few attempts each. What is in a
//! letter is written in `letters`; how it travels is known to `way` alone. A letter that is lost is asked for again by
//! whoever misses it: nothing here outlives the process.

pub mod letters;
pub mod post;
pub mod way;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::limit::Window;
use domain::time::Timestamp;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Most letters that wait.
const MAX_QUEUED: usize = 256;
/// Most letters to one address in any hour: nobody's mailbox is filled through us.
const LETTERS_PER_HOUR: u32 = 10;
const HOUR_MS: u32 = 3_600_000;
/// Most addresses that are remembered; beyond them, those that got nothing for an hour are let go.
const MAX_ADDRESSES: usize = 10_000;

/// A letter. Without `Debug`, for it may hold a token.
pub struct Letter {
    /// The address it goes to.
    pub to: String,
    /// What it is about.
    pub subject: &'static str,
    /// What it says.
    pub text: Zeroizing<String>,
}

/// Where letters are put to be sent. Cloning it is cheap.
#[derive(Clone)]
pub struct Mailbox {
    queue: mpsc::Sender<Letter>,
    addresses: Arc<Mutex<HashMap<String, Window>>>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

/// A mailbox, and what [`post::run`] empties.
#[must_use]
pub fn mailbox() -> (Mailbox, mpsc::Receiver<Letter>) {
    let (queue, queued) = mpsc::channel(MAX_QUEUED);
    (Mailbox { queue, addresses: Arc::default() }, queued)
}

impl Mailbox {
    /// Puts a letter into the queue. One too many is dropped and logged: who sent for it sees no difference.
    pub fn post(&self, letter: Letter, now: Timestamp) {
        if !self.count(&letter.to, now) {
            tracing::warn!(subject = letter.subject, "a letter is not sent: its address gets too many");
            return;
        }
        if let Err(full) = self.queue.try_send(letter) {
            tracing::error!(%full, "a letter is not sent: too many wait");
        }
    }

    /// Whether an address may get one more letter.
    #[must_use]
    pub fn has_room(&self, address: &str, now: Timestamp) -> bool {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses
            .get_mut(address)
            .is_none_or(|window| window.used(now.millis(), HOUR_MS) < LETTERS_PER_HOUR.into())
    }

    fn count(&self, address: &str, now: Timestamp) -> bool {
        let now_ms = now.millis();
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX_ADDRESSES && !addresses.contains_key(address) {
            addresses.retain(|_, window| window.used(now_ms, HOUR_MS) > 0);
            if addresses.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        addresses.entry(address.to_owned()).or_default().admit(now_ms, LETTERS_PER_HOUR, HOUR_MS).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_mailbox_is_filled_through_us() {
        let (mailbox, mut queued) = mailbox();
        let letter = |to: &str| letters::password_changed(to);
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        for _ in 0..LETTERS_PER_HOUR + 5 {
            mailbox.post(letter("ada@example.com"), at(0));
        }
        assert!(!mailbox.has_room("ada@example.com", at(1)));
        assert!(mailbox.has_room("bob@example.com", at(1)));
        mailbox.post(letter("bob@example.com"), at(1));
        let mut taken = vec![];
        while let Ok(letter) = queued.try_recv() {
            taken.push(letter.to);
        }
        assert_eq!(taken.len(), usize::try_from(LETTERS_PER_HOUR).unwrap() + 1);
        // The window is right to a hundredth.
        assert!(mailbox.has_room("ada@example.com", at(3_637)));
    }

    #[test]
    fn a_full_queue_takes_no_more_and_holds_nobody_up() {
        let (mailbox, queued) = mailbox();
        for number in 0..MAX_QUEUED + 10 {
            mailbox.post(letters::password_changed(&format!("{number}@example.com")), Timestamp(0));
        }
        assert_eq!(queued.len(), MAX_QUEUED);
    }
}
