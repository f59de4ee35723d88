//! The watcher: asks after every batch that is not in the books, whoever's it is, and books it when it has ended. What it
//! needs is in the store alone, so that it goes on where an earlier process stopped.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::batch::Batch;
use domain::route::Connection;
use domain::time::Timestamp;
use live::kept::Owner;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use wire::batch::object::{self, BatchObject};

use super::settle::{self, Patience};
use super::{path, results};
use crate::gate::Gateway;
use crate::upstream::{Courier, Errand};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(60);
/// How long the first look waits for the journal, and how often it looks whether it is posted.
const POSTED_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// Batches that are read from the store at once.
const PAGE: u32 = 100;
/// Batches that are asked after at once.
const AT_ONCE: usize = 8;
/// What a provider's clock may differ from ours, in milliseconds.
const SKEW_MS: u64 = 5 * 60 * 1_000;
/// How long a batch is looked for that was never seen to begin, in milliseconds.
const NEVER_BEGUN_MS: u64 = 60 * 60 * 1_000;
/// How long a batch is asked after, in milliseconds: providers keep results no longer than this unless told to.
const GIVE_UP_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Batches on one page of a provider's list, and pages that are read of it at one look.
const LISTED: u32 = 100;
const MAX_PAGES: usize = 20;

/// Looks after batches until `stop` turns true.
pub async fn watch(gate: Arc<Gateway>, mut stop: Receiver<bool>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looks = async {
        // What an earlier process left in the journal comes first: names of batches are in it. Under load there is always
        // something that waits, but by then it is something new.
        let posted = async {
            while gate.outbox.backlog() > 0 {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let _ = tokio::time::timeout(POSTED_WITHIN, posted).await;
        loop {
            ticks.tick().await;
            tick(&gate).await;
        }
    };
    tokio::select! {
        () = looks => {}
        // An error means that the sender is gone, which is a stop as well.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// Looks once after every batch that is not in the books.
pub async fn tick(gate: &Arc<Gateway>) {
    // Two looks at once would book the same batch twice, which the store forgives and the meters do not.
    let _turn = gate.batches_watched.lock().await;
    let (mut after, mut open, mut nameless) = (None, HashSet::new(), Vec::new());
    loop {
        let page = match gate.kept.unsettled(after, PAGE).await {
            Ok(page) => page,
            Err(failed) => {
                tracing::error!(cause = %failed, "the batches that are not in the books cannot be read");
                return;
            }
        };
        let Some(last) = page.last() else { break };
        after = Some(last.opened.call);
        open.extend(page.iter().map(|batch| batch.opened.call));
        let left = page.into_iter().filter(|batch| !gate.ahead.is_booked(batch.opened.call));
        let (named, unnamed): (Vec<_>, Vec<_>) = left.partition(|batch| batch.name.is_some());
        // One that has its name by now is shown with it soon.
        nameless.extend(unnamed.into_iter().filter(|batch| !gate.ahead.is_named(batch.opened.call)));
        look_after_all(gate, named).await;
    }
    // One after the other: of two that could be the same one of a provider's, the second sees what the first was given.
    let begin = beginning(gate, &nameless);
    for batch in nameless {
        if !begin.contains(&(owner(&batch), batch.input_file.clone())) {
            look_after(Arc::clone(gate), batch).await;
        }
    }
    gate.ahead.forget(&open, gate.clock.now());
}

async fn look_after_all(gate: &Arc<Gateway>, batches: Vec<Batch>) {
    let mut looks = JoinSet::new();
    for batch in batches {
        if looks.len() >= AT_ONCE {
            ended(looks.join_next().await);
        }
        looks.spawn(look_after(Arc::clone(gate), batch));
    }
    while let Some(look) = looks.join_next().await {
        ended(Some(look));
    }
}

fn ended(look: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(failed)) = look {
        tracing::error!(%failed, "a look after a batch died");
    }
}

/// The input files of batches whose beginning may still be under way, or may have been when the youngest one was made that
/// could be theirs. Until that is over nobody knows which of them a provider's batch of the same file is.
fn beginning(gate: &Gateway, nameless: &[Batch]) -> HashSet<(Owner, String)> {
    let now = gate.clock.now();
    let over_after_ms = whole_ms(gate).saturating_add(2 * SKEW_MS);
    let is_young = |batch: &&Batch| age_ms(batch, now) <= over_after_ms;
    nameless.iter().filter(is_young).map(|batch| (owner(batch), batch.input_file.clone())).collect()
}

async fn look_after(gate: Arc<Gateway>, batch: Batch) {
    let age_ms = age_ms(&batch, gate.clock.now());
    let patience = if age_ms >= GIVE_UP_MS { Patience::Over } else { Patience::Left };
    let holder = gate.snapshot.routes().connections().iter().find(|one| one.id == batch.connection).cloned();
    let courier = Courier::for_the_books(&gate, batch.opened.call);
    let seen = match (&holder, &batch.name) {
        (None, _) => None,
        (Some(holder), None) => match adopted(&gate, &courier, holder, &batch).await {
            Search::Found(found) => Some(*found),
            Search::NotThere if age_ms >= NEVER_BEGUN_MS => return settle::give_up(&gate, &batch),
            Search::NotThere | Search::Unanswered => None,
        },
        (Some(holder), Some(name)) => shown(&courier, holder, name).await.map(|told| (batch.clone(), told)),
    };
    let (Some(holder), Some((batch, told))) = (holder, seen) else {
        if patience == Patience::Over {
            settle::give_up(&gate, &batch);
        }
        return;
    };
    // What a batch left behind is its owner's, also if they never ask after it.
    if results::note(&gate, &courier, &holder, &batch, &told).await.is_err() {
        return;
    }
    if told.status.is_final() {
        settle::settle(&gate, &holder, &batch, &told, patience).await;
    } else if patience == Patience::Over {
        settle::give_up(&gate, &batch);
    }
}

/// A batch as its provider shows it now.
async fn shown(courier: &Courier, holder: &Arc<Connection>, name: &str) -> Option<BatchObject> {
    let answer = courier.fetch(holder, Errand::get(path(name))).await.ok()?;
    let told = object::read_batch(&answer).ok()?;
    (told.id == name).then_some(told)
}

/// What became of the search for a batch that has no name yet.
enum Search {
    /// It is there, and has its name now.
    Found(Box<(Batch, BatchObject)>),
    /// The provider has none that it could be.
    NotThere,
    /// The provider does not say.
    Unanswered,
}

/// Looks for a nameless batch in its provider's own list, by its input file and its time, and gives it its name.
async fn adopted(gate: &Gateway, courier: &Courier, holder: &Arc<Connection>, batch: &Batch) -> Search {
    let asked_at = batch.opened.started_at.seconds();
    let earliest = asked_at.saturating_sub(SKEW_MS / 1_000);
    let latest = asked_at.saturating_add((whole_ms(gate).saturating_add(SKEW_MS)).div_ceil(1_000));
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let behind = after.map_or_else(String::new, |name| format!("&after={name}"));
        let errand = Errand::get(format!("batches?limit={LISTED}{behind}"));
        let Ok(answer) = courier.fetch(holder, errand).await else { return Search::Unanswered };
        let Ok(list) = object::read_batches(&answer) else { return Search::Unanswered };
        let beyond = list.batches.iter().any(|told| told.created_at.is_some_and(|at| at < earliest));
        for told in list.batches {
            let is_it = told.input_file.as_deref() == Some(&*batch.input_file)
                && told.created_at.is_some_and(|at| (earliest..=latest).contains(&at));
            if !is_it {
                continue;
            }
            match gate.kept.batch(owner(batch), &told.id).await {
                // It is another of ours.
                Ok(Some(_)) => {}
                Ok(None) => return name(gate, batch, told),
                Err(failed) => {
                    tracing::error!(cause = %failed, "batches could not be looked up");
                    return Search::Unanswered;
                }
            }
        }
        after = list.last_id.filter(|_| list.has_more && !beyond);
        if after.is_none() {
            return Search::NotThere;
        }
    }
    Search::Unanswered
}

fn name(gate: &Gateway, batch: &Batch, told: BatchObject) -> Search {
    let named = Batch { name: Some(told.id.clone()), ..batch.clone() };
    match gate.kept.keep_batch(named.clone()) {
        Ok(_) => {
            gate.ahead.name(batch.opened.call, gate.clock.now());
            tracing::info!(call = %batch.opened.call, "a batch whose beginning was not seen to the end was found");
            Search::Found(Box::new((named, told)))
        }
        Err(full) => {
            tracing::error!(call = %batch.opened.call, %full, "the name of a batch was not recorded");
            Search::Unanswered
        }
    }
}

fn owner(batch: &Batch) -> Owner {
    Owner { org: batch.opened.org, project: batch.opened.project }
}

fn age_ms(batch: &Batch, now: Timestamp) -> u64 {
    now.millis_since(batch.opened.started_at)
}

/// How long the request that begins a batch may take.
fn whole_ms(gate: &Gateway) -> u64 {
    u64::try_from(gate.settings.timeouts.whole.as_millis()).unwrap_or(u64::MAX)
}
