//! Files and batches: known at once, recorded for later, and of each project only its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use domain::batch::Batch;
use domain::file::{Content, File, Removed, Requests};
use domain::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};
use domain::money::Money;
use domain::price::{Price, Pricing, Stepped};
use domain::time::Timestamp;
use domain::usage::{Event, Outcome, RouteMode, Surface};
use live::kept::{Kept, Looked, Lookup, Order, Owner, Page};
use live::outbox::{Full, Outbox, Reader, Settings, Sync};
use live::snapshot::LookupFailed;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::calls::{copy_of, opened, settled, small, told};

/// A store with these files, the oldest first, as far as it has been told of them.
#[derive(Default)]
struct Store {
    files: Mutex<Vec<File>>,
    batches: Mutex<Vec<Batch>>,
    /// What comes of the next looks, before it answers as it should: nothing, or a failure.
    stumbles: Mutex<VecDeque<Result<(), ()>>>,
    asked: Mutex<u32>,
    /// Where a look that has its answer waits before it gives it.
    held: Option<(Notify, Notify)>,
}

impl Store {
    fn of(files: Vec<File>) -> Arc<Self> {
        Arc::new(Self { files: Mutex::new(files), ..Self::default() })
    }

    fn asked(&self) -> u32 {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn look<T>(&self, found: impl FnOnce() -> T) -> Result<T, LookupFailed> {
        *self.asked.lock().unwrap() += 1;
        Ok(found())
    }
}

impl Lookup for Store {
    fn file<'a>(&'a self, owner: Owner, name: &'a str) -> Looked<'a, Option<File>> {
        let stumble = self.stumbles.lock().unwrap().pop_front();
        let files = self.files.lock().unwrap();
        let is = |file: &&File| owned(file) == owner && file.name == name;
        let found = files.iter().find(is).cloned();
        Box::pin(async move {
            if let Some((reached, go)) = &self.held {
                reached.notify_one();
                go.notified().await;
            }
            match stumble {
                Some(Ok(())) => Ok(None),
                Some(Err(())) => Err(LookupFailed("gone".into())),
                None => self.look(|| found),
            }
        })
    }

    fn files<'a>(&'a self, owner: Owner, page: Page<'a>, purpose: Option<&'a str>) -> Looked<'a, Vec<File>> {
        assert_eq!((page.order, purpose), (Order::OldestFirst, Some("batch")));
        let files = self.files.lock().unwrap();
        let from = page.after.map_or(0, |name| 1 + files.iter().position(|file| file.name == name).unwrap());
        let most = usize::try_from(page.limit).unwrap();
        let found = files[from..].iter().filter(|file| owned(file) == owner).take(most).cloned().collect();
        Box::pin(async move { self.look(|| found) })
    }

    fn batch<'a>(&'a self, owner: Owner, name: &'a str) -> Looked<'a, Option<Batch>> {
        let batches = self.batches.lock().unwrap();
        let is = |batch: &&Batch| {
            (batch.opened.org, batch.opened.project) == (owner.org, owner.project)
                && batch.name.as_deref() == Some(name)
        };
        let found = batches.iter().find(is).cloned();
        Box::pin(async move { self.look(|| found) })
    }

    fn batches<'a>(&'a self, _owner: Owner, _page: Page<'a>) -> Looked<'a, Vec<Batch>> {
        let found = self.batches.lock().unwrap().clone();
        Box::pin(async move { self.look(|| found) })
    }

    fn unsettled(&self, after: Option<CallId>, _limit: u32) -> Looked<'_, Vec<Batch>> {
        let mut found = self.batches.lock().unwrap().clone();
        found.retain(|batch| Some(batch.opened.call) > after);
        Box::pin(async move { self.look(|| found) })
    }

    fn is_settled(&self, call: CallId) -> Looked<'_, bool> {
        let found = self.batches.lock().unwrap().iter().all(|batch| batch.opened.call != call);
        Box::pin(async move { self.look(|| found) })
    }
}

struct World {
    kept: Kept,
    outbox: Outbox,
    reader: Reader,
    dir: tempfile::TempDir,
}

impl World {
    fn new(store: &Arc<Store>) -> Self {
        Self::with(store, Settings::default())
    }

    fn with(store: &Arc<Store>, settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (outbox, reader) = Outbox::open(dir.path(), settings).unwrap();
        let lookup = Arc::clone(store) as Arc<dyn Lookup>;
        Self { kept: Kept::new(lookup, outbox.clone()), outbox, reader, dir }
    }
}

fn owner(number: u128) -> Owner {
    let id = Uuid::from_u128(number);
    Owner { org: OrgId::new(id), project: ProjectId::new(id) }
}

fn owned(file: &File) -> Owner {
    Owner { org: file.org, project: file.project }
}

fn requests() -> Requests {
    Requests { surface: Surface::Chat, model: "gpt-x".to_owned(), count: 3, input_bytes: 77 }
}

/// A file of project 1 of organization 1.
fn file(name: &str, content: Content) -> File {
    let Owner { org, project } = owner(1);
    File {
        org,
        project,
        key: KeyId::new(Uuid::from_u128(2)),
        connection: ProviderKeyId::new(Uuid::from_u128(3)),
        name: name.to_owned(),
        filename: "requests.jsonl".to_owned(),
        purpose: "batch".to_owned(),
        bytes: 4_096,
        at: Timestamp(5),
        content,
    }
}

fn removed(file: &File) -> Removed {
    Removed { org: file.org, project: file.project, name: file.name.clone(), at: Timestamp(9) }
}

/// A batch that is the call of this number, of project and organization of the same number.
fn batch(call: u128, name: Option<&str>) -> Batch {
    Batch {
        opened: opened(call),
        connection: ProviderKeyId::new(Uuid::from_u128(3)),
        route_mode: RouteMode::Platform,
        provider: "openai".to_owned(),
        input_file: "file-in".to_owned(),
        requests: requests(),
        pricing: Pricing::Priced(price(10)),
        price_version: "2026-11".to_owned(),
        name: name.map(str::to_owned),
    }
}

fn price(nanos: i64) -> Price {
    Price::new(Money::from_nanos(nanos), Money::from_nanos(3 * nanos)).unwrap()
}

#[tokio::test]
async fn what_is_new_is_known_at_once_and_recorded_beside_the_calls() {
    let store = Store::of(vec![]);
    let mut world = World::new(&store);
    let upload = file("file-1", Content::Requests(requests()));
    let named = batch(1, Some("batch_1"));
    let _ = world.kept.keep_file(upload.clone()).unwrap();
    let _ = world.kept.keep_batch(batch(1, None)).unwrap();
    let _ = world.kept.keep_batch(named.clone()).unwrap();
    let _ = world.outbox.append(&Event::Settled(settled(7))).unwrap();
    assert_eq!(world.kept.file(owner(1), "file-1").await.unwrap(), Some(upload.clone()));
    assert_eq!(world.kept.batch(owner(1), "batch_1").await.unwrap(), Some(named.clone()));
    assert_eq!(store.asked(), 0);
    let read = world.reader.try_next(10).unwrap().unwrap();
    assert_eq!(read.filed, [upload]);
    assert_eq!(read.batched, [batch(1, None), named]);
    assert_eq!((read.settled.len(), read.removed.len(), read.len()), (1, 0, 4));
    assert_eq!(world.outbox.backlog(), 4);
    world.reader.confirm(&read.positions).unwrap();
    assert_eq!(world.outbox.backlog(), 0);
}

#[tokio::test]
async fn another_projects_and_none_are_the_same() {
    let ours = file("file-1", Content::Opaque);
    let store = Store::of(vec![ours.clone()]);
    let world = World::new(&store);
    let _ = world.kept.keep_batch(batch(1, Some("batch_1"))).unwrap();
    let same_project = Owner { org: owner(2).org, ..owner(1) };
    let same_org = Owner { project: owner(2).project, ..owner(1) };
    for stranger in [owner(2), same_org, same_project] {
        assert_eq!(world.kept.file(stranger, "file-1").await.unwrap(), None);
        assert_eq!(world.kept.batch(stranger, "batch_1").await.unwrap(), None);
    }
    assert_eq!(world.kept.file(owner(1), "file-2").await.unwrap(), None);
    assert_eq!(store.asked(), 7);
    for _ in 0..3 {
        assert_eq!(world.kept.file(owner(1), "file-1").await.unwrap(), Some(ours.clone()));
    }
    assert_eq!(store.asked(), 1, "what was found is remembered");
}

#[tokio::test]
async fn what_is_removed_is_gone_before_the_store_knows() {
    let names = ["file-1", "file-2", "file-3", "file-4", "file-5"];
    let store = Store::of(names.map(|name| file(name, Content::Opaque)).to_vec());
    let mut world = World::new(&store);
    let gone = file("file-2", Content::Opaque);
    assert!(world.kept.file(owner(1), "file-2").await.unwrap().is_some());
    let _ = world.kept.remove_file(removed(&gone)).unwrap();
    let _ = world.kept.remove_file(removed(&file("file-3", Content::Opaque))).unwrap();
    assert_eq!(world.kept.file(owner(1), "file-2").await.unwrap(), None);
    assert_eq!(world.reader.try_next(9).unwrap().unwrap().removed[0], removed(&gone));
    let page = async |after: Option<&str>, limit| {
        let page = Page { after, limit, order: Order::OldestFirst };
        let found = world.kept.files(owner(1), page, Some("batch")).await.unwrap();
        found.into_iter().map(|file| file.name).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, ["file-1", "file-4"], "a page is filled up");
    assert_eq!(page(Some("file-1"), 1).await, ["file-4"]);
    assert_eq!(page(Some("file-2"), 9).await, ["file-4", "file-5"], "one that is gone still has its place");
    assert_eq!(page(Some("file-5"), 2).await, [""; 0]);
}

#[tokio::test]
async fn what_a_batch_left_does_not_come_back_and_an_upload_of_the_same_name_does() {
    let world = World::new(&Store::of(vec![]));
    let results = file("file-out", Content::Results(CallId::new(Uuid::from_u128(1))));
    let _ = world.kept.keep_file(results.clone()).unwrap();
    let _ = world.kept.remove_file(removed(&results)).unwrap();
    let _ = world.kept.keep_file(results).unwrap();
    assert_eq!(world.kept.file(owner(1), "file-out").await.unwrap(), None);
    let anew = file("file-out", Content::Opaque);
    let _ = world.kept.keep_file(anew.clone()).unwrap();
    assert_eq!(world.kept.file(owner(1), "file-out").await.unwrap(), Some(anew));
}

#[tokio::test]
async fn a_look_that_is_on_its_way_does_not_bring_back_what_is_removed() {
    let there = file("file-1", Content::Opaque);
    let held = Some((Notify::new(), Notify::new()));
    let store = Arc::new(Store { files: Mutex::new(vec![there.clone()]), held, ..Store::default() });
    let world = World::new(&store);
    let (reached, go) = store.held.as_ref().unwrap();
    let meanwhile = async {
        reached.notified().await;
        let _ = world.kept.remove_file(removed(&there)).unwrap();
        go.notify_one();
    };
    let (found, ()) = tokio::join!(world.kept.file(owner(1), "file-1"), meanwhile);
    assert_eq!(found.unwrap(), None);
    assert_eq!(world.kept.file(owner(1), "file-1").await.unwrap(), None);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_the_same_as_nothing() {
    let there = file("file-1", Content::Opaque);
    let store = Store::of(vec![there.clone()]);
    store.stumbles.lock().unwrap().push_back(Err(()));
    let world = World::new(&store);
    assert!(world.kept.file(owner(1), "file-1").await.is_err());
    assert_eq!(world.kept.file(owner(1), "file-1").await.unwrap(), Some(there), "and is asked again");
}

#[tokio::test]
async fn an_upload_can_wait_for_its_place_in_the_lists() {
    let store = Store::of(vec![file("file-1", Content::Opaque)]);
    store.stumbles.lock().unwrap().extend([Ok(()), Err(()), Ok(())]);
    let world = World::new(&store);
    assert!(world.kept.posted_file(owner(1), "file-1").await);
    assert_eq!(store.stumbles.lock().unwrap().len(), 0, "it looked until it was there");
}

#[tokio::test]
async fn the_watcher_goes_on_behind_a_call() {
    let store =
        Arc::new(Store { batches: Mutex::new(vec![batch(1, None), batch(2, None)]), ..Store::default() });
    let world = World::new(&store);
    let first = batch(1, None).opened.call;
    assert_eq!(world.kept.unsettled(Some(first), 9).await.unwrap(), [batch(2, None)]);
    assert!(!world.kept.is_settled(first).await.unwrap());
    assert!(world.kept.is_settled(batch(3, None).opened.call).await.unwrap());
}

/// Every form of a price comes back as it was, whichever of its parts are there.
#[test]
fn what_was_recorded_survives_the_process() {
    let units = Price { picture: Some(Money::from_nanos(5)), search: Some(Money::ZERO), ..price(20) };
    let sound = Price { second: Some(Money::MAX), characters: Some(Money::from_nanos(1)), ..price(30) };
    let stepped = Stepped { below: units, from_prompt_tokens: 200_000, beyond: sound };
    let forms = [
        Pricing::Priced(price(10)),
        Pricing::Priced(units),
        Pricing::Stepped(stepped),
        Pricing::Free,
        Pricing::Unpriced,
    ];
    let mut batches: Vec<Batch> =
        (1..).zip(forms).map(|(call, pricing)| Batch { pricing, ..batch(call, Some("batch_1")) }).collect();
    batches[0].opened.trace = None;
    let files = [
        file("file-1", Content::Requests(requests())),
        file("file-2", Content::Results(batches[0].opened.call)),
        file("file-3", Content::Opaque),
    ];
    let mut world = World::new(&Store::of(vec![]));
    for file in &files {
        let _ = world.kept.keep_file(file.clone()).unwrap();
    }
    for batch in &batches {
        let _ = world.kept.keep_batch(batch.clone()).unwrap();
    }
    let _ = world.kept.remove_file(removed(&files[2])).unwrap();
    let copy = copy_of(world.dir.path());
    let here = world.reader.try_next(99).unwrap().unwrap();
    let (outbox, mut reader) = Outbox::open(copy.path(), Settings::default()).unwrap();
    assert_eq!(outbox.backlog(), 9);
    let there = reader.try_next(99).unwrap().unwrap();
    for read in [here, there] {
        assert_eq!((&read.filed[..], &read.batched), (&files[..], &batches));
        assert_eq!((read.removed, read.damaged), (vec![removed(&files[2])], 0));
    }
}

/// The process is killed at every point of a batch's life: what was recorded is told again, nothing is made up, and above
/// all no batch is booked as an interrupted call.
#[test]
fn a_kill_at_any_point_leaves_what_was_recorded() {
    let mut world = World::with(&Store::of(vec![]), small());
    let ended = domain::usage::CallSettled { opened: batch(1, None).opened, ..settled(1) };
    let steps = [
        Event::Filed(file("file-in", Content::Requests(requests()))),
        Event::Batched(Box::new(batch(1, None))),
        Event::Batched(Box::new(batch(1, Some("batch_1")))),
        Event::Filed(file("file-out", Content::Results(batch(1, None).opened.call))),
        Event::Settled(ended),
        Event::FileRemoved(removed(&file("file-in", Content::Opaque))),
    ];
    for (done, step) in steps.iter().enumerate() {
        let _ = world.outbox.append(step).unwrap();
        let copy = copy_of(world.dir.path());
        let (outbox, mut reader) = Outbox::open(copy.path(), small()).unwrap();
        assert_eq!(outbox.backlog(), u64::try_from(done + 1).unwrap());
        let read = reader.try_next(99).unwrap().unwrap();
        let told: Vec<_> = read.settled.iter().map(told).collect();
        assert_eq!(told, if done < 4 { vec![] } else { vec![(1, Outcome::Complete)] });
        let names: Vec<_> = read.batched.iter().map(|batch| batch.name.as_deref()).collect();
        assert_eq!(names, [None, Some("batch_1")][..done.min(2)]);
        assert_eq!(read.len(), done + 1);
    }
    let all = world.reader.try_next(99).unwrap().unwrap();
    world.reader.confirm(&all.positions).unwrap();
    let (confirmed, copy) = (all.positions, copy_of(world.dir.path()));
    let (outbox, mut reader) = Outbox::open(copy.path(), Settings { confirmed, ..small() }).unwrap();
    assert_eq!((outbox.backlog(), reader.try_next(9).unwrap().is_none()), (0, true), "posted once is enough");
}

#[tokio::test]
async fn a_full_journal_takes_nothing_new_and_a_removal_holds_all_the_same() {
    let store = Store::of(vec![file("file-1", Content::Opaque)]);
    let tight = Settings { max_bytes: 3 * 2_048, sync: Sync::Always, ..small() };
    let world = World::with(&store, tight);
    let mut number = 0;
    let refused = loop {
        match world.kept.keep_file(file(&format!("new-{number}"), Content::Opaque)) {
            Ok(_) => number += 1,
            Err(full) => break full,
        }
        assert!(number < 10_000, "it never gets full");
    };
    assert_eq!(refused, Full::Bound);
    assert_eq!(world.kept.file(owner(1), &format!("new-{number}")).await.unwrap(), None);
    assert_eq!(world.kept.keep_batch(batch(1, None)).unwrap_err(), Full::Bound);
    // A removal is smaller and may fit in where no file does.
    while world.kept.remove_file(removed(&file("file-0", Content::Opaque))).is_ok() {}
    assert!(world.kept.remove_file(removed(&file("file-1", Content::Opaque))).is_err());
    assert_eq!(world.kept.file(owner(1), "file-1").await.unwrap(), None);
    // What was spent still finds room.
    assert!(world.outbox.append(&Event::Settled(settled(1))).is_ok());
    let mut large = file("file-2", Content::Opaque);
    large.filename = "f".repeat(20 << 10);
    assert_eq!(world.kept.keep_file(large).unwrap_err(), Full::Record);
}
