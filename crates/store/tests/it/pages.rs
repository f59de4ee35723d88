//! Pages of lists: whatever their size, and whatever is added meanwhile, they join without a gap or a repeat.

use domain::role::OrgRole;
use store::page::{MAX_LIMIT, Page, Paged};

use crate::world::{World, at, new_key, org};

/// Reads a list page by page.
async fn walk<T>(limit: u32, read: impl AsyncFn(Page) -> Paged<T>) -> Vec<T> {
    let (mut all, mut page) = (vec![], Page::first(limit));
    loop {
        let read = read(page).await;
        assert!(read.rows.len() <= usize::try_from(limit).unwrap());
        all.extend(read.rows);
        match read.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_join() {
    let world = World::new().await;
    for number in 1..=7 {
        // Some are made at the same instant.
        let new = store::orgs::NewOrg {
            id: org(number * 31 % 11),
            name: format!("org {number}"),
            created_at: at(i64::try_from(number / 3).unwrap()),
        };
        world.store.orgs().create(&new, &crate::world::act(1)).await.unwrap();
    }
    let whole = world.store.orgs().list().await.unwrap();
    assert_eq!(whole.len(), 7);
    for limit in 1..=8 {
        let walked = walk(limit, async |page| world.store.orgs().page(&page).await.unwrap()).await;
        assert_eq!(walked, whole, "{limit} a page");
    }
}

#[tokio::test]
async fn every_list_has_pages() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.org(2, "bolt").await;
    for number in 1..=5 {
        world.project(number, 1, &format!("project {number}")).await;
        world.member(number, 1, OrgRole::Owner).await;
        let new = store::keys::NewKey { org: org(1), project: crate::world::project(1), ..new_key(number) };
        world.store.keys().insert(&new, &crate::world::act(1)).await.unwrap();
    }
    world.project(6, 2, "theirs").await;
    let books = world.books(1);
    assert_eq!(walk(2, async |page| books.projects().page(&page).await.unwrap()).await.len(), 5);
    assert_eq!(walk(2, async |page| world.store.projects().page(&page).await.unwrap()).await.len(), 6);
    assert_eq!(walk(2, async |page| books.members().page(&page).await.unwrap()).await.len(), 5);
    assert_eq!(walk(2, async |page| world.store.users().page(&page).await.unwrap()).await.len(), 5);
    let all = store::keys::KeyFilter::default();
    assert_eq!(walk(2, async |page| books.keys().page(&all, &page).await.unwrap()).await.len(), 5);
    assert_eq!(walk(2, async |page| books.org().page(&page).await.unwrap()).await.len(), 1);
}

#[tokio::test]
async fn a_page_has_its_bounds_and_holds_still() {
    let world = World::new().await;
    for number in 1..=3 {
        world.org(number, &format!("org {number}")).await;
    }
    let orgs = world.store.orgs();
    assert_eq!(orgs.page(&Page::first(0)).await.unwrap().rows.len(), 1);
    assert_eq!(orgs.page(&Page::first(MAX_LIMIT + 1)).await.unwrap().rows.len(), 3);
    let first = orgs.page(&Page::first(2)).await.unwrap();
    // One more that sorts before the place is not on the next page, and shifts nothing.
    let new = store::orgs::NewOrg { id: org(9), name: "older".to_owned(), created_at: at(0) };
    orgs.create(&new, &crate::world::act(2)).await.unwrap();
    let second = orgs.page(&Page { after: first.next, limit: 2 }).await.unwrap();
    assert_eq!((second.rows.len(), second.rows[0].id, second.next), (1, org(3), None));
}
