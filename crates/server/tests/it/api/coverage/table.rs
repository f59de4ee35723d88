//! What the walk over the API's description needs to call each operation. A new operation gets a row; a new noun whose
//! identifier stands in a path gets a thing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use domain::id::OrgId;
use domain::role::OrgRole;
use store::members::By;

use super::Cast;
use crate::world::World;
use crate::world::people::Api;

/// How to call an operation so that it does what it is for.
pub struct Case {
    /// Method and path, as the description has them.
    pub operation: &'static str,
    /// The thing that `{id}` names; empty where the path names none.
    pub thing: &'static str,
    /// A body; `{n}` becomes another number each time.
    pub body: &'static str,
    /// The status for whoever is let in.
    pub answers: u16,
}

const fn case(operation: &'static str, thing: &'static str, body: &'static str, answers: u16) -> Case {
    Case { operation, thing, body, answers }
}

/// A provider key of whoever makes it.
const NEW_PROVIDER_KEY: &str = r#"{"name":"key {n}","provider":"openai","secret":"sk-0123456789"}"#;

/// With a token that nobody made: what one gives is looked at elsewhere.
const ACCEPTANCE: &str =
    r#"{"token":"pc_inv_0","email":"new{n}@example.com","password":"a password of length"}"#;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("GET /api/v1/org",             "",        "", 200),
    case("PATCH /api/v1/org",           "",        r#"{"name":"acme {n}"}"#, 200),
    case("GET /api/v1/orgs",            "",        "", 200),
    case("POST /api/v1/orgs",           "",        r#"{"name":"new {n}"}"#, 201),
    case("GET /api/v1/orgs/{id}",       "org",     "", 200),
    case("PATCH /api/v1/orgs/{id}",     "org",     r#"{"name":"other {n}"}"#, 200),
    case("POST /api/v1/orgs/{id}/invitations", "org", r#"{"email":"new{n}@example.com","role":"owner"}"#, 201),
    case("GET /api/v1/projects",        "",        "", 200),
    case("POST /api/v1/projects",       "",        r#"{"name":"new {n}"}"#, 201),
    case("GET /api/v1/projects/{id}",   "project", "", 200),
    case("PATCH /api/v1/projects/{id}", "project", r#"{"name":"web {n}"}"#, 200),
    case("GET /api/v1/keys",              "",        "", 200),
    case("POST /api/v1/keys",             "",        r#"{"name":"new {n}","project_id":"{project}"}"#, 201),
    case("GET /api/v1/keys/{id}",         "key",     "", 200),
    case("PATCH /api/v1/keys/{id}",       "key",     r#"{"name":"other {n}"}"#, 200),
    case("POST /api/v1/keys/{id}/rotate", "key",     "{}", 201),
    case("POST /api/v1/keys/{id}/revoke", "old key", "", 200),
    case("GET /api/v1/members",           "",        "", 200),
    case("GET /api/v1/members/{id}",      "member",  "", 200),
    case("PATCH /api/v1/members/{id}",    "member",  r#"{"role":"member"}"#, 200),
    case("DELETE /api/v1/members/{id}",   "leaver",  "", 204),
    case("DELETE /api/v1/me/orgs/{id}",   "own org", "", 204),
    case("GET /api/v1/invitations",       "",        "", 200),
    case("POST /api/v1/invitations",      "",        r#"{"email":"new{n}@example.com","role":"auditor"}"#, 201),
    case("GET /api/v1/invitations/{id}",    "invitation",     "", 200),
    case("DELETE /api/v1/invitations/{id}", "old invitation", "", 204),
    case("POST /api/v1/invitations/accept", "", ACCEPTANCE, 401),
    case("POST /api/v1/me/invitations/accept", "", r#"{"token":"pc_inv_0"}"#, 422),
    case("GET /api/v1/users",             "",        "", 200),
    case("GET /api/v1/users/{id}",        "user",    "", 200),
    case("PATCH /api/v1/users/{id}",      "user",    r#"{"state":"active"}"#, 200),
    case("POST /api/v1/users/{id}/export", "user",   "", 200),
    case("POST /api/v1/users/{id}/erase", "old user", "", 204),
    case("POST /api/v1/users/{id}/impersonation", "user", r#"{"reason":"case {n}","session":"bearer"}"#, 201),
    case("DELETE /api/v1/me/impersonation", "",      "", 204),
    case("POST /api/v1/me/export",        "",        "", 200),
    case("POST /api/v1/me/erase",         "",        r#"{"email":"not the own"}"#, 422),
    case("GET /api/v1/providers",       "",        "", 200),
    case("GET /api/v1/provider-keys",                 "",             "", 200),
    case("POST /api/v1/provider-keys",                "",             NEW_PROVIDER_KEY, 201),
    case("POST /api/v1/provider-keys/discover",       "",             r#"{"provider":"openai","secret":"sk-0123456789"}"#, 200),
    case("GET /api/v1/provider-keys/{id}",            "provider key", "", 200),
    case("PATCH /api/v1/provider-keys/{id}",          "provider key", r#"{"priority":{n}}"#, 200),
    case("DELETE /api/v1/provider-keys/{id}",         "old provider key", "", 204),
    case("POST /api/v1/provider-keys/{id}/rotate",    "provider key", r#"{"secret":"sk-0123456789"}"#, 200),
    case("POST /api/v1/provider-keys/{id}/test",      "provider key", "", 200),
    case("POST /api/v1/provider-keys/{id}/cooldown",  "provider key", r#"{"seconds":{n}}"#, 200),
    case("GET /api/v1/me/provider-keys",              "",             "", 200),
    case("POST /api/v1/me/provider-keys",             "",             NEW_PROVIDER_KEY, 201),
    case("GET /api/v1/me/provider-keys/{id}",         "own provider key", "", 200),
    case("PATCH /api/v1/me/provider-keys/{id}",       "own provider key", r#"{"priority":{n}}"#, 200),
    case("DELETE /api/v1/me/provider-keys/{id}",      "old own provider key", "", 204),
    case("POST /api/v1/me/provider-keys/{id}/rotate", "own provider key", r#"{"secret":"sk-0123456789"}"#, 200),
    case("POST /api/v1/me/provider-keys/{id}/test",   "own provider key", "", 200),
    case("POST /api/v1/setup",            "", r#"{"token":"","email":"a@example.com","password":"tulip 41 Wagon"}"#, 401),
    case("POST /api/v1/register",         "", r#"{"email":"a@example.com","password":"tulip 41 Wagon"}"#, 403),
    case("POST /api/v1/login",            "", r#"{"email":"a@example.com","password":"x","session":"bearer"}"#, 401),
    case("POST /api/v1/refresh",          "", "{}", 401),
    case("POST /api/v1/logout",           "", "", 204),
    case("POST /api/v1/logout-everywhere", "", "", 204),
    case("POST /api/v1/password/forgot",  "", r#"{"email":"a@example.com"}"#, 202),
    case("POST /api/v1/password/reset",   "", r#"{"token":"","password":"tulip 41 Wagon"}"#, 401),
    case("POST /api/v1/email/verify",     "", r#"{"token":""}"#, 401),
    case("GET /api/v1/me",                "", "", 200),
    case("PATCH /api/v1/me",              "", r#"{"username":"name{n}"}"#, 200),
    case("GET /api/v1/me/logins",         "", "", 200),
    case("DELETE /api/v1/me/logins/{id}", "login", "", 204),
    case("GET /api/v1/me/orgs",           "", "", 200),
    // The callers have no organization in common: this one is nobody's.
    case("POST /api/v1/me/org",           "", r#"{"org_id":"org_ffffffffffffffffffffffffffffffff"}"#, 422),
    // They have no password that could be given, and no code.
    case("POST /api/v1/me/proof",         "", r#"{"password":"x"}"#, 403),
    case("POST /api/v1/me/password",      "", r#"{"password":"x","new_password":"tulip 41 Wagon"}"#, 403),
    case("POST /api/v1/me/email",         "", r#"{"email":"new{n}@example.com"}"#, 202),
    case("POST /api/v1/me/totp",          "", "", 201),
    case("POST /api/v1/me/totp/confirm",  "", r#"{"code":"000000"}"#, 422),
    case("POST /api/v1/me/totp/recovery-codes", "", "", 409),
    case("DELETE /api/v1/me/totp",        "", "", 409),
    case("GET /api/v1/audit",           "",        "", 200),
    case("GET /api/v1/audit/export",    "",        "", 200),
    case("POST /api/v1/audit/verifications",     "",      "", 202),
    case("GET /api/v1/audit/verifications/{id}", "proof", "", 200),
    case("GET /api/v1/retention",                "",      "", 200),
    case("PUT /api/v1/retention/{class}",        "class", r#"{"keep":24}"#, 200),
    case("GET /api/v1/org/retention",            "",      "", 200),
    case("PUT /api/v1/org/retention/{class}",    "class", r#"{"keep":24}"#, 200),
    case("PUT /api/v1/me/retention/{class}",     "class", r#"{"keep":24}"#, 200),
    case("GET /api/v1/retention-runs",           "",      "", 200),
    case("POST /api/v1/retention-runs",          "",      r#"{"classes":["runs"]}"#, 202),
    case("GET /api/v1/retention-runs/{id}",      "run",   "", 200),
    case("GET /api/v1/usage",                    "",      "", 200),
    case("GET /api/v1/usage/summary",            "",      "", 200),
];

/// Identifiers to call operations with: of each noun, one of the World's own organization and one of another.
pub struct Things {
    all: BTreeMap<&'static str, Thing>,
    project: String,
    numbers: Cell<u32>,
}

struct Thing {
    own: String,
    foreign: String,
    /// Those of callers who have others, by who they are. Of several each is named once, for it may be gone then.
    by: BTreeMap<&'static str, RefCell<Vec<String>>>,
}

impl Thing {
    fn of_all(own: String, foreign: String) -> Self {
        Self { own, foreign, by: BTreeMap::new() }
    }
}

impl Things {
    /// Makes one thing of each noun in each of two organizations.
    pub async fn of(world: &mut World, cast: &Cast) -> Self {
        let there = world.another_org("the others").await;
        let foreigner = world.person_of(there, OrgRole::Owner).await.api;
        let project = foreigner.post("/api/v1/projects", "{\"name\":\"theirs\"}").await.is(201);
        let theirs = |made: serde_json::Value| made["id"].as_str().unwrap().to_owned();
        let all = BTreeMap::from([
            ("org", Thing::of_all(there.to_string(), there.to_string())),
            ("project", Thing::of_all(world.project.to_string(), theirs(project))),
        ]);
        let mut things = Self { all, project: world.project.to_string(), numbers: Cell::new(0) };
        things.add_keys(cast, &foreigner).await;
        things.add_people(world, cast, there, &foreigner).await;
        things.add_provider_keys(world, cast, &foreigner).await;
        things.add_jobs(cast).await;
        things.add_logins(world, cast).await;
        things
    }

    /// API keys: everybody's, and for members those they made themselves.
    async fn add_keys(&mut self, cast: &Cast, foreigner: &Api) {
        let there = foreigner.get("/api/v1/projects").await.is(200)["data"][0]["id"].clone();
        let theirs = format!("{{\"name\":\"theirs\",\"project_id\":{there}}}");
        let theirs = id(&foreigner.post("/api/v1/keys", &theirs).await.is(201));
        let body = "{\"name\":\"key {n}\",\"project_id\":\"{project}\"}";
        for noun in ["key", "old key"] {
            let own = self.make_of(&cast.members["owner"], "/api/v1/keys", body).await;
            let mut thing = Thing::of_all(own, theirs.clone());
            for who in ["owner", "admin", "member"] {
                let made = self.make_of(&cast.members[who], "/api/v1/keys", body).await;
                thing.by.insert(who, RefCell::new(vec![made]));
            }
            self.all.insert(noun, thing);
        }
        let body = "{\"email\":\"new{n}@example.com\",\"role\":\"member\"}";
        let theirs = id(&foreigner.post("/api/v1/invitations", &self.numbered(body)).await.is(201));
        for noun in ["invitation", "old invitation"] {
            let own = self.make_of(&cast.members["owner"], "/api/v1/invitations", body).await;
            let mut thing = Thing::of_all(own, theirs.clone());
            for who in ["owner", "admin"] {
                let made = self.make_of(&cast.members[who], "/api/v1/invitations", body).await;
                thing.by.insert(who, RefCell::new(vec![made]));
            }
            self.all.insert(noun, thing);
        }
    }

    /// People: members of the organization, people of the installation, and organizations to leave.
    async fn add_people(&mut self, world: &mut World, cast: &Cast, there: OrgId, foreigner: &Api) {
        let theirs = foreigner.get("/api/v1/me").await.is(200);
        let theirs = theirs["user"]["id"].as_str().unwrap().to_owned();
        for (noun, callers) in [
            ("member", vec![]),
            ("leaver", vec!["owner", "admin"]),
            ("user", vec![]),
            ("old user", vec!["an operator", "an operator token"]),
        ] {
            let own = world.person(OrgRole::Member).await.user.to_string();
            let mut thing = Thing::of_all(own, theirs.clone());
            for who in callers {
                let one = world.person(OrgRole::Member).await.user.to_string();
                thing.by.insert(who, RefCell::new(vec![one]));
            }
            self.all.insert(noun, thing);
        }
        let mut thing = Thing::of_all(there.to_string(), there.to_string());
        for (who, api) in [("nobody's member", &cast.homeless), ("owner", &cast.members["owner"])] {
            let me = api.get("/api/v1/me").await.is(200);
            let user = me["user"]["id"].as_str().unwrap().parse().unwrap();
            let org = world.another_org(&format!("left by {who}")).await;
            let act = world.act();
            world.store().members(org).add(user, OrgRole::Member, By::Operator, &act).await.unwrap();
            thing.by.insert(who, RefCell::new(vec![org.to_string()]));
        }
        self.all.insert("own org", thing);
    }

    /// The platform's for operators, the organization's for its members, and everybody's own; more than enough of
    /// those that are removed. Their provider says what it offers as often as it is asked.
    async fn add_provider_keys(&mut self, world: &World, cast: &Cast, foreigner: &Api) {
        for _ in 0..64 {
            world.upstream.answers(r#"{"data":[{"id":"gpt-test"}]}"#);
        }
        let (all, own) = ("/api/v1/provider-keys", "/api/v1/me/provider-keys");
        let [owner, admin, member] = ["owner", "admin", "member"].map(|role| &cast.members[role]);
        for (noun, count) in [("provider key", 1), ("old provider key", 4)] {
            let mut thing = Thing::of_all(self.make(owner, all).await, self.make(foreigner, all).await);
            for (who, api) in [
                ("an operator", &cast.operator),
                ("an operator token", &cast.token),
                ("owner", owner),
                ("admin", admin),
            ] {
                thing.by.insert(who, self.several(api, all, count).await);
            }
            self.all.insert(noun, thing);
        }
        for (noun, count) in [("own provider key", 1), ("old own provider key", 4)] {
            let mut thing = Thing::of_all(self.make(owner, own).await, self.make(foreigner, own).await);
            for (who, api) in [("owner", owner), ("admin", admin), ("member", member)] {
                thing.by.insert(who, self.several(api, own, count).await);
            }
            self.all.insert(noun, thing);
        }
    }

    /// What only operators name, and a class of data, which is everybody's: the other one is nobody's.
    async fn add_jobs(&mut self, cast: &Cast) {
        let proof = cast.operator.post("/api/v1/audit/verifications", "").await.is(202);
        let runs = cast.operator.post("/api/v1/retention-runs", "{\"classes\":[\"runs\"]}").await.is(202);
        let run = &runs["runs"][0];
        self.all.insert("proof", Thing::of_all(id(&proof), id(run)));
        self.all.insert("run", Thing::of_all(id(run), id(&proof)));
        self.all.insert("class", Thing::of_all("traces".to_owned(), "prompts".to_owned()));
    }

    /// Logins that their people may end, and one of somebody else.
    async fn add_logins(&mut self, world: &mut World, cast: &Cast) {
        let foreign = world.nobody().await.login.to_string();
        let mut thing = Thing::of_all(world.nobody().await.login.to_string(), foreign);
        for (who, api) in [("nobody's member", &cast.homeless), ("owner", &cast.members["owner"])] {
            let me = api.get("/api/v1/me").await.is(200);
            let user = me["user"]["id"].as_str().unwrap().parse().unwrap();
            let login = world.log_in(user).await.login.to_string();
            thing.by.insert(who, RefCell::new(vec![login]));
        }
        self.all.insert("login", thing);
    }

    async fn several(&self, api: &Api, path: &str, count: usize) -> RefCell<Vec<String>> {
        let mut made = vec![];
        for _ in 0..count {
            made.push(self.make(api, path).await);
        }
        RefCell::new(made)
    }

    async fn make(&self, api: &Api, path: &str) -> String {
        self.make_of(api, path, NEW_PROVIDER_KEY).await
    }

    async fn make_of(&self, api: &Api, path: &str, body: &str) -> String {
        id(&api.post(path, &self.numbered(body)).await.is(201))
    }

    /// The path of a case with an identifier in it.
    pub fn path(&self, path: &str, case: &Case, pick: impl Fn(&Self, &str) -> String) -> String {
        if case.thing.is_empty() {
            assert!(!path.contains('{'), "{path} names a thing, its row does not");
            return path.to_owned();
        }
        let (start, rest) = path.split_once('{').expect("a place for an identifier");
        let (_, end) = rest.split_once('}').unwrap();
        format!("{start}{}{end}", pick(self, case.thing))
    }

    /// The thing that this caller may name.
    pub fn own(&self, thing: &str, who: &str) -> String {
        let thing = &self.all[thing];
        let Some(theirs) = thing.by.get(who) else { return thing.own.clone() };
        let mut theirs = theirs.borrow_mut();
        if theirs.len() > 1 { theirs.pop().unwrap() } else { theirs[0].clone() }
    }

    pub fn foreign(&self, thing: &str) -> String {
        self.all[thing].foreign.clone()
    }

    /// An identifier of the same kind that nobody has.
    pub fn unknown(&self, thing: &str) -> String {
        // What goes by a word has no kind.
        let Some((kind, _)) = self.all[thing].own.rsplit_once('_') else { return self.malformed(thing) };
        format!("{kind}_{}", "f".repeat(32))
    }

    pub fn malformed(&self, _: &str) -> String {
        "not-an-identifier".to_owned()
    }

    /// The body of a case, unlike any before.
    pub fn body(&self, case: &Case) -> String {
        self.numbered(case.body)
    }

    fn numbered(&self, body: &str) -> String {
        self.numbers.set(self.numbers.get() + 1);
        body.replace("{n}", &self.numbers.get().to_string()).replace("{project}", &self.project)
    }
}

/// The identifier of what was made.
fn id(made: &serde_json::Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}
