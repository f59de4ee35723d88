//! One thing of each kind that another organization has: not there to look at, to change or to list.

use serde_json::json;

use super::{FILE, Two, key, made, project};
use crate::vectors::row;
use crate::world::caller::Answer;

/// An answer without what no two answers share: status, fields of the head, body.
fn seen(answer: &Answer) -> (u16, Vec<String>, String) {
    let id = answer.header("x-request-id").unwrap();
    let mut fields: Vec<_> = answer
        .head
        .lines()
        .skip(1)
        // How many requests this caller has left differs by one.
        .filter(|line| !line.starts_with("date:") && !line.starts_with("x-ratelimit-re"))
        .map(|line| line.replace(id, "-"))
        .collect();
    fields.sort();
    (answer.status, fields, answer.text().replace(id, "-"))
}

impl Two {
    /// Asks for theirs as one of ours, and for what nobody has: one answer, which is a refusal, and nothing changed.
    async fn turned_away(&self, id: &str, list: &str, theirs: &str, body: &str, statuses: &[u16]) {
        let row = row(FILE, id);
        let method = row["input"]["method"].as_str().unwrap();
        assert_eq!(
            (&row["expect"]["verdict"], &row["expect"]["status"]),
            (&"reject".into(), &404.into()),
            "{id}"
        );
        let kind = theirs.split_once('_').unwrap().0;
        let before = self.theirs.api.get(&format!("{list}/{theirs}")).await.is(200);
        let ask = async |thing: &str| {
            let api = self.ours.api.with("x-request-id: same\r\n");
            api.send(method, &format!("{list}/{thing}"), body).await
        };
        let (foreign, unknown) = (ask(theirs).await, ask(&format!("{kind}_{}", "f".repeat(32))).await);
        assert!(statuses.contains(&foreign.status), "{id}: {} {}", foreign.status, foreign.text());
        assert_eq!(seen(&foreign), seen(&unknown), "{id}");
        assert_eq!(self.theirs.api.get(&format!("{list}/{theirs}")).await.is(200), before, "{id}");
    }

    /// Lists as one of ours: what is theirs is not in it, and naming their organization is refused.
    async fn listed(&self, id: &str, list: &str, theirs: &str) {
        assert_eq!(row(FILE, id)["expect"]["verdict"], "own_rows_only");
        let own = self.ours.api.get(list).await;
        own.is(200);
        assert!(!own.text().contains(theirs) && !own.text().contains(&self.their_org.to_string()), "{id}");
        let steered = format!("{list}?org_id={}&filter=all", self.their_org);
        self.ours.api.get(&steered).await.is_problem(400, "invalid_request");
        let seen = self.theirs.api.get(list).await;
        assert!(seen.text().contains(theirs), "{id}: {}", seen.text());
    }
}

#[tokio::test]
async fn api_keys_and_projects() {
    let mut two = Two::start().await;
    let project = project(&two.theirs.api).await;
    let key = key(&mut two.world, &two.theirs.api, &project).await;
    two.turned_away("tenancy-x-api_key-get", "/api/v1/keys", &key, "", &[404]).await;
    two.turned_away("tenancy-x-api_key-patch", "/api/v1/keys", &key, r#"{"state":"disabled"}"#, &[404]).await;
    two.listed("tenancy-list-api_key", "/api/v1/keys", &key).await;
    two.turned_away("tenancy-x-project-get", "/api/v1/projects", &project, "", &[404]).await;
    two.turned_away("tenancy-x-project-patch", "/api/v1/projects", &project, r#"{"name":"ours"}"#, &[404])
        .await;
    // A name of theirs among the fields of something of ours is refused as one that nobody has.
    let of = |project: &str| json!({"name": "nested", "project_id": project}).to_string();
    let api = two.ours.api.with("x-request-id: same\r\n");
    let foreign = api.post("/api/v1/keys", &of(&project)).await;
    foreign.is_problem(422, "validation_failed");
    let unknown = api.post("/api/v1/keys", &of(&format!("proj_{}", "f".repeat(32)))).await;
    assert_eq!(seen(&foreign), seen(&unknown));
    let filtered = two.ours.api.get(&format!("/api/v1/keys?project={project}")).await.is(200);
    assert_eq!(filtered["data"], json!([]));
    two.world.finish().await;
}

#[tokio::test]
async fn provider_keys() {
    let two = Two::start().await;
    let body = json!({"name": "theirs", "provider": "openai", "secret": "sk-0123456789"});
    let list = "/api/v1/provider-keys";
    let theirs = made(&two.theirs.api, list, &body).await;
    two.turned_away("tenancy-x-provider_key-delete", list, &theirs, "", &[404]).await;
    two.listed("tenancy-list-provider_key", list, &theirs).await;
    two.world.finish().await;
}

#[tokio::test]
async fn members() {
    let mut two = Two::start().await;
    let member = two.world.person_of(two.their_org, domain::role::OrgRole::Member).await.user.to_string();
    let list = "/api/v1/members";
    two.turned_away("tenancy-x-member-patch", list, &member, r#"{"role":"auditor"}"#, &[404]).await;
    two.listed("tenancy-list-member", list, &member).await;
    two.world.finish().await;
}

#[tokio::test]
async fn invitations() {
    let mut two = Two::start().await;
    let (list, body) = ("/api/v1/invitations", json!({"email": "new@example.com", "role": "member"}));
    let invited = two.theirs.api.post(list, &body.to_string()).await.is(201);
    two.world.plant(&invited["secret"].as_str().unwrap()[20..]);
    let theirs = invited["id"].as_str().unwrap();
    two.turned_away("tenancy-x-invite-get", list, theirs, "", &[404]).await;
    // An invitation is withdrawn and made anew, not changed: nobody may, whosever it is.
    two.turned_away("tenancy-x-invite-patch", list, theirs, r#"{"role":"admin"}"#, &[404, 405]).await;
    two.turned_away("tenancy-x-invite-delete", list, theirs, "", &[404]).await;
    two.world.finish().await;
}
