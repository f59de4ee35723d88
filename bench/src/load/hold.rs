//! Many streams that are held open while other requests run at a fixed rate. A stream that ends meanwhile was dropped.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::call::{Caller, Target};
use super::rate::{self, Rate};

/// Streams that are on their way to their first event at once.
const OPENING: u32 = 64;
/// How long all of them may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of the streams.
#[derive(Default)]
struct Books {
    opening: Cell<u32>,
    open: Cell<u32>,
    dropped: Cell<u32>,
    changed: Notify,
}

/// Opens `count` streams, says so in a line, and runs the foreground meanwhile.
///
/// # Errors
/// When they do not begin, or the foreground cannot run.
pub async fn run(count: u32, streams: &Target, plan: &Rate, foreground: &Target) -> Result<Value> {
    let books = Rc::new(Books::default());
    let start = Instant::now();
    for _ in 0..count {
        while books.opening.get() >= OPENING {
            wait(&books, start).await?;
        }
        books.opening.set(books.opening.get() + 1);
        spawn_local(hold(Caller::of(streams), Rc::clone(&books)));
    }
    while books.opening.get() > 0 {
        wait(&books, start).await?;
    }
    let opened = start.elapsed().as_secs_f64();
    writeln!(std::io::stdout().lock(), "{}", json!({"open": books.open.get(), "seconds": opened}))?;
    let mut seen = rate::run(plan, foreground).await?;
    seen["dropped"] = json!(books.dropped.get());
    seen["held"] = json!(books.open.get());
    Ok(seen)
}

async fn wait(books: &Books, start: Instant) -> Result<()> {
    let left = PATIENCE.saturating_sub(start.elapsed());
    if tokio::time::timeout(left, books.changed.notified()).await.is_err() {
        bail!("{} streams began, and {} are still to begin", books.open.get(), books.opening.get());
    }
    Ok(())
}

async fn hold(mut caller: Caller, books: Rc<Books>) {
    let begun = Rc::new(Cell::new(false));
    let (told, seen) = (Rc::clone(&begun), Rc::clone(&books));
    let ended = caller
        .call(move || {
            told.set(true);
            seen.opening.set(seen.opening.get() - 1);
            seen.open.set(seen.open.get() + 1);
            seen.changed.notify_one();
        })
        .await;
    drop(ended);
    books.dropped.set(books.dropped.get() + 1);
    if begun.get() {
        books.open.set(books.open.get() - 1);
    } else {
        books.opening.set(books.opening.get() - 1);
        books.changed.notify_one();
    }
}
