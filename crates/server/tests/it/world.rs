//! A World: a whole installation in a temporary folder, its upstream, its caller. `finish` stops it and checks what
//! must hold whatever the test did: every call settled once, the outbox empty, no planted secret in any sink.

pub mod bao;
pub mod caller;
mod connections;
pub mod keeper;
mod logs;
pub mod meddling;
pub mod people;
mod sinks;
pub mod upstream;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::audit::{Act, Actor};
use domain::id::{KeyId, OrgId, ProjectId};
use domain::limit::Limits;
use domain::retention::Class;
use domain::time::{Clock, Timestamp};
use domain::token::{Kind, Token};
use domain::usage::CallSettled;
use server::boot::{self, Running};
use server::config::environment::Variables;
use server::config::roots::Roots;
use server::config::{Config, Flags};
use store::Store;
use tempfile::TempDir;

use caller::{Answer, Caller};
pub use logs::log_everything;
use logs::logs;
use upstream::Upstream;

/// 2026-01-01T00:00:00Z, in microseconds.
const START: i64 = 1_767_225_600_000_000;
/// For how many hours a World keeps traces, beside its settings.
pub const TRACE_HOURS: &str = "retention.traces";
/// Where a World's service accounts get their access tokens, and the region its Amazon connections are signed for; not
/// settings of the configuration either.
pub const GOOGLE_TOKEN_URL: &str = "clouds.google_token_url";
pub const AWS_REGION: &str = "clouds.aws_region";
/// How long anything may take to come about before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The provider key: it must never be seen outside the upstream's own socket.
pub const PROVIDER_KEY: &str = "sk-PLANTED-provider-key-0123456789";
/// A piece of every prompt: it must never be stored or logged.
pub const PROMPT: &str = "PLANTED-prompt-text";

pub struct World {
    dir: TempDir,
    running: Option<Running>,
    store: Store,
    pepper: vault::digest::Pepper,
    clock: Arc<AtomicI64>,
    settings: Vec<(String, String)>,
    clouds: gateway::Clouds,
    pub org: OrgId,
    pub project: ProjectId,
    pub upstream: Upstream,
    pub caller: Caller,
    secrets: Vec<String>,
    finished: bool,
}

impl World {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A World with settings of its own.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        logs();
        let dir = TempDir::new().unwrap();
        let upstream = Upstream::start().await;
        write_roots(dir.path());
        let mut all = vec![
            ("data_dir".to_owned(), dir.path().display().to_string()),
            ("listen.public".to_owned(), "127.0.0.1:0".to_owned()),
            ("listen.admin".to_owned(), "127.0.0.1:0".to_owned()),
            ("egress.allow".to_owned(), upstream.address.to_string()),
            ("egress.tenant_allow".to_owned(), upstream.address.to_string()),
            // All callers of a test come from one address, and many of them fail on purpose.
            ("limits.ip_requests_per_minute".to_owned(), "1000000".to_owned()),
            ("limits.org_requests_per_minute".to_owned(), "1000000".to_owned()),
            ("limits.user_requests_per_minute".to_owned(), "1000000".to_owned()),
            ("limits.admin_requests_per_minute".to_owned(), "1000000".to_owned()),
            ("limits.login_requests_per_minute".to_owned(), "1000000".to_owned()),
            // What a hash costs is the vault's matter; here it costs next to nothing, so that a short floor is enough.
            ("accounts.password_memory_kib".to_owned(), "64".to_owned()),
            ("accounts.password_passes".to_owned(), "1".to_owned()),
            ("accounts.login_floor_ms".to_owned(), "150".to_owned()),
        ];
        // Keys that come with requests go to this World's upstream, unless that is no permitted place.
        if settings.iter().all(|(name, _)| *name != "egress.allow") {
            let openai = format!("openai=http://{}/v1", upstream.address);
            all.push(("egress.provider_urls".to_owned(), openai));
        }
        // Traces are kept for a while, so that tests can look at them; not a setting of the configuration.
        let traces = settings.iter().find(|(name, _)| *name == TRACE_HOURS).map_or("24", |(_, hours)| hours);
        let mut clouds = gateway::Clouds::default();
        for (name, value) in settings {
            match *name {
                GOOGLE_TOKEN_URL => clouds.google_token_url = Arc::from(*value),
                AWS_REGION => clouds.aws_region = Some(Arc::from(*value)),
                _ => {}
            }
        }
        let ours = [TRACE_HOURS, GOOGLE_TOKEN_URL, AWS_REGION];
        let settings = settings.iter().filter(|(name, _)| !ours.contains(name));
        all.extend(settings.map(|(name, value)| match *name {
            // Further upstreams, beside this World's own.
            "egress.also" => ("egress.allow".to_owned(), format!("{},{value}", upstream.address)),
            _ => ((*name).to_owned(), (*value).to_owned()),
        }));
        let clock = Arc::new(AtomicI64::new(START));
        let (config, roots) = load(&all);
        let store = Store::open(&config.database(), vault::digest::sha256_of_parts).await.unwrap();
        let (org, project) = (OrgId::new(fresh()), ProjectId::new(fresh()));
        store
            .orgs()
            .create(
                &store::orgs::NewOrg { id: org, name: "acme".into(), created_at: Timestamp(START) },
                &act(Timestamp(START)),
            )
            .await
            .unwrap();
        let hours = Some(traces.parse().unwrap());
        let (class, whose) = (Class::TRACES, store::retention::Whose::Installation);
        store.retention().settings().set(class, whose, hours, &act(Timestamp(START))).await.unwrap();
        let new = store::projects::NewProject {
            id: project,
            org,
            name: "web".into(),
            created_at: Timestamp(START),
        };
        store.projects().create(&new, &act(Timestamp(START))).await.unwrap();
        let (_, pepper_roots) = load(&all);
        let mut world = Self {
            dir,
            running: None,
            store,
            pepper: pepper_roots.pepper,
            clock,
            settings: all,
            clouds,
            org,
            project,
            upstream,
            caller: Caller::new(([127, 0, 0, 1], 0).into(), String::new()),
            secrets: vec![PROVIDER_KEY.to_owned()],
            finished: false,
        };
        let address = world.upstream.address;
        world.connect("main", "openai", address, &["gpt-test", "embed-test", "org/slashed"], &roots).await;
        let key = world.key(generous()).await;
        world.boot_with(&config, roots).await;
        world.caller.key = key;
        world
    }

    async fn boot_with(&mut self, config: &Config, roots: Roots) {
        let time = Arc::clone(&self.clock);
        // Each reading is a microsecond later, so that records have an order.
        let clock = Clock::new(move || Timestamp(time.fetch_add(1, Ordering::Relaxed)));
        let config = Config { clouds: self.clouds.clone(), ..config.clone() };
        // On the heap: it is large, and the stack of a test is small.
        let opened = Box::pin(boot::open(&config)).await.unwrap();
        let running = Box::pin(boot::start(opened, &config, roots, clock)).await.unwrap();
        self.caller.address = running.public;
        self.running = Some(running);
    }

    /// Stops the gate in order and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
        let (config, roots) = load(&self.settings);
        self.boot_with(&config, roots).await;
    }

    /// The database file.
    pub fn database(&self) -> std::path::PathBuf {
        load(&self.settings).0.database()
    }

    /// The files of the installation that hold these bytes. Another process looks: closing a file here would take away
    /// the locks that SQLite holds on it.
    pub fn files_with(&self, needle: &str) -> Vec<String> {
        let mut grep = std::process::Command::new("grep");
        let found = grep.args(["-rlaF", "-e", needle]).arg(self.dir.path()).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Turns the clock.
    pub fn pass(&self, duration: Duration) {
        self.clock.fetch_add(i64::try_from(duration.as_micros()).unwrap(), Ordering::Relaxed);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    /// What a test does to the store as a person would.
    pub fn act(&self) -> Act {
        act(self.now())
    }

    pub fn admin(&self) -> SocketAddr {
        self.running.as_ref().unwrap().admin
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A fresh API key with these limits.
    pub async fn key(&mut self, limits: Limits) -> String {
        self.key_with(|new| new.limits = limits).await.0
    }

    /// A fresh API key, made to measure.
    pub async fn key_with(&mut self, change: impl FnOnce(&mut store::keys::NewKey)) -> (String, KeyId) {
        let token = vault::entropy::token(Kind::Live).unwrap();
        let mut new = store::keys::NewKey {
            id: KeyId::new(fresh()),
            org: self.org,
            project: self.project,
            user: None,
            name: format!("key {}", token.prefix()),
            prefix: token.prefix(),
            digest: self.digest(&token),
            models: vec![],
            scopes: vec![],
            allowed_ips: None,
            limits: generous(),
            expires_at: None,
            created_at: self.now(),
        };
        change(&mut new);
        self.store.keys().insert(&new, &self.act()).await.unwrap();
        self.secrets.push(token.reveal()[20..].to_owned());
        (token.reveal().to_owned(), new.id)
    }

    /// What the store keeps of a credential.
    pub fn digest(&self, token: &Token) -> [u8; 32] {
        self.pepper.digest(&vault::digest::sha256_of(token))
    }

    /// All usage rows, oldest first, once every call that ended is posted and there are `count` of them.
    pub async fn usage(&self, count: usize) -> Vec<CallSettled> {
        let rows = || async {
            let mut rows =
                self.store.usage().list(&store::usage::UsageFilter::default(), 1_000, None).await.unwrap();
            rows.reverse();
            rows
        };
        eventually(&format!("{count} usage rows"), || async { rows().await.len() >= count }).await;
        let rows = rows().await;
        assert_eq!(rows.len(), count, "{rows:#?}");
        rows
    }

    /// The only usage row.
    pub async fn only_usage(&self) -> CallSettled {
        self.usage(1).await.remove(0)
    }

    /// What was logged so far.
    pub fn logged(&self) -> String {
        String::from_utf8_lossy(&logs().0.lock().unwrap()).into_owned()
    }

    /// A chat call with this body.
    pub async fn chat(&self, body: &str) -> Answer {
        self.caller.post("/v1/chat/completions", body).await
    }

    /// Stops the World and checks what must always hold.
    pub async fn finish(mut self) {
        if let Some(running) = self.running.take() {
            let metrics = self.scrape(running.admin).await;
            self.no_secret_in("the metrics", metrics.as_bytes());
            running.stop().await.unwrap();
        }
        self.no_secret_in("the logs", &logs().0.lock().unwrap());
        self.no_secret_in("an answer", &self.caller.transcript());
        self.store.clone().close().await;
        for entry in walk(self.dir.path()) {
            if entry.extension().is_none_or(|extension| extension != "key") {
                self.no_secret_in(&entry.display().to_string(), &std::fs::read(&entry).unwrap());
            }
        }
        let reopened =
            Store::open(&load(&self.settings).0.database(), vault::digest::sha256_of_parts).await.unwrap();
        let rows = reopened.usage().list(&store::usage::UsageFilter::default(), 1_000, None).await.unwrap();
        let mut calls: Vec<_> = rows.iter().map(|row| row.opened.call).collect();
        calls.sort();
        calls.dedup();
        assert_eq!(calls.len(), rows.len(), "a call was posted twice");
        let (_, roots) = load(&self.settings);
        let proved = control::audit::verify::verify(&reopened, &roots.audit, |_| ()).await;
        let proved = proved.unwrap_or_else(|broken| panic!("{broken}"));
        assert!(proved.rows > 0 && proved.unsigned == 0, "{proved:?}");
        reopened.close().await;
        self.finished = true;
    }

    async fn scrape(&mut self, admin: SocketAddr) -> String {
        let token = self.operator_token().await;
        let mut caller = Caller::new(admin, token);
        caller.bearer = true;
        let answer = caller.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    fn no_secret_in(&self, place: &str, bytes: &[u8]) {
        for secret in self.secrets.iter().map(String::as_str).chain([PROMPT]) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{place} holds {secret}");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test must finish its World");
    }
}

/// Limits that no test meets by accident.
pub fn generous() -> Limits {
    Limits {
        requests_per_minute: 1_000_000,
        burst_per_second: 1_000_000,
        concurrent: 10_000,
        body_bytes: 1 << 20,
        tokens_per_minute: None,
    }
}

/// Waits until `holds` gives true; fails after [`PATIENCE`].
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain for {what}");
}

fn act(now: Timestamp) -> Act {
    Act::new(Actor::operator_cli("test"), now)
}

pub fn fresh() -> uuid::Uuid {
    vault::entropy::uuid_v7(Timestamp(START)).unwrap()
}

fn load(settings: &[(String, String)]) -> (Config, Roots) {
    let flags = Flags { config: None, settings: settings.to_vec() };
    let (loaded, roots) = Config::load_with_roots(&flags, &Variables::default()).unwrap();
    (loaded.config, roots)
}

fn write_roots(dir: &Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    for name in ["pepper.key", "vault.key", "audit.key", "jwt.key", "cursor.key"] {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(dir.join(name))
            .unwrap();
        writeln!(file, "{}", vault::keyring::generate().unwrap()).unwrap();
    }
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
