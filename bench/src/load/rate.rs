//! Requests at a fixed rate. A request is due when its time has come, and its latency counts from then, so that a
//! server that stands still for a moment does not hide it by slowing its callers down.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;

use super::call::{Caller, Target};
use super::options::Options;
use super::pace::{Schedule, Ticker};
use super::spread::Spread;

/// Requests that are due in this time after the start are sent and not counted.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A fixed rate.
pub struct Rate {
    /// Requests a second.
    pub rate: u32,
    /// How long, the warm-up not counted.
    pub lasts: Duration,
    /// Connections that are kept; requests that find none free wait, and their latency grows.
    pub connections: usize,
}

impl Rate {
    /// Takes `--rate`, `--seconds` and `--connections`.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn read(options: &mut Options) -> Result<Self> {
        let seconds: f64 = options.take("seconds")?;
        Ok(Self {
            rate: options.take("rate")?,
            lasts: Duration::try_from_secs_f64(seconds)?,
            connections: options.take("connections")?,
        })
    }
}

/// What happened so far.
struct Books {
    counts_from: Instant,
    idle: VecDeque<usize>,
    /// Due, and no connection was free.
    waiting: VecDeque<Instant>,
    sent: u64,
    answered: u64,
    failed: u64,
    events: u64,
    fault: Option<String>,
    whole: Spread,
    first: Spread,
    late: Spread,
}

/// Sends requests at the rate, and tells what came of it.
///
/// # Errors
/// When nobody listens, or the kernel gives no timer.
pub async fn run(plan: &Rate, target: &Target) -> Result<Value> {
    let books = Rc::new(RefCell::new(Books {
        counts_from: Instant::now(),
        idle: (0..plan.connections).collect(),
        waiting: VecDeque::new(),
        sent: 0,
        answered: 0,
        failed: 0,
        events: 0,
        fault: None,
        whole: Spread::empty()?,
        first: Spread::empty()?,
        late: Spread::empty()?,
    }));
    let mut callers: Vec<UnboundedSender<Instant>> = vec![];
    for number in 0..plan.connections {
        let (sender, due) = unbounded_channel();
        let mut caller = Caller::of(target);
        caller.connected().await?;
        callers.push(sender);
        spawn_local(serve(number, caller, due, Rc::clone(&books)));
    }
    let ticker = Ticker::start(plan.rate)?;
    let start = Instant::now();
    let (counts_from, end) = (start + WARM_UP, start + WARM_UP + plan.lasts);
    books.borrow_mut().counts_from = counts_from;
    let mut schedule = Schedule::new(start, plan.rate);
    loop {
        ticker.fired().await?;
        let now = Instant::now();
        if now >= end {
            break;
        }
        while let Some(due) = schedule.due(now) {
            let mut books = books.borrow_mut();
            books.sent += 1;
            books.late.add(now - due);
            match books.idle.pop_front() {
                // A caller lives as long as this function.
                Some(number) => drop(callers[number].send(due)),
                None => books.waiting.push_back(due),
            }
        }
    }
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && books.borrow().unanswered() > 0 {
        ticker.fired().await?;
    }
    Ok(books.borrow().summary(plan))
}

/// One connection: waits for a request that is due, makes it, and goes on with those that wait.
async fn serve(
    number: usize,
    mut caller: Caller,
    mut due: UnboundedReceiver<Instant>,
    books: Rc<RefCell<Books>>,
) {
    while let Some(mut intended) = due.recv().await {
        loop {
            let seen = caller.call(|| {}).await;
            let now = Instant::now();
            let mut books = books.borrow_mut();
            match seen {
                Ok(seen) => {
                    books.answered += 1;
                    books.events += seen.events;
                    if intended >= books.counts_from {
                        books.whole.add(now - intended);
                        books.first.add(seen.first - intended);
                    }
                }
                Err(fault) => {
                    books.failed += 1;
                    books.fault.get_or_insert_with(|| format!("{fault:#}"));
                }
            }
            match books.waiting.pop_front() {
                Some(next) => intended = next,
                None => break books.idle.push_back(number),
            }
        }
    }
}

impl Books {
    fn unanswered(&self) -> u64 {
        self.sent - self.answered - self.failed
    }

    fn summary(&self, plan: &Rate) -> Value {
        json!({
            "requests": self.answered,
            // What was not answered in the end counts like what failed.
            "failed": self.failed + self.unanswered(),
            "fault": self.fault,
            "rate": plan.rate,
            "seconds": plan.lasts.as_secs_f64(),
            "events": self.events,
            "whole": self.whole.summary(),
            "first": self.first.summary(),
            "late": self.late.summary(),
        })
    }
}
