//! What cannot be recorded is not done: while the audit trail takes no row, every write of the admin API fails and
//! changes nothing, and everything can still be read.

use domain::role::OrgRole;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::world::World;
use crate::world::people::Api;

/// Makes the audit trail refuse rows, as a full disk would.
async fn fill(database: &SqlitePool) {
    let full = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END";
    sqlx::raw_sql(full).execute(database).await.unwrap();
}

/// What can be read of everything that the writes below are about.
async fn state(operator: &Api, owner: &Api) -> Vec<Value> {
    let mut all = vec![];
    for path in ["/api/v1/orgs?limit=200", "/api/v1/retention"] {
        all.push(operator.get(path).await.is(200));
    }
    for path in ["/api/v1/org", "/api/v1/projects", "/api/v1/org/retention"] {
        all.push(owner.get(path).await.is(200));
    }
    all
}

#[tokio::test]
async fn no_write_passes_that_cannot_be_recorded() {
    let mut world = World::start().await;
    let (operator, owner) = (world.operator().await.api, world.person(OrgRole::Owner).await.api);
    let project = world.project;
    let before = state(&operator, &owner).await;
    let runs = operator.get("/api/v1/retention-runs").await.is(200);
    let options = SqliteConnectOptions::new().filename(world.database());
    let database = SqlitePool::connect_with(options).await.unwrap();
    fill(&database).await;
    let org = format!("/api/v1/orgs/{}", world.org);
    let project = format!("/api/v1/projects/{project}");
    let writes: [(&Api, &str, &str, &str); 10] = [
        (&operator, "POST", "/api/v1/orgs", "{\"name\":\"new\"}"),
        (&operator, "PATCH", &org, "{\"state\":\"suspended\"}"),
        (&operator, "PUT", "/api/v1/retention/traces", "{\"keep\":7}"),
        (&operator, "POST", "/api/v1/retention-runs", "{\"classes\":[\"traces\"]}"),
        (&operator, "POST", "/api/v1/audit/verifications", ""),
        (&owner, "PATCH", "/api/v1/org", "{\"name\":\"other\"}"),
        (&owner, "POST", "/api/v1/projects", "{\"name\":\"new\"}"),
        (&owner, "PATCH", &project, "{\"name\":\"other\"}"),
        (&owner, "PUT", "/api/v1/org/retention/traces", "{\"keep\":7}"),
        (&owner, "PUT", "/api/v1/me/retention/traces", "{\"keep\":7}"),
    ];
    for (api, method, path, body) in writes {
        let refused = api.send(method, path, body).await;
        refused.is_problem(503, "unavailable");
        assert!(!refused.text().contains("no room"), "{}", refused.text());
    }
    // An export is a disclosure: it is not made either.
    operator.get("/api/v1/audit/export").await.is_problem(503, "unavailable");
    assert_eq!(state(&operator, &owner).await, before);
    assert_eq!(operator.get("/api/v1/retention-runs").await.is(200), runs);
    sqlx::raw_sql("DROP TRIGGER full").execute(&database).await.unwrap();
    database.close().await;
    owner.post("/api/v1/projects", "{\"name\":\"new\"}").await.is(201);
    world.finish().await;
}
