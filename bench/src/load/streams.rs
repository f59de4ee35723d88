//! Streams next to each other, each followed by the next: how many events come through, and how long the first takes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::spawn_local;

use super::call::{Caller, Target};
use super::options::Options;
use super::spread::Spread;

/// Streams next to each other.
pub struct Streams {
    concurrent: u32,
    lasts: Duration,
}

impl Streams {
    /// Takes `--concurrent` and `--seconds`: no stream begins later.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn read(options: &mut Options) -> Result<Self> {
        let seconds: f64 = options.take("seconds")?;
        Ok(Self { concurrent: options.take("concurrent")?, lasts: Duration::try_from_secs_f64(seconds)? })
    }
}

struct Books {
    streams: u64,
    failed: u64,
    events: u64,
    fault: Option<String>,
    first: Spread,
}

/// Runs them, and tells what came of it.
///
/// # Errors
/// When a task of this process dies.
pub async fn run(plan: &Streams, target: &Target) -> Result<Value> {
    let first = Spread::empty()?;
    let books = Rc::new(RefCell::new(Books { streams: 0, failed: 0, events: 0, fault: None, first }));
    let start = Instant::now();
    let end = start + plan.lasts;
    let begin = |number: u32| {
        // Spread over the first second, so that they do not all begin and end at the same moments.
        let offset = (Duration::from_secs(1) / plan.concurrent.max(1)) * number;
        let (mut caller, books) = (Caller::of(target), Rc::clone(&books));
        spawn_local(async move {
            tokio::time::sleep(offset).await;
            while Instant::now() < end {
                let sent = Instant::now();
                let seen = caller.call(|| {}).await;
                let mut books = books.borrow_mut();
                match seen {
                    Ok(seen) => {
                        books.streams += 1;
                        books.events += seen.events;
                        books.first.add(seen.first - sent);
                    }
                    Err(fault) => {
                        books.failed += 1;
                        books.fault.get_or_insert_with(|| format!("{fault:#}"));
                    }
                }
            }
        })
    };
    let tasks: Vec<_> = (0..plan.concurrent).map(begin).collect();
    for task in tasks {
        task.await.context("a caller died")?;
    }
    let books = books.borrow();
    Ok(json!({
        "requests": books.streams,
        "failed": books.failed,
        "fault": books.fault,
        "seconds": start.elapsed().as_secs_f64(),
        "events": books.events,
        "first": books.first.summary(),
    }))
}
