//! People of a World and how they call the admin API: by bearer as programs do, by cookie as browsers do.

use control::api::csrf;
use domain::audit::Entry;
use domain::id::{LoginId, OrgId, UserId};
use domain::role::OrgRole;
use domain::secret::Secret;
use domain::tenant::Tenant;
use domain::time::Timestamp;
use domain::token::Kind;
use server::config::roots::Roots;
use store::logins::NewLogin;
use store::members::By;
use store::users::NewUser;
use vault::access_token::Claims;
use vault::password::{Cost, Passwords, Scheme};

use super::caller::{Answer, Caller};
use super::{World, fresh, load};

/// Everybody's password.
pub const PASSWORD: &str = "PLANTED tulip 41 Wagon";

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Somebody who is logged in.
pub struct Person {
    pub user: UserId,
    pub login: LoginId,
    pub token: String,
    /// Calls as this person, by bearer.
    pub api: Api,
}

/// A caller of the admin API.
pub struct Api {
    caller: Caller,
    /// What every request carries besides.
    headers: String,
}

impl World {
    /// A member of this World's organization.
    pub async fn person(&mut self, role: OrgRole) -> Person {
        self.person_of(self.org, role).await
    }

    /// A member of an organization.
    pub async fn person_of(&mut self, org: OrgId, role: OrgRole) -> Person {
        let user = self.user(Standing::Person).await;
        let books = self.store().of(Tenant::of_verified_member(org));
        books.members().add(user, role, By::Operator, &self.act()).await.unwrap();
        self.log_in(user).await
    }

    /// An operator of the installation, who is in no organization.
    pub async fn operator(&mut self) -> Person {
        let user = self.user(Standing::Operator).await;
        self.log_in(user).await
    }

    /// An operator of the installation who is also a member of this World's organization.
    pub async fn operator_who_is(&mut self, role: OrgRole) -> Person {
        let user = self.user(Standing::Operator).await;
        let books = self.store().of(Tenant::of_verified_member(self.org));
        books.members().add(user, role, By::Operator, &self.act()).await.unwrap();
        self.log_in(user).await
    }

    /// A text that must never be seen outside the upstream's own socket.
    pub fn plant(&mut self, secret: &str) -> String {
        self.secrets.push(secret.to_owned());
        secret.to_owned()
    }

    /// Somebody who is in no organization.
    pub async fn nobody(&mut self) -> Person {
        let user = self.user(Standing::Person).await;
        self.log_in(user).await
    }

    /// Another organization.
    pub async fn another_org(&self, name: &str) -> OrgId {
        let (id, created_at) = (OrgId::new(fresh()), self.now());
        let new = store::orgs::NewOrg { id, name: name.to_owned(), created_at };
        self.store().orgs().create(&new, &self.act()).await.unwrap();
        id
    }

    async fn user(&self, standing: Standing) -> UserId {
        let id = UserId::new(fresh());
        let new = NewUser {
            id,
            email: format!("{}@example.com", id.uuid().simple()),
            username: None,
            password: None,
            operator: standing == Standing::Operator,
            email_verified_at: Some(self.now()),
            created_at: self.now(),
        };
        self.store().users().create(&new, &self.act()).await.unwrap();
        id
    }

    /// Somebody with this address and [`PASSWORD`], hashed at the World's cost.
    pub async fn account(&mut self, email: &str) -> UserId {
        self.account_at(email, Scheme::Argon2id(Cost { memory_kib: 64, passes: 1 })).await
    }

    /// The same, hashed otherwise.
    pub async fn account_at(&mut self, email: &str, scheme: Scheme) -> UserId {
        let password = Secret::new(PASSWORD.as_bytes().to_vec());
        let hash = Passwords::new(scheme).unwrap().hash(&password).unwrap();
        let (id, created_at) = (UserId::new(fresh()), self.now());
        let new = NewUser {
            id,
            email: email.to_owned(),
            username: None,
            password: Some(hash),
            operator: false,
            email_verified_at: Some(created_at),
            created_at,
        };
        self.store().users().create(&new, &self.act()).await.unwrap();
        if !self.secrets.iter().any(|secret| secret == PASSWORD) {
            self.secrets.push(PASSWORD.to_owned());
        }
        id
    }

    /// An attempt to log in as a program does.
    pub async fn attempt(&self, email: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": password, "session": "bearer" });
        self.api("").with("x-request-id: same\r\n").post("/api/v1/login", &body.to_string()).await
    }

    /// The tokens of somebody who logs in with [`PASSWORD`].
    pub async fn tokens(&self, email: &str) -> (Api, String) {
        let session = self.attempt(email, PASSWORD).await.is(200);
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        (self.api(&text("access_token")), text("refresh_token"))
    }

    /// Continues a login as a program does.
    pub async fn refresh(&self, token: &str) -> Answer {
        let body = serde_json::json!({ "refresh_token": token }).to_string();
        self.api("").post("/api/v1/refresh", &body).await
    }

    /// The letter that was put into the folder `letters` for this address, once there is one.
    pub async fn letter(&self, to: &str) -> String {
        self.last_letter(to, "", "\0").await
    }

    /// The same, of one that holds `mark` and not `other`.
    pub async fn last_letter(&self, to: &str, mark: &str, other: &str) -> String {
        let fits = |text: &String| {
            let is_to = text.lines().any(|line| line == format!("To: {to}"));
            is_to && text.contains(mark) && !text.contains(other)
        };
        let find = || {
            let files = std::fs::read_dir(self.dir.path().join("letters")).into_iter().flatten();
            let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
            texts.map(|text| text.replace("\r\n", "\n").replace("=\n", "")).find(fits)
        };
        super::eventually(&format!("a letter to {to}"), || async { find().is_some() }).await;
        find().unwrap()
    }

    /// The token in a letter.
    pub fn token_in(letter: &str, kind: &str) -> String {
        let start = letter.find(kind).expect("a token");
        letter[start..start + kind.len() + domain::token::BODY_CHARS].to_owned()
    }

    /// Puts other keys of access tokens in the place of those there are: those of before behind them, or gone.
    pub fn renew_access_keys(&self, before: Before) {
        let path = self.dir.path().join("jwt.key");
        let old = match before {
            Before::Kept => std::fs::read_to_string(&path).unwrap(),
            Before::Gone => String::new(),
        };
        std::fs::write(&path, format!("{}\n{old}", vault::keyring::generate().unwrap())).unwrap();
    }

    /// What a start says when access tokens are signed with the secret in this file of the folder.
    pub fn refusal_with_access_key_of(&self, file: &str) -> String {
        let (path, other) = (self.dir.path().join("jwt.key"), self.dir.path().join(file));
        let kept = std::fs::read(&path).unwrap();
        std::fs::copy(other, &path).unwrap();
        let flags = server::config::Flags { config: None, settings: self.settings.clone() };
        let variables = server::config::environment::Variables::default();
        let loaded = server::config::Config::load_with_roots(&flags, &variables);
        std::fs::write(&path, kept).unwrap();
        loaded.err().map(|faults| faults.to_string()).unwrap_or_default()
    }

    /// The reasons of rows of an action in the audit trail, once there are as many.
    pub async fn reasons(&self, action: &str, count: usize) -> Vec<(String, String)> {
        let rows = || async {
            let rows = self.audit_rows().await;
            let rows = rows.into_iter().filter(|row| row.action == action);
            rows.map(|row| (row.resource.clone(), row.detail.clone())).collect::<Vec<_>>()
        };
        super::eventually(&format!("{count} rows of {action}"), || async { rows().await.len() >= count })
            .await;
        rows().await
    }

    /// One more login of a person.
    pub async fn log_in(&mut self, user: UserId) -> Person {
        let (now, login) = (self.now(), LoginId::new(fresh()));
        let refresh = vault::entropy::token(Kind::Refresh).unwrap();
        let new = NewLogin {
            id: login,
            user,
            not_before: self.store().users().get(user).await.unwrap().not_before,
            org: None,
            refresh: self.digest(&refresh),
            expires_at: now.plus_seconds(30 * DAY),
            ends_at: now.plus_seconds(90 * DAY),
        };
        self.store().logins().open(&new, &self.act()).await.unwrap();
        let token = self.access_token(user, login, now, DAY);
        // Its signature is what makes it a credential.
        self.secrets.push(token.rsplit_once('.').unwrap().1.to_owned());
        Person { user, login, api: self.api(&token), token }
    }

    /// A fresh operator token.
    pub async fn operator_token(&mut self) -> String {
        let token = vault::entropy::token(Kind::Operator).unwrap();
        let new = store::operator_tokens::NewOperatorToken {
            id: fresh(),
            name: "test".into(),
            prefix: token.prefix(),
            digest: self.digest(&token),
            created_at: self.now(),
        };
        self.store.operator_tokens().insert(&new, &self.act()).await.unwrap();
        self.secrets.push(token.reveal()[20..].to_owned());
        token.reveal().to_owned()
    }

    /// An access token as the installation signs it.
    pub fn access_token(&self, user: UserId, login: LoginId, issued_at: Timestamp, seconds: i64) -> String {
        let expires_at = issued_at.plus_seconds(seconds);
        let claims = Claims { user, login, issued_at, expires_at, id: fresh() };
        self.roots().jwt.sign(&claims).unwrap()
    }

    /// A caller of the admin API with this bearer; none where it is empty.
    pub fn api(&self, bearer: &str) -> Api {
        Api { caller: Caller::new(self.admin(), bearer.to_owned()), headers: String::new() }
    }

    /// The same person in a browser, on our own page.
    pub fn browser(&self, person: &Person) -> Api {
        let csrf = csrf::token(&self.roots().cursor, person.login);
        let cookies = format!("cookie: pc_access={}; pc_csrf={csrf}\r\n", person.token);
        let origin = format!("origin: http://{}\r\n", self.admin());
        self.api("").with(&format!("{cookies}{origin}x-csrf-token: {csrf}\r\n"))
    }

    /// The root secrets, as the installation has them.
    pub fn roots(&self) -> Roots {
        load(&self.settings).1
    }

    /// The rows of the audit trail, oldest first.
    pub async fn audit_rows(&self) -> Vec<Entry> {
        let filter = store::audit::AuditFilter::default();
        let rows = self.store().audit().fitting(&filter, 0).await.unwrap();
        rows.into_iter().map(|row| row.entry).collect()
    }

    /// Takes the books away from the installation while it runs.
    pub async fn close_the_books(&self) {
        self.running.as_ref().unwrap().store().close().await;
    }

    /// Ends a World that a test broke on purpose.
    pub fn abandon(mut self) {
        self.finished = true;
    }
}

/// What becomes of keys that were in use.
pub enum Before {
    Kept,
    Gone,
}

#[derive(Clone, Copy, PartialEq)]
enum Standing {
    Person,
    Operator,
}

impl Api {
    /// The same caller, with these headers besides.
    pub fn with(&self, headers: &str) -> Self {
        let caller = Caller::new(self.caller.address, self.caller.key.clone());
        Self { caller, headers: format!("{}{headers}", self.headers) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body).await
    }

    pub async fn patch(&self, path: &str, body: &str) -> Answer {
        self.send("PATCH", path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "").await
    }

    /// Any request; one with a body says that it is JSON.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        self.raw(method, path, kind, body).await
    }

    /// Sends a request and leaves the connection to the test.
    pub async fn open(&self, method: &str, path: &str, body: &str) -> tokio::net::TcpStream {
        let headers = format!("{}content-type: application/json\r\n", self.headers);
        self.caller.open(self.caller.request(method, path, &headers, body).as_bytes()).await
    }

    /// Any request with these headers and no others of its own.
    pub async fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let headers = format!("{}{headers}", self.headers);
        self.caller.raw(self.caller.request(method, path, &headers, body).as_bytes()).await
    }
}

impl Answer {
    /// Checks a problem of the admin API.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.text());
        let json = self.json();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["status"], status, "{json}");
        assert!(json["title"].is_string() && json["detail"].is_string(), "{json}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let id = self.header("x-request-id").expect("a request id");
        assert_eq!(json["request_id"], id, "{json}");
        assert_eq!(self.header("request-id"), Some(id));
        let later = status >= 500 || status == 429;
        assert_eq!(self.header("x-should-retry"), (!later).then_some("false"), "{}", self.head);
        assert_eq!(self.header("retry-after").is_some(), later, "{}", self.head);
        self
    }

    /// Checks a success and gives its body.
    #[track_caller]
    pub fn is(&self, status: u16) -> serde_json::Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { serde_json::Value::Null } else { self.json() }
    }
}
