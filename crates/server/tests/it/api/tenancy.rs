//! The vectors about tenants: what is another organization's is not there, whatever is asked for and however; every row by
//! its id.

mod functions;
mod mass;
mod objects;
mod shared;
mod steering;

use serde_json::{Value, json};

use crate::vectors::all_in_one_place;
use crate::world::World;
use crate::world::people::{Api, Person};

const FILE: &str = "tenancy";

#[test]
fn every_row_is_run_or_listed() {
    let tests = [
        include_str!("tenancy/functions.rs"),
        include_str!("tenancy/mass.rs"),
        include_str!("tenancy/objects.rs"),
        include_str!("tenancy/shared.rs"),
        include_str!("tenancy/steering.rs"),
    ];
    all_in_one_place(FILE, &tests);
}

/// Two organizations of which neither knows of the other: the World's own and another, with an admin each.
struct Two {
    world: World,
    ours: Person,
    theirs: Person,
    their_org: domain::id::OrgId,
}

impl Two {
    async fn start() -> Self {
        let mut world = World::start().await;
        let their_org = world.another_org("the others").await;
        let ours = world.person(domain::role::OrgRole::Admin).await;
        let theirs = world.person_of(their_org, domain::role::OrgRole::Admin).await;
        Self { world, ours, theirs, their_org }
    }
}

/// Makes something and gives its identifier.
async fn made(api: &Api, path: &str, body: &Value) -> String {
    api.post(path, &body.to_string()).await.is(201)["id"].as_str().unwrap().to_owned()
}

async fn project(api: &Api) -> String {
    made(api, "/api/v1/projects", &json!({"name": format!("p {}", crate::world::fresh())})).await
}

/// An API key of theirs; its text stays untold.
async fn key(world: &mut World, api: &Api, project: &str) -> String {
    let asked = json!({"name": "theirs", "project_id": project});
    let key = api.post("/api/v1/keys", &asked.to_string()).await.is(201);
    world.plant(&key["secret"].as_str().unwrap()[20..]);
    key["id"].as_str().unwrap().to_owned()
}

/// The operations that the API describes of itself.
pub async fn operations(world: &World) -> Vec<Operation> {
    let document = world.api("").get("/api/openapi.json").await.is(200);
    let mut found = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let access = &operation["x-access"];
            let roles = access["roles"].as_array().unwrap();
            found.push(Operation {
                method: method.to_ascii_uppercase(),
                path: concrete(path, &operation["parameters"]),
                rule: access["rule"].as_str().unwrap().to_owned(),
                roles: roles.iter().map(|role| role.as_str().unwrap().to_owned()).collect(),
                fields: body.as_object().map(|_| fields(&document, body)),
            });
        }
    }
    assert!(found.len() > 50, "{}", found.len());
    found
}

pub struct Operation {
    pub method: String,
    /// With identifiers that nobody has.
    pub path: String,
    pub rule: String,
    pub roles: Vec<String>,
    /// The names of its body's fields, where it has one.
    pub fields: Option<Vec<String>>,
}

/// A path with an identifier of the right kind that nobody has.
fn concrete(path: &str, parameters: &Value) -> String {
    let Some((start, rest)) = path.split_once('{') else { return path.to_owned() };
    let (name, end) = rest.split_once('}').unwrap();
    let parameters = parameters.as_array().unwrap();
    let parameter = parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
    let pattern = parameter["schema"]["pattern"].as_str().unwrap_or_default();
    let kind = pattern.trim_start_matches('^').split('[').next().unwrap_or_default();
    let id = if kind.ends_with('_') { format!("{kind}{}", "f".repeat(32)) } else { "traces".to_owned() };
    format!("{start}{id}{end}")
}

fn fields(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let of = |schema: &Value| {
        schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()).collect()
    };
    let own: Vec<String> = of(schema);
    let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    own.into_iter().chain(parts.flat_map(|part| fields(document, part))).collect()
}
