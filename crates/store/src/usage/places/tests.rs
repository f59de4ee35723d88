//! How the database means to find records: what a person asks for must not take longer because others call much.

use domain::id::{CallId, KeyId, ProjectId};
use domain::time::Timestamp;
use uuid::Uuid;

use super::*;
use crate::Store;
use crate::usage::{GroupBy, summary};

async fn plan(store: &Store, mut question: Statement) -> Vec<String> {
    question.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
    store.db.fetch_all(question).await.unwrap().iter().map(|row| row.text("detail").unwrap()).collect()
}

#[tokio::test]
async fn nobody_goes_through_the_calls_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("portcullis.db"), |_| [0; 32]).await.unwrap();
    let id = Uuid::from_u128(1);
    let any = UsageFilter::default;
    let after = Some(Cursor { started_at: Timestamp(5), call: CallId::new(id) });
    let (since, until) = (Some(Timestamp(1)), Some(Timestamp(9)));
    let owners = [
        UsageFilter { org: Some(OrgId::new(id)), ..any() },
        UsageFilter { project: Some(ProjectId::new(id)), ..any() },
        UsageFilter { key: Some(KeyId::new(id)), ..any() },
        UsageFilter { request_id: Some("r".to_owned()), ..any() },
    ];
    let owned = owners.into_iter().flat_map(|owner| {
        let model = Some("m".to_owned());
        [
            UsageFilter { since, until, ..owner.clone() },
            UsageFilter { model: model.clone(), ..owner.clone() },
            UsageFilter { model, since, until, ..owner.clone() },
            owner,
        ]
    });
    for filter in owned {
        let mut plans = Vec::new();
        // An operator asks of all organizations, and a member of one.
        for of in [None, Some(OrgId::new(id))] {
            let pages =
                [(Order::NewestFirst, None), (Order::NewestFirst, after), (Order::OldestFirst, after)];
            for (order, after) in pages {
                plans.push(plan(&store, page(of, &filter, 100, after, order)).await);
            }
            for by in [GroupBy::Day, GroupBy::Model] {
                plans.push(plan(&store, summary::grouped(of, by, &filter)).await);
            }
        }
        for plan in plans {
            let all = plan.iter().filter(|step| {
                ["SCAN c", "SCAN usage_calls", "SCAN traces"].iter().any(|all| step.starts_with(all))
            });
            assert_eq!(all.count(), 0, "{filter:?}: {plan:#?}");
        }
    }
    // Of everybody's, a page is a stretch of what lies in this order anyway, and a sum reads it as it lies.
    for filter in
        [any(), UsageFilter { model: Some("m".to_owned()), ..any() }, UsageFilter { since, until, ..any() }]
    {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let plan = plan(&store, page(None, &filter, 100, after, order)).await;
            assert!(plan[0].starts_with("SEARCH c USING PRIMARY KEY"), "{plan:#?}");
            assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:#?}");
        }
        let plan = plan(&store, summary::grouped(None, GroupBy::Model, &filter)).await;
        assert!(plan[0].starts_with("SEARCH c USING PRIMARY KEY"), "{plan:#?}");
    }
}
