//! Every operation of the served description refuses whom it must: without a credential, with the wrong role, with
//! what is another tenant's or nobody's. An operation without its row in the table fails.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use domain::role::OrgRole;
use serde_json::Value;

use crate::world::World;
use crate::world::caller::Answer;
use crate::world::people::Api;
use table::{Case, Things};

/// An operation as the description has it.
struct Operation {
    method: String,
    path: String,
    rule: String,
    roles: Vec<String>,
    documented: BTreeSet<String>,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether no login is asked for.
    fn is_open(&self) -> bool {
        matches!(self.rule.as_str(), "public" | "token")
    }

    fn admits(&self, role: OrgRole) -> bool {
        self.roles.iter().any(|word| word == role.word())
    }

    /// Checks that an answer is described, and no fault of ours.
    #[track_caller]
    fn describes(&self, what: &str, answer: &Answer) {
        let status = answer.status.to_string();
        assert!(self.documented.contains(&status), "{} ({what}): {status} {}", self.name(), answer.text());
        assert!(answer.status < 500, "{} ({what}): {}", self.name(), answer.text());
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let access = &operation["x-access"];
            let roles = access["roles"].as_array().unwrap();
            found.push(Operation {
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                rule: access["rule"].as_str().unwrap().to_owned(),
                roles: roles.iter().map(|role| role.as_str().unwrap().to_owned()).collect(),
                documented: operation["responses"].as_object().unwrap().keys().cloned().collect(),
            });
        }
    }
    found
}

/// Those who call: one of each kind.
struct Cast {
    nobody: Api,
    homeless: Api,
    members: BTreeMap<&'static str, Api>,
    operator: Api,
    token: Api,
    /// An operator who acts as somebody else.
    acting: Api,
}

impl Cast {
    async fn of(world: &mut World) -> Self {
        let token = world.operator_token().await;
        let mut members = BTreeMap::new();
        for role in OrgRole::ALL {
            members.insert(role.word(), world.person(role).await.api);
        }
        Self {
            nobody: world.api(""),
            homeless: world.nobody().await.api,
            members,
            operator: world.operator().await.api,
            token: world.api(&token),
            acting: acting(world).await,
        }
    }

    /// Everybody whom an operation must turn away, though they are who they say.
    fn strangers(&self, operation: &Operation) -> Vec<(&str, &Api)> {
        let mut strangers = vec![];
        let roles = OrgRole::ALL.into_iter().filter(|role| !operation.admits(*role));
        match operation.rule.as_str() {
            "public" | "token" => return vec![],
            "person" => return vec![("an operator token", &self.token)],
            "org" => strangers.extend([("an operator", &self.operator), ("an operator token", &self.token)]),
            "operator" | "operator_or" => {}
            "operator_in_person" => strangers.push(("an operator token", &self.token)),
            "impersonator" => {
                strangers.extend([("an operator", &self.operator), ("an operator token", &self.token)])
            }
            other => panic!("an unknown rule {other}"),
        }
        strangers.extend(roles.map(|role| (role.word(), &self.members[role.word()])));
        strangers.push(("nobody's member", &self.homeless));
        strangers
    }

    /// Everybody whom it lets in.
    fn admitted(&self, operation: &Operation) -> Vec<(&str, &Api)> {
        let members = OrgRole::ALL.into_iter().filter(|role| operation.admits(*role));
        let members = members.map(|role| (role.word(), &self.members[role.word()]));
        match operation.rule.as_str() {
            "public" | "token" => vec![("nobody", &self.nobody)],
            "person" => vec![("nobody's member", &self.homeless), ("owner", &self.members["owner"])],
            "org" => members.collect(),
            "operator_in_person" => vec![("an operator", &self.operator)],
            "impersonator" => vec![("who acts as somebody else", &self.acting)],
            _ => [("an operator", &self.operator), ("an operator token", &self.token)]
                .into_iter()
                .chain(members)
                .collect(),
        }
    }
}

/// An operator who acts as somebody else.
async fn acting(world: &mut World) -> Api {
    let (helper, person) = (world.operator().await, world.nobody().await);
    let path = format!("/api/v1/users/{}/impersonation", person.user);
    let made = helper.api.post(&path, r#"{"reason":"to help","session":"bearer"}"#).await.is(201);
    world.api(made["access_token"].as_str().unwrap())
}

async fn send(api: &Api, operation: &Operation, path: &str, case: &Case, things: &Things) -> Answer {
    api.with("x-request-id: same\r\n").send(&operation.method, path, &things.body(case)).await
}

#[tokio::test]
async fn every_operation_has_its_row_and_turns_away_whom_it_must() {
    let mail = [("mail.sink_dir", "letters"), ("mail.from", "gate@example.org")];
    let mut world = World::with(&mail).await;
    let cast = Cast::of(&mut world).await;
    let things = Things::of(&mut world, &cast).await;
    let document = cast.nobody.get("/api/openapi.json").await.is(200);
    let operations = operations(&document);
    let rows: BTreeMap<_, _> = table::CASES.iter().map(|case| (case.operation, case)).collect();
    let names: BTreeSet<_> = operations.iter().map(Operation::name).collect();
    let missing: Vec<_> = names.iter().filter(|name| !rows.contains_key(name.as_str())).collect();
    assert!(missing.is_empty(), "without a row in api/coverage/table.rs: {missing:#?}");
    let stale: Vec<_> = rows.keys().filter(|name| !names.contains(**name)).collect();
    assert!(stale.is_empty(), "rows of nothing: {stale:#?}");
    assert_eq!(rows.len(), table::CASES.len(), "a row stands twice");

    let mut unauthorized = BTreeSet::new();
    for operation in &operations {
        let (name, case) = (operation.name(), rows[operation.name().as_str()]);
        let own = things.path(&operation.path, case, |things, thing| things.own(thing, "nobody"));
        if !operation.is_open() {
            let answer = send(&cast.nobody, operation, &own, case, &things).await;
            answer.is_problem(401, "unauthorized");
            operation.describes("no credential", &answer);
            unauthorized.insert(answer.text());
        }
        for (who, api) in cast.strangers(operation) {
            let answer = send(api, operation, &own, case, &things).await;
            assert_eq!(answer.status, 403, "{name} by {who}: {}", answer.text());
            answer.is_problem(403, "forbidden");
            operation.describes(who, &answer);
        }
        turns_away_foreign_things(operation, case, &things, &cast).await;
    }
    assert_eq!(unauthorized.len(), 1, "one answer for all: {unauthorized:#?}");
    for operation in &operations {
        let case = rows[operation.name().as_str()];
        // What ends the caller's own login is called with logins of their own.
        let spare = if operation.path.contains("/logout") { Some(Cast::of(&mut world).await) } else { None };
        for (who, api) in spare.as_ref().unwrap_or(&cast).admitted(operation) {
            let answer = send(
                api,
                operation,
                &things.path(&operation.path, case, |things, thing| things.own(thing, who)),
                case,
                &things,
            )
            .await;
            operation.describes(who, &answer);
            let expect = case.answers;
            assert_eq!(answer.status, expect, "{} by {who}: {}", operation.name(), answer.text());
        }
    }
    world.finish().await;
}

/// Another tenant's identifier, one that nobody has, and a text that is none: one answer.
async fn turns_away_foreign_things(operation: &Operation, case: &Case, things: &Things, cast: &Cast) {
    if !operation.path.contains('{') {
        return;
    }
    let mut paths = vec![
        ("unknown", things.path(&operation.path, case, Things::unknown)),
        ("malformed", things.path(&operation.path, case, Things::malformed)),
    ];
    let members = |(who, _): &(&str, &Api)| OrgRole::parse(who).is_some();
    if cast.admitted(operation).iter().any(members) {
        paths.push(("foreign", things.path(&operation.path, case, Things::foreign)));
    }
    let mut bodies = BTreeSet::new();
    let admitted = cast.admitted(operation);
    let member = admitted.iter().find(|caller| members(caller));
    let (who, api) = member.or(admitted.first()).expect("somebody");
    for (what, path) in paths {
        let answer = send(api, operation, &path, case, things).await;
        assert_eq!(answer.status, 404, "{} with {what} by {who}: {}", operation.name(), answer.text());
        operation.describes(what, &answer);
        bodies.insert(answer.text());
    }
    assert_eq!(bodies.len(), 1, "{} tells them apart: {bodies:#?}", operation.name());
}
