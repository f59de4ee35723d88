//! The demo provider's own books: one entry per answered call, for comparison with the gateway's usage rows. An
//! entry is finished when its last byte was handed to the socket, cancelled when the connection died before that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use super::models::ModelId;

/// Calls remembered; the oldest are forgotten first, and counted.
const MAX_CALLS: usize = 262_144;

/// One answered call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The `id` inside the answer, such as `chatcmpl-demo-7` (an embedding's answer has none; here `embd-demo-7`).
    pub id: String,
    /// The answer's `x-request-id`.
    pub request_id: String,
    /// The model that answered.
    pub model: &'static str,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the answer given to the connection: all of them when finished, those so far when cancelled.
    pub completion_tokens: usize,
    /// The last byte of the answer was handed to the socket.
    pub finished: bool,
    /// The connection ended before the last byte was.
    pub cancelled: bool,
}

/// Every call answered so far, oldest first.
#[derive(Default)]
pub struct Tally {
    book: Mutex<Book>,
    settled: Notify,
}

#[derive(Default)]
struct Book {
    calls: VecDeque<Entry>,
    forgotten: u64,
    open: usize,
}

struct Entry {
    surface: Surface,
    model: ModelId,
    prompt_tokens: usize,
    completion_tokens: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finished,
    Cancelled,
}

/// Which endpoint answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Chat,
    Completions,
    Embeddings,
}

impl Surface {
    /// The `id` of the call with this number.
    pub(super) fn id(self, number: u64) -> String {
        let prefix = match self {
            Self::Chat => "chatcmpl",
            Self::Completions => "cmpl",
            Self::Embeddings => "embd",
        };
        format!("{prefix}-demo-{number}")
    }
}

/// The tally as `GET /tally` shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    calls: Vec<Call>,
    forgotten: u64,
    open: usize,
}

impl Tally {
    /// The calls remembered, oldest first; one that is neither finished nor cancelled is still being answered.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().shown()
    }

    /// Waits until no call is being answered, then tells the calls.
    pub async fn settled(&self) -> Vec<Call> {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            // Registering before looking leaves no gap in which the last call could end unnoticed.
            settled.as_mut().enable();
            {
                let book = self.lock();
                if book.open == 0 {
                    return book.shown();
                }
            }
            settled.await;
        }
    }

    pub(super) fn show(&self) -> Shown {
        let book = self.lock();
        Shown { calls: book.shown(), forgotten: book.forgotten, open: book.open }
    }

    /// Enters a call that is about to be answered.
    pub(super) fn open(self: &Arc<Self>, surface: Surface, model: ModelId, prompt_tokens: usize) -> Receipt {
        let mut book = self.lock();
        if book.calls.len() == MAX_CALLS {
            book.calls.pop_front();
            book.forgotten += 1;
        }
        book.calls.push_back(Entry {
            surface,
            model,
            prompt_tokens,
            completion_tokens: 0,
            state: State::Open,
        });
        book.open += 1;
        let number = book.forgotten + u64::try_from(book.calls.len()).unwrap_or(u64::MAX);
        drop(book);
        Receipt { tally: Arc::clone(self), number, tokens: 0, state: State::Cancelled }
    }

    fn close(&self, number: u64, tokens: usize, state: State) {
        let mut book = self.lock();
        let position = number.checked_sub(book.forgotten + 1).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = position.and_then(|at| book.calls.get_mut(at)) {
            entry.completion_tokens = tokens;
            entry.state = state;
        }
        book.open -= 1;
        if book.open == 0 {
            self.settled.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn shown(&self) -> Vec<Call> {
        let entries = self.calls.iter().zip(self.forgotten + 1..);
        entries
            .map(|(entry, number)| Call {
                id: entry.surface.id(number),
                request_id: request_id(number),
                model: entry.model.name(),
                prompt_tokens: entry.prompt_tokens,
                completion_tokens: entry.completion_tokens,
                finished: entry.state == State::Finished,
                cancelled: entry.state == State::Cancelled,
            })
            .collect()
    }
}

/// The `x-request-id` of the call with this number.
pub(super) fn request_id(number: u64) -> String {
    format!("req_demo_{number}")
}

/// The right to finish one entry of the tally. Dropping it without finishing cancels the call.
pub(super) struct Receipt {
    tally: Arc<Tally>,
    number: u64,
    tokens: usize,
    state: State,
}

impl Receipt {
    /// The call's number, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Counts tokens given to the connection.
    pub(super) fn add(&mut self, tokens: usize) {
        self.tokens += tokens;
    }

    /// The last byte has left.
    pub(super) fn finish(mut self) {
        self.state = State::Finished;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.tally.close(self.number, self.tokens, self.state);
    }
}
