//! Provider keys: upstream connections with their sealed secrets. What is sealed goes out sealed; this crate cannot
//! open it.

mod insert;
mod rest;
mod update;
mod whose;

use std::fmt;
use std::sync::Arc;

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Entry};
use domain::id::{OrgId, ProviderKeyId};
use domain::pool::quota::Quotas;
use domain::route::{Connection, Owner, Serves};
use domain::time::Timestamp;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::name::{BadName, BadText};
use crate::page::{self, Page, Paged};
use crate::switch::Switch;

pub use rest::Tried;
pub(crate) use update::remove_own;
pub use update::{NewSecret, ProviderKeyChange};
pub(crate) use whose::Whose;

/// Priorities run from 1, which is tried first, to this.
pub const MAX_PRIORITY: u16 = 1_000;

/// A provider key. Its `Debug` leaves the sealed bytes out.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// Its identifier.
    pub id: ProviderKeyId,
    /// Whose it is: whose calls alone may use it.
    pub owner: Owner,
    /// The name a person gave it, unlike any other's of the same owner.
    pub name: String,
    /// The provider's slug in the catalogue.
    pub provider: String,
    /// Base URL without a trailing slash.
    pub base_url: String,
    /// The sealed secret; `None` for a server that asks for no key.
    pub sealed: Option<Vec<u8>>,
    /// What may be shown of the secret.
    pub masked: String,
    /// The models it serves.
    pub serves: Serves,
    /// 1–1000, lower first.
    pub priority: u16,
    /// Whether its owner's calls may pass on to the connections behind it, and at last to the platform's.
    pub fallback_to_platform: bool,
    /// Whether it is in use.
    pub state: Switch,
    /// When it was last switched off or on; none when it never was.
    pub switched_at: Option<Timestamp>,
    /// Until when a person has put it to rest.
    pub rests_until: Option<Timestamp>,
    /// What may go over it.
    pub quotas: Quotas,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderKey")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("provider", &self.provider)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A provider key to be kept. Without `Debug`, for it holds the sealed secret.
#[derive(Clone)]
pub struct NewProviderKey {
    /// Its identifier, to which the secret was sealed.
    pub id: ProviderKeyId,
    /// Whose it is; the secret was sealed to its organization.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// The provider's slug in the catalogue.
    pub provider: String,
    /// Base URL, checked by the egress policy; slashes at its end are dropped.
    pub base_url: String,
    /// The sealed secret; `None` for a server that asks for no key.
    pub sealed: Option<Vec<u8>>,
    /// What may be shown of the secret.
    pub masked: String,
    /// The models it serves.
    pub serves: Serves,
    /// 1–1000, lower first.
    pub priority: u16,
    /// Whether its owner's calls may pass on to the connections behind it, and at last to the platform's.
    pub fallback_to_platform: bool,
    /// Now.
    pub created_at: Timestamp,
}

/// Why a provider key was not kept, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderKeyRefused {
    /// There is one of this name.
    #[error("there is already a provider key named {0}")]
    NameTaken(String),
    /// The name is no name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// Its provider, its address or one of its models is no text that can be kept.
    #[error("provider, address or model: {0}")]
    BadText(#[from] BadText),
    /// The priority is out of range.
    #[error("a priority is a number from 1 to 1000; lower is tried first")]
    BadPriority,
    /// The tenant is not there, or has no such member.
    #[error("there is no organization {0}")]
    NoSuchOrg(OrgId),
    /// No provider key is kept for this owner here.
    #[error("a provider key of this owner is not kept here")]
    NotTheirs,
    /// There is no such provider key.
    #[error("there is no provider key {0}")]
    NotFound(String),
    /// Several owners have one of this name.
    #[error("several owners have a provider key named {0}; name one by its identifier")]
    Ambiguous(String),
    /// A secret would be sent to another host than the one it was given for.
    #[error("another host asks for the secret again")]
    SecretNeeded,
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// Provider keys: of one owner, or of all.
pub struct ProviderKeys<'a> {
    db: &'a Db,
    whose: Whose,
}

pub(crate) const COLUMNS: &str = "SELECT id, owner_org, owner_user, name, provider, base_url, sealed, masked, models, \
    priority, fallback_to_platform, state, switched_at, rests_until, quotas, created_at FROM provider_keys WHERE 1 = 1";

impl<'a> ProviderKeys<'a> {
    pub(crate) fn new(db: &'a Db, whose: Whose) -> Self {
        Self { db, whose }
    }

    /// All provider keys, in the order in which they are tried.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self) -> Result<Vec<ProviderKey>, ReadFailed> {
        let statement = self.select().push(" ORDER BY priority, created_at, id");
        self.db.fetch_all(statement).await?.iter().map(provider_key).collect()
    }

    /// A page of them, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, page: &Page) -> Result<Paged<ProviderKey>, ReadFailed> {
        let id = |uuid| ProviderKeyId::new(uuid).to_string();
        let place = |key: &ProviderKey| (key.created_at, key.id.uuid());
        page::read(self.db, self.select(), &page::BY_ID, page, id, provider_key, place).await
    }

    /// The provider key with this identifier or name.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none, [`ProviderKeyRefused::Ambiguous`] when a name fits several.
    pub async fn get(&self, id_or_name: &str) -> Result<ProviderKey, ProviderKeyRefused> {
        let column = if id_or_name.parse::<ProviderKeyId>().is_ok() { "id =" } else { "name =" };
        let statement = self.select().and(column, Some(id_or_name)).push(" LIMIT 2");
        match self.db.fetch_all(statement).await?.as_slice() {
            [] => Err(ProviderKeyRefused::NotFound(id_or_name.to_owned())),
            [row] => Ok(provider_key(row)?),
            _ => Err(ProviderKeyRefused::Ambiguous(id_or_name.to_owned())),
        }
    }

    /// The connections for the routing table, in the order in which they are tried: those in use, and those switched
    /// off that keep their owner's calls from going elsewhere.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn connections(&self) -> Result<Vec<Connection>, ReadFailed> {
        let counts = |key: &ProviderKey| key.state == Switch::Active || key.owner != Owner::Platform;
        Ok(self.list().await?.into_iter().filter(counts).map(connection).collect())
    }

    fn select(&self) -> Statement {
        self.whose.narrow(Statement::new(COLUMNS))
    }

    async fn found(&self, tx: &mut Tx, id: ProviderKeyId) -> Result<ProviderKey, ProviderKeyRefused> {
        let row = tx.fetch_optional(self.select().and("id =", Some(id.to_string()))).await?;
        Ok(provider_key(&row.ok_or_else(|| ProviderKeyRefused::NotFound(id.to_string()))?)?)
    }
}

/// The models as the database keeps them.
fn listed(serves: &Serves) -> Result<Option<String>, WriteFailed> {
    match serves {
        Serves::Listed(models) => WriteFailed::json(models).map(Some),
        Serves::Any => Ok(None),
    }
}

/// The row of a change, as the concern of the organization that owns the key.
fn entry(key: &ProviderKey, action: Action, detail: Detail, act: &Act) -> Entry {
    let entry = act.done(action, key.id, detail);
    match key.owner.org() {
        Some(org) => entry.of(org),
        None => entry,
    }
}

fn connection(key: ProviderKey) -> Connection {
    Connection {
        id: key.id,
        owner: key.owner,
        name: Arc::from(key.name),
        provider: Arc::from(key.provider),
        base_url: Arc::from(key.base_url),
        sealed: key.sealed.map(Arc::from),
        serves: key.serves,
        priority: key.priority,
        fallback_to_platform: key.fallback_to_platform,
        in_service: key.state == Switch::Active,
        rests_until: key.rests_until,
        quotas: key.quotas,
    }
}

pub(crate) fn provider_key(row: &Row) -> Result<ProviderKey, ReadFailed> {
    let (org, user) = (row.parse_optional("owner_org")?, row.parse_optional("owner_user")?);
    Ok(ProviderKey {
        id: row.parse("id")?,
        // The table has no person without an organization.
        owner: match (org, user) {
            (None, _) => Owner::Platform,
            (Some(org), None) => Owner::Org(org),
            (Some(org), Some(user)) => Owner::User(org, user),
        },
        name: row.text("name")?,
        provider: row.text("provider")?,
        base_url: row.text("base_url")?,
        sealed: row.get("sealed")?,
        masked: row.text("masked")?,
        serves: row.json_optional("models")?.map_or(Serves::Any, Serves::Listed),
        priority: row.number("priority")?,
        fallback_to_platform: row.get("fallback_to_platform")?,
        state: row.read("state", Switch::parse)?,
        switched_at: row.time_optional("switched_at")?,
        rests_until: row.time_optional("rests_until")?,
        quotas: row.json("quotas")?,
        created_at: row.time("created_at")?,
    })
}
