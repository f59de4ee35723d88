//! Files and batches for the request path: the only place where it and the store meet over them.

use domain::batch::Batch;
use domain::file::File;
use domain::id::CallId;
use live::kept::{self, Looked, Lookup, Owner, Page};
use live::snapshot::LookupFailed;
use store::page::{Named, Order};
use store::{ReadFailed, Store};

/// Looks files and batches up in the store.
pub struct FileLookup(pub Store);

impl Lookup for FileLookup {
    fn file<'a>(&'a self, owner: Owner, name: &'a str) -> Looked<'a, Option<File>> {
        Box::pin(async move { told(self.0.files().find(owner.org, owner.project, name).await) })
    }

    fn files<'a>(&'a self, owner: Owner, page: Page<'a>, purpose: Option<&'a str>) -> Looked<'a, Vec<File>> {
        Box::pin(
            async move { told(self.0.files().list(owner.org, owner.project, named(page), purpose).await) },
        )
    }

    fn batch<'a>(&'a self, owner: Owner, name: &'a str) -> Looked<'a, Option<Batch>> {
        Box::pin(async move { told(self.0.batches().find(owner.org, owner.project, name).await) })
    }

    fn batches<'a>(&'a self, owner: Owner, page: Page<'a>) -> Looked<'a, Vec<Batch>> {
        Box::pin(async move { told(self.0.batches().list(owner.org, owner.project, named(page)).await) })
    }

    fn unsettled(&self, after: Option<CallId>, limit: u32) -> Looked<'_, Vec<Batch>> {
        Box::pin(async move { told(self.0.batches().unsettled(after, limit).await) })
    }

    fn is_settled(&self, call: CallId) -> Looked<'_, bool> {
        Box::pin(async move { told(self.0.batches().is_settled(call).await) })
    }
}

fn told<T>(found: Result<T, ReadFailed>) -> Result<T, LookupFailed> {
    found.map_err(|failed| LookupFailed(Box::new(failed)))
}

fn named(page: Page<'_>) -> Named<'_> {
    let order = match page.order {
        kept::Order::NewestFirst => Order::NewestFirst,
        kept::Order::OldestFirst => Order::OldestFirst,
    };
    Named { after: page.after, limit: page.limit, order }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use control::jobs::settle;
    use domain::file::{Content, Removed, Requests};
    use domain::id::{KeyId, OrgId, ProjectId, ProviderKeyId};
    use domain::money::Money;
    use domain::price::{Pricing, Tokens, Units};
    use domain::time::Timestamp;
    use domain::usage::{CallOpened, CallSettled, Event, Outcome, RouteMode, Surface, UsageSource};
    use live::kept::Kept;
    use live::outbox::{self, Outbox};
    use tokio::sync::watch;
    use uuid::Uuid;

    use super::*;

    fn owner(number: u128) -> Owner {
        let id = Uuid::from_u128(number);
        Owner { org: OrgId::new(id), project: ProjectId::new(id) }
    }

    fn file(name: &str, seconds: i64) -> File {
        let Owner { org, project } = owner(1);
        let id = Uuid::from_u128(7);
        File {
            org,
            project,
            key: KeyId::new(id),
            connection: ProviderKeyId::new(id),
            name: name.to_owned(),
            filename: "a.txt".to_owned(),
            purpose: "user_data".to_owned(),
            bytes: 3,
            at: Timestamp(0).plus_seconds(seconds),
            content: Content::Opaque,
        }
    }

    fn batch(name: Option<&str>) -> Batch {
        let Owner { org, project } = owner(1);
        let id = Uuid::from_u128(7);
        Batch {
            opened: CallOpened {
                call: CallId::new(id),
                org,
                project,
                key: KeyId::new(id),
                surface: Surface::Batches,
                started_at: Timestamp(1),
                trace: None,
            },
            connection: ProviderKeyId::new(id),
            route_mode: RouteMode::Platform,
            provider: "openai".to_owned(),
            input_file: "file-1".to_owned(),
            requests: Requests {
                surface: Surface::Chat,
                model: "gpt-x".to_owned(),
                count: 1,
                input_bytes: 9,
            },
            pricing: Pricing::Unpriced,
            price_version: "none".to_owned(),
            name: name.map(str::to_owned),
        }
    }

    fn settled() -> Event {
        Event::Settled(CallSettled {
            opened: batch(None).opened,
            provider_key: Some(batch(None).connection),
            route_mode: Some(RouteMode::Platform),
            provider: "openai".to_owned(),
            model: "gpt-x".to_owned(),
            outcome: Outcome::Complete,
            tokens: Tokens::default(),
            units: Units::default(),
            source: UsageSource::Provider,
            cost: Money::ZERO,
            pricing: "unpriced".to_owned(),
            price_version: "none".to_owned(),
        })
    }

    /// One run of a process over a folder, as far as files and batches go.
    async fn run(dir: &std::path::Path, work: impl AsyncFnOnce(&Kept, &Outbox)) {
        let store = Store::open(&dir.join("portcullis.db"), vault::digest::sha256_of_parts).await.unwrap();
        let confirmed = store.usage().positions().await.unwrap();
        let confirmed = confirmed.into_iter();
        let settings = outbox::Settings {
            confirmed: confirmed
                .map(|(lane, segment, offset)| outbox::Position { lane, segment, offset })
                .collect(),
            ..outbox::Settings::default()
        };
        let (outbox, reader) = Outbox::open(&dir.join("journal"), settings).unwrap();
        let (stop, stopped) = watch::channel(false);
        let posting = tokio::spawn(settle::run(reader, store.clone(), stopped));
        let kept = Kept::new(Arc::new(FileLookup(store.clone())), outbox.clone());
        work(&kept, &outbox).await;
        stop.send_replace(true);
        posting.await.unwrap();
        store.close().await;
    }

    #[tokio::test]
    async fn what_the_gate_keeps_is_in_the_books_and_found_there_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let page = Page { after: None, limit: 9, order: kept::Order::NewestFirst };
        let call = batch(None).opened.call;
        run(dir.path(), async |kept, _| {
            for (name, seconds) in [("file-1", 1), ("file-2", 2), ("file-3", 3)] {
                let _ticket = kept.keep_file(file(name, seconds)).unwrap();
            }
            assert!(kept.posted_file(owner(1), "file-3").await);
            let Owner { org, project } = owner(1);
            let gone = Removed { org, project, name: "file-2".to_owned(), at: Timestamp(9) };
            let _ticket = kept.remove_file(gone).unwrap();
            let listed = kept.files(owner(1), page, Some("user_data")).await.unwrap();
            assert_eq!(listed, [file("file-3", 3), file("file-1", 1)], "read what was written");
            let _ticket = kept.keep_batch(batch(None)).unwrap();
        })
        .await;
        // The process ended before the provider had answered.
        run(dir.path(), async |kept, _| {
            let behind = Page { after: Some("file-3"), order: kept::Order::NewestFirst, ..page };
            assert_eq!(kept.files(owner(1), behind, None).await.unwrap(), [file("file-1", 1)]);
            assert_eq!(kept.file(owner(1), "file-2").await.unwrap(), None);
            assert_eq!(kept.file(owner(2), "file-1").await.unwrap(), None);
            assert_eq!(kept.batches(owner(1), page).await.unwrap(), []);
            assert_eq!(kept.unsettled(None, 9).await.unwrap(), [batch(None)]);
            let _ticket = kept.keep_batch(batch(Some("batch_1"))).unwrap();
        })
        .await;
        run(dir.path(), async |kept, outbox| {
            assert_eq!(kept.batches(owner(1), page).await.unwrap(), [batch(Some("batch_1"))]);
            assert!(!kept.is_settled(call).await.unwrap());
            let _ticket = outbox.append(&settled()).unwrap();
            let is_settled = async {
                while !kept.is_settled(call).await.unwrap() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), is_settled).await.unwrap();
        })
        .await;
        run(dir.path(), async |kept, _| {
            assert_eq!(kept.unsettled(None, 9).await.unwrap(), []);
            assert_eq!(kept.batch(owner(1), "batch_1").await.unwrap(), Some(batch(Some("batch_1"))));
            assert_eq!(kept.unsettled(Some(call), 9).await.unwrap(), []);
        })
        .await;
    }
}
