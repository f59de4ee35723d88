//! Files that providers keep: whose they are, in which order they are listed, and that a removal holds however the records
//! come.

use domain::file::{Content, File, Removed, Requests};
use domain::id::{CallId, OrgId, ProjectId};
use domain::retention::Class;
use domain::usage::Surface;
use store::page::{Named, Order};
use store::usage::Posting;
use uuid::Uuid;

use crate::world::{World, at, key, org, project, provider_key};

/// A file of project 1 of organization 1 that was made at this second.
pub fn file(name: &str, seconds: i64, content: Content) -> File {
    File {
        org: org(1),
        project: project(1),
        key: key(1),
        connection: provider_key(5),
        name: name.to_owned(),
        filename: format!("{name}.jsonl"),
        purpose: "batch".to_owned(),
        bytes: 4_096,
        at: at(seconds),
        content,
    }
}

pub fn requests() -> Requests {
    Requests {
        surface: Surface::Embeddings,
        model: "embed-x".to_owned(),
        count: 50_000,
        input_bytes: 123_456,
    }
}

pub fn removed(name: &str, seconds: i64) -> Removed {
    Removed { org: org(1), project: project(1), name: name.to_owned(), at: at(seconds) }
}

pub async fn post(world: &World, filed: &[File], removed: &[Removed]) {
    let posting = Posting { filed, removed, ..Posting::default() };
    assert_eq!(world.store.usage().post_batch(&posting).await.unwrap(), 0, "no call is posted");
}

async fn find(world: &World, name: &str) -> Option<File> {
    world.store.files().find(org(1), project(1), name).await.unwrap()
}

#[tokio::test]
async fn a_file_reads_back_as_it_was_posted_to_its_own_project_alone() {
    let world = World::new().await;
    let files = [
        file("file-1", 1, Content::Requests(requests())),
        file("file-2", 2, Content::Results(CallId::new(Uuid::from_u128(9)))),
        file("file-3", 3, Content::Opaque),
    ];
    // The same name at another provider, of another project.
    let theirs = File { org: org(2), project: project(2), connection: provider_key(6), ..files[2].clone() };
    for _ in 0..2 {
        post(&world, &[&files[..], std::slice::from_ref(&theirs)].concat(), &[]).await;
    }
    for file in &files {
        assert_eq!(find(&world, &file.name).await.as_ref(), Some(file));
    }
    let found =
        async |owner: OrgId, of: ProjectId, name| world.store.files().find(owner, of, name).await.unwrap();
    assert_eq!(found(org(2), project(2), "file-3").await, Some(theirs));
    assert_eq!(found(org(2), project(2), "file-1").await, None);
    assert_eq!(found(org(1), project(2), "file-1").await, None, "of the organization and not of the project");
    assert_eq!(found(org(2), project(1), "file-1").await, None);
    assert_eq!(found(org(1), project(1), "file-4").await, None);
}

#[tokio::test]
async fn what_is_removed_stays_so_in_whichever_order_its_records_come() {
    let results = || file("file-1", 5, Content::Results(CallId::new(Uuid::from_u128(9))));
    let upload = || file("file-1", 5, Content::Opaque);
    for filed in [results(), upload()] {
        let orders: [&[(bool, bool)]; 4] = [
            &[(true, false), (false, true)],
            &[(false, true), (true, false)],
            &[(true, true), (true, false)],
            &[(false, true), (true, false), (false, true), (true, false)],
        ];
        for steps in orders {
            let world = World::new().await;
            for (is_filed, is_removed) in steps {
                let filed = is_filed.then(|| filed.clone());
                let removed = is_removed.then(|| removed("file-1", 9));
                post(&world, filed.as_slice(), removed.as_slice()).await;
            }
            assert_eq!(find(&world, "file-1").await, None, "{steps:?}");
            assert_eq!(list(&world, first(9), None).await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_name_that_a_provider_gives_anew_is_the_new_file_and_never_what_a_batch_left() {
    let world = World::new().await;
    let check = async |posted: File, expect: Option<&File>| {
        post(&world, std::slice::from_ref(&posted), &[]).await;
        assert_eq!(find(&world, "file-1").await.as_ref(), expect, "{posted:?}");
    };
    let first = file("file-1", 5, Content::Requests(requests()));
    let second = File { connection: provider_key(6), ..file("file-1", 6, Content::Opaque) };
    let left = |seconds| file("file-1", seconds, Content::Results(CallId::new(Uuid::from_u128(9))));
    check(first.clone(), Some(&first)).await;
    check(second.clone(), Some(&second)).await;
    check(first.clone(), Some(&second)).await;
    check(left(7), Some(&second)).await;
    post(&world, &[], &[removed("file-1", 8)]).await;
    check(second.clone(), None).await;
    // It is recorded whenever somebody looks at its batch.
    check(left(9), None).await;
    let third = file("file-1", 10, Content::Requests(requests()));
    check(third.clone(), Some(&third)).await;
}

fn first(limit: u32) -> Named<'static> {
    Named { after: None, limit, order: Order::NewestFirst }
}

async fn list(world: &World, page: Named<'_>, purpose: Option<&str>) -> Vec<String> {
    let files = world.store.files().list(org(1), project(1), page, purpose).await.unwrap();
    files.into_iter().map(|file| file.name).collect()
}

#[tokio::test]
async fn pages_join_without_a_gap_or_a_repeat() {
    let world = World::new().await;
    // Every three are made at the same instant, so that pages end among equals; the even ones are for something else.
    let mut files: Vec<File> = (1..=20)
        .map(|number| {
            let mut file = file(&format!("file-{number:02}"), number / 3, Content::Opaque);
            file.purpose = if number % 2 == 0 { "user_data" } else { "batch" }.to_owned();
            file
        })
        .collect();
    files.push(File { project: project(2), ..file("file-99", 3, Content::Opaque) });
    files.push(File { org: org(2), ..file("file-98", 3, Content::Opaque) });
    post(&world, &files, &[]).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for purpose in [None, Some("batch"), Some("user_data"), Some("vision")] {
            let (mut seen, mut after) = (vec![], None::<String>);
            loop {
                let page = list(&world, Named { after: after.as_deref(), limit: 3, order }, purpose).await;
                assert!(page.len() <= 3);
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                seen.extend(page);
            }
            if order == Order::NewestFirst {
                seen.reverse();
            }
            let mine =
                files[..20].iter().filter(|file| purpose.is_none_or(|purpose| file.purpose == purpose));
            assert_eq!(seen, mine.map(|file| file.name.clone()).collect::<Vec<_>>(), "{order:?} {purpose:?}");
        }
    }
}

#[tokio::test]
async fn a_page_begins_behind_a_file_that_is_gone_and_behind_a_strangers_not_at_all() {
    let world = World::new().await;
    let mut files: Vec<File> =
        (1..=4).map(|number| file(&format!("file-{number}"), number, Content::Opaque)).collect();
    files.push(File { project: project(2), ..file("file-0", 9, Content::Opaque) });
    post(&world, &files, &[removed("file-3", 9)]).await;
    let behind = async |name| list(&world, Named { after: Some(name), ..first(9) }, None).await;
    assert_eq!(list(&world, first(9), None).await, ["file-4", "file-2", "file-1"]);
    assert_eq!(behind("file-3").await, ["file-2", "file-1"]);
    assert_eq!(behind("file-0").await, [""; 0]);
    assert_eq!(behind("file-9").await, [""; 0]);
    assert_eq!(list(&world, first(0), None).await, [""; 0]);
}

#[tokio::test]
async fn only_the_mark_of_a_file_leaves() {
    let world = World::new().await;
    let files = [1, 2].map(|number| file(&format!("file-{number}"), 1, Content::Opaque));
    post(&world, &files, &[removed("file-1", 9)]).await;
    let late = 9 + 30 * 86_400;
    assert!(!world.store.retention().is_due(Class::PINNED, at(late - 1)).await.unwrap());
    assert_eq!(crate::retention::go_over(&world, Class::PINNED, 1, late).await.removed, 1);
    assert_eq!(crate::retention::go_over(&world, Class::PINNED, 2, 100 * late).await.removed, 0);
    assert_eq!(list(&world, first(9), None).await, ["file-2"]);
}
