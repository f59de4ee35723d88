//! Fields that nobody was asked for: no body has room for more than it names.

use domain::role::OrgRole;
use serde_json::{Value, json};

use super::{FILE, operations};
use crate::vectors::row;
use crate::world::World;

const IDS: [&str; 12] = [
    "tenancy-mass-role",
    "tenancy-mass-is_admin",
    "tenancy-mass-owner_id",
    "tenancy-mass-credit",
    "tenancy-mass-max_budget",
    "tenancy-mass-allowed_models",
    "tenancy-mass-rate_limit_rpm",
    "tenancy-mass-key_hash",
    "tenancy-mass-provider_cost",
    "tenancy-mass-price_override",
    "tenancy-mass-impersonated_by",
    "tenancy-mass-data_retention_hours",
];

/// What does not fit is `422` here, with the name of the field; the vectors' `400` is for what is no JSON.
#[tokio::test]
async fn every_body_refuses_what_it_does_not_name() {
    let mut world = World::start().await;
    let callers = [world.person(OrgRole::Member).await, world.person(OrgRole::Owner).await];
    let operator = world.operator().await;
    let (operations, before) = (operations(&world).await, world.audit_rows().await.len());
    let mut refused = 0;
    for id in IDS {
        let body = row(FILE, id)["input"]["body"].clone();
        let field = body.as_object().unwrap().keys().next().unwrap().clone();
        for operation in &operations {
            let Some(fields) = &operation.fields else { continue };
            if fields.contains(&field) {
                assert_eq!(field, "role", "{} {} takes {field}", operation.method, operation.path);
                continue;
            }
            for caller in callers.iter().chain([&operator]) {
                let what = format!("{id}: {} {}", operation.method, operation.path);
                let answer = caller.api.send(&operation.method, &operation.path, &body.to_string()).await;
                if answer.status == 403 {
                    answer.is_problem(403, "forbidden");
                    continue;
                }
                answer.is_problem(422, "validation_failed");
                assert_eq!(answer.json()["field"], field, "{what}: {}", answer.text());
                refused += 1;
            }
        }
    }
    assert!(refused > IDS.len() * 30, "{refused}");
    let rows = world.audit_rows().await;
    let changed: Vec<_> = rows[before..].iter().filter(|row| row.outcome == "done").collect();
    assert!(changed.is_empty(), "{changed:#?}");
    world.finish().await;
}

#[tokio::test]
async fn nobody_gets_more_by_a_field_of_their_own_account() {
    let mut world = World::start().await;
    let member = world.person(OrgRole::Member).await;
    let before = member.api.get("/api/v1/me").await.is(200);
    for (field, value) in [("role", json!("owner")), ("operator", json!(true)), ("state", json!("active"))] {
        let body = Value::from_iter([(field, value)]).to_string();
        member.api.patch("/api/v1/me", &body).await.is_problem(422, "validation_failed");
    }
    assert_eq!(member.api.get("/api/v1/me").await.is(200), before);
    world.finish().await;
}
