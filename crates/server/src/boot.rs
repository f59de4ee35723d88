//! Joins the parts: opens the store and the journal, loads the routes, binds the addresses, starts the jobs, and
//! takes all of it down in the reverse order. It decides nothing about calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use control::admin::AdminListener;
use control::api::{self, Api};
use control::audit::head;
use control::jobs::{anchor, data_keys, follow, refusals, settle};
use control::vault_keys;
use control::vault_keys::sealer::Sealer;
use domain::time::Clock;
use gateway::{Gateway, Listener};
use live::counters::Counters;
use live::incidents::Incidents;
use live::kept::Kept;
use live::meters::Meters;
use live::outbox::{self, Outbox, Position};
use live::pinned::Answers;
use live::pool::Pool;
use live::refusals::Refusals;
use live::snapshot::{Gather, Snapshot};
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vault::envelope::Vault;
use vault::keyring::KeyName;
use vault::signing::SigningKeys;
use wire::catalog::Catalog;

use crate::admin_api;
use crate::answer_lookup::AnswerLookup;
use crate::certificates::Files;
use crate::config::roots::Roots;
use crate::config::{Config, Listen};
use crate::descriptors;
use crate::file_lookup::FileLookup;
use crate::key_lookup::KeyLookup;
use crate::key_provider::KeyProvider;
use crate::provider_catalogue::{Providers, upstreams};
use crate::public_api;
use crate::reception;
use crate::upkeep;

/// How long the gate may take to learn of what was changed before its encryption keys are exchanged.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How long an idle upstream connection is kept.
const IDLE: Duration = Duration::from_secs(90);

/// A running installation.
pub struct Running {
    /// Where applications call.
    pub public: SocketAddr,
    /// Where operators look.
    pub admin: SocketAddr,
    store: Store,
    gate: Arc<Gateway>,
    sealer: Arc<Sealer>,
    key_provider: Option<KeyProvider>,
    pool: Arc<Pool>,
    followed: watch::Receiver<i64>,
    outbox: Outbox,
    refused: Arc<Refusals>,
    incidents: Arc<Incidents>,
    audit: Arc<SigningKeys>,
    clock: Clock,
    stop_listening: watch::Sender<bool>,
    stop_jobs: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    jobs: Vec<JoinHandle<()>>,
}

/// The folder of an installation, opened by this process alone.
pub struct Opened {
    /// The books.
    pub store: Store,
    outbox: Outbox,
    reader: outbox::Reader,
}

/// Opens what is on disk. Only one process at a time gets through: the journal is locked, so that a second one
/// changes nothing.
///
/// # Errors
/// When another process has the folder, or something in it does not open.
pub async fn open(config: &Config) -> Result<Opened> {
    let database = config.database();
    let store = Store::open(&database, vault::digest::sha256_of_parts)
        .await
        .with_context(|| format!("the database {} does not open", database.display()))?;
    let (outbox, reader) = open_outbox(config, &store).await?;
    Ok(Opened { store, outbox, reader })
}

/// Starts everything that `config` describes.
///
/// # Errors
/// Whatever stands in the way, with what to do about it.
pub async fn start(opened: Opened, config: &Config, roots: Roots, clock: Clock) -> Result<Running> {
    descriptors::raise(config.capacity.connections);
    let Opened { store, outbox, reader } = opened;
    let facts = catalogue(config)?.facts();

    let snapshot =
        Arc::new(Snapshot::new(Arc::new(Gather::start(Arc::new(KeyLookup(store.clone())))), clock.clone()));
    let seen = store.changes().latest().await.context("the change feed cannot be read")?;
    let pool = Arc::new(Pool::new(clock.clone()));
    follow::fill(&store, &snapshot, &pool, &facts).await.context("the routes cannot be read")?;
    follow::recall(&store, &pool, clock.now()).await.context("what was spent cannot be read")?;

    let Roots { pepper, vault, audit, jwt, cursor, transit_token, mail_password } = roots;
    vault_keys::prove(&store, &vault, clock.now()).await?;
    let (audit, refused) = (Arc::new(audit), Arc::new(Refusals::new(outbox.clone())));
    let incidents = Arc::new(Incidents::new(outbox.clone()));
    let (policy, egress) = egress_client(config)?;
    let key_provider = KeyProvider::new(config, transit_token, &policy, &egress, &clock)?;
    let vault = KeyProvider::equip(key_provider.as_ref(), vault);
    let sealer = Arc::new(KeyProvider::sealer(key_provider.as_ref(), store.clone(), Arc::clone(&vault)));
    let (pepper, meters) = (Arc::new(pepper), Arc::new(Meters::new()));
    let answers = Arc::new(Answers::new(Arc::new(AnswerLookup(store.clone())), outbox.clone()));
    let kept = Arc::new(Kept::new(Arc::new(FileLookup(store.clone())), outbox.clone()));
    let gate = Gateway::new(gateway::Parts {
        snapshot: Arc::clone(&snapshot),
        counters: Arc::new(Counters::memory()),
        pool: Arc::clone(&pool),
        outbox: outbox.clone(),
        answers,
        kept,
        refusals: Arc::clone(&refused),
        incidents: Arc::clone(&incidents),
        meters: Arc::clone(&meters),
        vault: Arc::clone(&vault),
        pepper: Arc::clone(&pepper),
        egress: egress.apart(),
        policy: Arc::clone(&policy),
        provider_urls: Providers::new(config).urls(),
        clouds: config.clouds.clone(),
        proxies: config.proxies.clone(),
        allowed_ips: config.allowed_ips.clone(),
        pages: config.pages.clone(),
        security_txt: config.site.as_ref().map(|contact| contact.text().into()),
        clock: clock.clone(),
        settings: public_api::settings(config),
    });

    let taken = |address: SocketAddr, flag| {
        move || format!("the address {address} cannot be bound; choose another with {flag}")
    };
    let Listen { public, admin } = config.listen;
    let mut public = Listener::bind(public).await.with_context(taken(public, "--listen"))?;
    let files = config.tls.as_ref().map(Files::read).transpose().context("TLS cannot be spoken")?;
    if let Some(files) = &files {
        public = public.secured(files.certificate());
    }
    let patience = config.timeouts.header;
    let mut admin =
        AdminListener::bind(admin, patience).await.with_context(taken(admin, "--admin-listen"))?;
    let admin_files = config.admin_tls.as_ref().map(Files::read_for_http1).transpose();
    let admin_files = admin_files.context("TLS cannot be spoken on the admin listener")?;
    if let Some(files) = &admin_files {
        let certificate = files.certificate();
        admin = admin.secured(move || certificate.current());
    }
    let (public_address, admin_address) = (public.address()?, admin.address()?);

    let (stop_listening, listening) = watch::channel(false);
    let (stop_jobs, working) = watch::channel(false);
    let (applied, followed) = watch::channel(seen);
    let mut jobs = vec![
        tokio::spawn(settle::run(reader, store.clone(), working.clone())),
        tokio::spawn(refusals::run(
            Arc::clone(&refused),
            Arc::clone(&incidents),
            clock.clone(),
            working.clone(),
        )),
        tokio::spawn(anchor::run(store.clone(), Arc::clone(&audit), clock.clone(), working.clone())),
        tokio::spawn(follow::run(store.clone(), snapshot, Arc::clone(&pool), facts, applied, working)),
    ];
    let parts = upkeep::Parts {
        store: store.clone(),
        keys: Arc::clone(&audit),
        archives: config.audit_archive_dir(),
        outbox: outbox.clone(),
        meters: Arc::clone(&meters),
        clock: clock.clone(),
    };
    jobs.extend(upkeep::start(parts, &stop_jobs.subscribe()));
    jobs.push(tokio::spawn(gateway::batches::watch(Arc::clone(&gate), stop_jobs.subscribe())));
    let files = files.into_iter().chain(admin_files);
    jobs.extend(files.map(|files| tokio::spawn(files.follow(stop_jobs.subscribe()))));
    if let Some(keys) = &key_provider {
        let parts = data_keys::Parts {
            sealer: Arc::clone(&sealer),
            data_keys: Arc::clone(&keys.data_keys),
            transit: Arc::clone(&keys.transit),
            pool: Arc::clone(&pool),
            followed: followed.clone(),
        };
        data_keys::warm(&parts).await;
        jobs.push(tokio::spawn(data_keys::run(parts, stop_jobs.subscribe())));
    }
    let mut stopped = listening.clone();
    let gate_task = tokio::spawn(public.serve(Arc::clone(&gate), async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    }));
    let parts = reception::Parts {
        store: store.clone(),
        pepper: Arc::clone(&pepper),
        sealer: Arc::clone(&sealer),
        refusals: Arc::clone(&refused),
        meters: Arc::clone(&meters),
        mail_password,
        admin: admin_address,
        clock: clock.clone(),
    };
    let (desk, post) = reception::open(config, parts, stop_jobs.subscribe())?;
    jobs.extend(post);
    let api = Api::new(api::Parts {
        store: store.clone(),
        meters,
        pool: Arc::clone(&pool),
        outbox: outbox.clone(),
        refusals: Arc::clone(&refused),
        pepper,
        access: jwt,
        mac: cursor,
        audit: Arc::clone(&audit),
        desk,
        upstreams: upstreams(config, policy, egress, Arc::clone(&sealer)),
        client_of: admin_api::client_of(config),
        clock: clock.clone(),
        settings: admin_api::settings(config, admin_address),
    });
    let routes = api.router();
    let admin_task = tokio::spawn(async move {
        admin.serve(routes, listening).await;
        api.drain().await;
    });
    Ok(Running {
        public: public_address,
        admin: admin_address,
        store,
        gate,
        sealer,
        key_provider,
        pool,
        followed,
        outbox,
        refused,
        incidents,
        audit,
        clock,
        stop_listening,
        stop_jobs,
        listeners: vec![gate_task, admin_task],
        jobs,
    })
}

impl Running {
    /// The books, for the process that runs them.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Settled calls that are not in the books yet.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.outbox.backlog()
    }

    /// Looks after the batches that are not in the books, now and not only when it is time to.
    pub async fn look_after_batches(&self) {
        gateway::batches::tick(&self.gate).await;
    }

    /// Opens provider keys with other encryption keys from now on, and gives their names, newest first. Keys that would
    /// lose a sealed value are refused, and nothing changes.
    ///
    /// # Errors
    /// When a value that opens now would no longer, or the store does not answer.
    pub async fn use_vault(&mut self, vault: Vault) -> Result<Vec<KeyName>> {
        let lost = vault_keys::lost(&self.store, &self.sealer.vault(), &vault).await?;
        if !lost.is_empty() {
            bail!(
                "the new encryption keys do not open {}. Run `portcullis vault rotate` with the old key still in \
                 secrets.encryption_keys before it is taken out",
                lost.join(", ")
            );
        }
        // The routes in memory may still hold what an older key wrapped.
        let latest = self.store.changes().latest().await.context("the change feed cannot be read")?;
        let caught_up = tokio::time::timeout(CATCH_UP, self.followed.wait_for(|applied| *applied >= latest));
        caught_up.await.context("the gate does not keep up with the change feed")??;
        let vault = KeyProvider::equip(self.key_provider.as_ref(), vault);
        self.sealer.use_vault(Arc::clone(&vault));
        self.gate.use_vault(Arc::clone(&vault));
        self.pool.reconsider_sealed();
        Ok(vault.key_names())
    }

    /// Stops listening, lets running calls finish, posts what they left, signs the end of the audit trail, closes the
    /// books.
    ///
    /// # Errors
    /// When a task died, or the journal could not be synced.
    pub async fn stop(self) -> Result<()> {
        self.stop_listening.send_replace(true);
        for listener in self.listeners {
            listener.await.context("a listener died")?;
        }
        self.refused.flush();
        self.incidents.flush();
        self.stop_jobs.send_replace(true);
        for job in self.jobs {
            job.await.context("a job died")?;
        }
        let outbox = self.outbox;
        let synced =
            tokio::task::spawn_blocking(move || outbox.sync()).await.context("the journal's sync died")?;
        let signed = head::sign(&self.store, &self.audit, self.clock.now()).await;
        self.store.close().await;
        signed.context("the last head of the audit trail could not be signed")?;
        synced.context("the journal could not be synced")
    }
}

/// The shipped catalogue, with an operator's own file over it.
///
/// # Errors
/// When either catalogue is malformed, or the file cannot be read.
pub fn catalogue(config: &Config) -> Result<Catalog> {
    let mut catalogue = Catalog::shipped().context("the shipped catalogue is malformed")?;
    if let Some(path) = &config.catalog_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the catalogue {} cannot be read", path.display()))?;
        let own = Catalog::parse(&text);
        catalogue.overlay(own.with_context(|| format!("the catalogue {} is malformed", path.display()))?);
    }
    Ok(catalogue)
}

/// The way out, as `config` describes it.
///
/// # Errors
/// When a certificate file cannot be read.
pub fn egress_client(config: &Config) -> Result<(Arc<egress::Policy>, egress::Client)> {
    let mut extra_roots_pem = Vec::new();
    for path in &config.egress.extra_roots {
        let pem = std::fs::read(path)
            .with_context(|| format!("the certificates {} cannot be read", path.display()))?;
        extra_roots_pem.extend_from_slice(&pem);
        extra_roots_pem.push(b'\n');
    }
    let settings = egress::Settings {
        connect_timeout: config.timeouts.connect,
        idle_timeout: IDLE,
        extra_roots_pem,
        ..egress::Settings::default()
    };
    let policy = Arc::new(egress::Policy::new(config.egress.allow.clone()));
    let client = egress::Client::new(Arc::clone(&policy), settings)
        .context("outbound connections cannot be prepared")?;
    Ok((policy, client))
}

async fn open_outbox(config: &Config, store: &Store) -> Result<(Outbox, outbox::Reader)> {
    let confirmed = store.usage().positions().await.context("the positions of the journal cannot be read")?;
    let settings = outbox::Settings {
        segment_bytes: u32::try_from(config.journal.segment_bytes).unwrap_or(outbox::MAX_SEGMENT_BYTES),
        sync: config.journal.sync,
        confirmed: confirmed
            .into_iter()
            .map(|(lane, segment, offset)| Position { lane, segment, offset })
            .collect(),
        ..outbox::Settings::default()
    };
    let dir = config.journal_dir();
    tokio::task::spawn_blocking(move || Outbox::open(&dir, settings))
        .await
        .context("opening the journal died")?
        .context("the journal does not open")
}
