//! Files and batches that providers keep for a project: what is new is recorded and known here at once, the rest is asked
//! of [`Lookup`]. It knows no SQL and no provider, and of another project's file what it knows of none.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::batch::Batch;
use domain::file::{Content, File, Removed};
use domain::id::{CallId, OrgId, ProjectId};
use domain::usage::Event;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::outbox::{Full, Outbox, Ticket};
use crate::snapshot::LookupFailed;

/// Bytes that remembered files may take, and batches as much again.
const REMEMBERED_BYTES: u64 = 8 << 20;
/// How many of each are expected; only the first size of the table.
const REMEMBERED_EXPECTED: usize = 4_096;
/// How long [`Kept::posted_file`] waits at the most.
const POSTED_WITHIN: Duration = Duration::from_secs(2);
/// Its first pause; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// Its longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Whose files and batches are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The tenant.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
}

/// In which order a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By age, the youngest first.
    NewestFirst,
    /// By age, the oldest first.
    OldestFirst,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The name behind which it begins, removed or not; none for the first. Behind a name that was never in the list there
    /// is nothing.
    pub after: Option<&'a str>,
    /// Most entries.
    pub limit: u32,
    /// In which order.
    pub order: Order,
}

/// What a lookup answers, some time later.
pub type Looked<'a, T> = Pin<Box<dyn Future<Output = Result<T, LookupFailed>> + Send + 'a>>;

/// Where files and batches are looked up. The binary joins it to the store.
pub trait Lookup: Send + Sync + 'static {
    /// The file of `owner` with this name, unless it is removed.
    fn file<'a>(&'a self, owner: Owner, name: &'a str) -> Looked<'a, Option<File>>;

    /// The files of `owner` that are not removed, all or those of one purpose.
    fn files<'a>(&'a self, owner: Owner, page: Page<'a>, purpose: Option<&'a str>) -> Looked<'a, Vec<File>>;

    /// The batch of `owner` with this name.
    fn batch<'a>(&'a self, owner: Owner, name: &'a str) -> Looked<'a, Option<Batch>>;

    /// The batches of `owner` that have a name.
    fn batches<'a>(&'a self, owner: Owner, page: Page<'a>) -> Looked<'a, Vec<Batch>>;

    /// Batches of everybody whose calls are not settled, by the age of their calls, with a name or without one.
    fn unsettled(&self, after: Option<CallId>, limit: u32) -> Looked<'_, Vec<Batch>>;

    /// Whether a call is settled.
    fn is_settled(&self, call: CallId) -> Looked<'_, bool>;
}

/// The files and batches that providers keep.
pub struct Kept {
    lookup: Arc<dyn Lookup>,
    outbox: Outbox,
    files: Shelf<File>,
    batches: Shelf<Batch>,
}

impl Kept {
    /// None yet. What is new goes to `outbox`, what is not remembered is asked of `lookup`.
    #[must_use]
    pub fn new(lookup: Arc<dyn Lookup>, outbox: Outbox) -> Self {
        Self { lookup, outbox, files: Shelf::new(), batches: Shelf::new() }
    }

    /// Records a file. What a batch left behind does not come back once it is removed, however often it is recorded.
    ///
    /// # Errors
    /// [`Full`] when the outbox takes no record: the file is then not known here.
    pub fn keep_file(&self, file: File) -> Result<Ticket, Full> {
        let owner = Owner { org: file.org, project: file.project };
        let ticket = self.outbox.append(&Event::Filed(file.clone()))?;
        if !(matches!(file.content, Content::Results(_)) && self.files.is_gone(owner, &file.name)) {
            let name = file.name.clone();
            self.files.put(owner, &name, Some(file));
        }
        Ok(ticket)
    }

    /// Records that a file is gone. It is not found from this moment on, whatever becomes of the record.
    ///
    /// # Errors
    /// [`Full`] when the outbox takes no record.
    pub fn remove_file(&self, removed: Removed) -> Result<Ticket, Full> {
        self.files.put(Owner { org: removed.org, project: removed.project }, &removed.name, None);
        self.outbox.append(&Event::FileRemoved(removed))
    }

    /// Records a batch: before the provider is asked, without a name, and again when it has one.
    ///
    /// # Errors
    /// [`Full`] when the outbox takes no record. A batch with a name is then known here for a while.
    pub fn keep_batch(&self, batch: Batch) -> Result<Ticket, Full> {
        if let Some(name) = &batch.name {
            let owner = Owner { org: batch.opened.org, project: batch.opened.project };
            self.batches.put(owner, name, Some(batch.clone()));
        }
        self.outbox.append(&Event::Batched(Box::new(batch)))
    }

    /// Waits until lists hold the file with this name, two seconds at the most. False when they do not by then.
    pub async fn posted_file(&self, owner: Owner, name: &str) -> bool {
        let shown = async {
            let mut pause = FIRST_PAUSE;
            // A store that does not answer now may do so with the next look.
            while !matches!(self.lookup.file(owner, name).await, Ok(Some(_))) {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        tokio::time::timeout(POSTED_WITHIN, shown).await.is_ok()
    }

    /// The file of `owner` with this name. One of another project and one that never was are found the same way and are
    /// the same: nothing.
    ///
    /// # Errors
    /// [`LookupFailed`] when it is not remembered and the store cannot be asked.
    pub async fn file(&self, owner: Owner, name: &str) -> Result<Option<File>, LookupFailed> {
        self.files.find(owner, name, self.lookup.file(owner, name)).await
    }

    /// The files of `owner` as far as they are posted, all or those of one purpose.
    ///
    /// # Errors
    /// [`LookupFailed`] when the store cannot be asked.
    pub async fn files(
        &self,
        owner: Owner,
        page: Page<'_>,
        purpose: Option<&str>,
    ) -> Result<Vec<File>, LookupFailed> {
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let (mut files, mut after) = (Vec::new(), page.after.map(str::to_owned));
        loop {
            let limit = u32::try_from(most - files.len()).unwrap_or(u32::MAX);
            let found =
                self.lookup.files(owner, Page { after: after.as_deref(), limit, ..page }, purpose).await?;
            let asked = usize::try_from(limit).unwrap_or(usize::MAX);
            after = if found.len() < asked { None } else { found.last().map(|last| last.name.clone()) };
            // What was removed a moment ago may not be posted yet; a page is filled up in its place.
            files.extend(found.into_iter().filter(|file| !self.files.is_gone(owner, &file.name)).take(asked));
            if after.is_none() || files.len() >= most {
                return Ok(files);
            }
        }
    }

    /// The batch of `owner` with this name, like [`Self::file`].
    ///
    /// # Errors
    /// [`LookupFailed`] when it is not remembered and the store cannot be asked.
    pub async fn batch(&self, owner: Owner, name: &str) -> Result<Option<Batch>, LookupFailed> {
        self.batches.find(owner, name, self.lookup.batch(owner, name)).await
    }

    /// The batches of `owner` that have a name, as far as they are posted.
    ///
    /// # Errors
    /// [`LookupFailed`] when the store cannot be asked.
    pub async fn batches(&self, owner: Owner, page: Page<'_>) -> Result<Vec<Batch>, LookupFailed> {
        self.lookup.batches(owner, page).await
    }

    /// Batches of everybody that are not settled, behind the one of this call, by the age of their calls.
    ///
    /// # Errors
    /// [`LookupFailed`] when the store cannot be asked.
    pub async fn unsettled(&self, after: Option<CallId>, limit: u32) -> Result<Vec<Batch>, LookupFailed> {
        self.lookup.unsettled(after, limit).await
    }

    /// Whether a call is settled, as far as that is posted.
    ///
    /// # Errors
    /// [`LookupFailed`] when the store cannot be asked.
    pub async fn is_settled(&self, call: CallId) -> Result<bool, LookupFailed> {
        self.lookup.is_settled(call).await
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("files", &self.files.0.len())
            .field("batches", &self.batches.0.len())
            .finish_non_exhaustive()
    }
}

type Key = (Owner, Box<str>);

/// Things of one kind by their owners and names; none for one that is gone, which the store may not know yet.
struct Shelf<T>(Cache<Key, Option<Arc<T>>, ByBytes>);

impl<T: Clone> Shelf<T>
where
    ByBytes: Weighter<Key, Option<Arc<T>>>,
{
    fn new() -> Self {
        Self(Cache::with_weighter(REMEMBERED_EXPECTED, REMEMBERED_BYTES, ByBytes))
    }

    fn put(&self, owner: Owner, name: &str, thing: Option<T>) {
        self.0.insert((owner, name.into()), thing.map(Arc::new));
    }

    fn is_gone(&self, owner: Owner, name: &str) -> bool {
        matches!(self.0.peek(&(owner, name.into())), Some(None))
    }

    /// What is remembered, or else what `look` finds, unless something was put here while it looked.
    async fn find(
        &self,
        owner: Owner,
        name: &str,
        look: Looked<'_, Option<T>>,
    ) -> Result<Option<T>, LookupFailed> {
        let key: Key = (owner, name.into());
        let guard = match self.0.get_value_or_guard_async(&key).await {
            Ok(known) => return Ok(known.map(Arc::unwrap_or_clone)),
            Err(guard) => guard,
        };
        // That there is nothing is not remembered: names are free to make up.
        let Some(found) = look.await? else {
            return Ok(self.0.get(&key).flatten().map(Arc::unwrap_or_clone));
        };
        let found = Some(Arc::new(found));
        let newest = match guard.insert(found.clone()) {
            Ok(()) => found,
            Err(found) => self.0.get(&key).unwrap_or(found),
        };
        Ok(newest.map(Arc::unwrap_or_clone))
    }
}

#[derive(Clone)]
struct ByBytes;

/// Bytes of a key and of what every entry takes.
fn fixed((_, name): &Key) -> usize {
    size_of::<Key>() + name.len()
}

/// Bytes as the cache counts them.
fn weight(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Weighter<Key, Option<Arc<File>>> for ByBytes {
    fn weight(&self, key: &Key, file: &Option<Arc<File>>) -> u64 {
        let texts = |file: &Arc<File>| {
            let model =
                if let Content::Requests(requests) = &file.content { requests.model.len() } else { 0 };
            size_of::<File>() + file.name.len() + file.filename.len() + file.purpose.len() + model
        };
        weight(fixed(key) + file.as_ref().map_or(0, texts))
    }
}

impl Weighter<Key, Option<Arc<Batch>>> for ByBytes {
    fn weight(&self, key: &Key, batch: &Option<Arc<Batch>>) -> u64 {
        let texts = |batch: &Arc<Batch>| {
            let trace = batch.opened.trace.as_ref();
            let trace = trace.map_or(0, |trace| trace.request_id.len() + trace.model_asked.len());
            let name = batch.name.as_ref().map_or(0, String::len);
            let own = batch.provider.len() + batch.input_file.len() + batch.price_version.len();
            size_of::<Batch>() + batch.requests.model.len() + trace + name + own
        };
        weight(fixed(key) + batch.as_ref().map_or(0, texts))
    }
}
