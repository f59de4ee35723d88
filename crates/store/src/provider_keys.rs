//! Provider keys: upstream connections with their sealed secrets. What is sealed goes out sealed; this crate cannot
//! open it.

use std::fmt;
use std::sync::Arc;

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, ProviderKeyId};
use domain::route::{Connection, Serves};
use domain::time::Timestamp;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::name::{self, BadName};
use crate::switch::Switch;

/// Priorities run from 1, which is tried first, to this.
pub const MAX_PRIORITY: u16 = 1_000;

/// A provider key. Its `Debug` leaves the sealed bytes out.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// Its identifier.
    pub id: ProviderKeyId,
    /// The tenant whose calls alone may use it; `None` for the installation's own.
    pub owner: Option<OrgId>,
    /// The name a person gave it, unlike any other's.
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
    /// Whether it is in use.
    pub state: Switch,
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
    /// The tenant, to which the secret was sealed; `None` for the installation's own.
    pub owner: Option<OrgId>,
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
    /// The priority is out of range.
    #[error("a priority is a number from 1 to 1000; lower is tried first")]
    BadPriority,
    /// The tenant is not there.
    #[error("there is no organization {0}")]
    NoSuchOrg(OrgId),
    /// There is no such provider key.
    #[error("there is no provider key {0}")]
    NotFound(String),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The provider keys.
pub struct ProviderKeys<'a> {
    db: &'a Db,
}

const COLUMNS: &str = "SELECT id, owner_org, name, provider, base_url, sealed, masked, models, priority, state, \
                       created_at FROM provider_keys WHERE 1 = 1";

impl<'a> ProviderKeys<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Keeps a provider key; the request path learns of it. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`ProviderKeyRefused`] when the name is bad or taken, the priority out of range, or the tenant unknown.
    pub async fn insert(&self, new: &NewProviderKey, act: &Act) -> Result<ProviderKey, ProviderKeyRefused> {
        name::check(&new.name)?;
        if !(1..=MAX_PRIORITY).contains(&new.priority) {
            return Err(ProviderKeyRefused::BadPriority);
        }
        let models = match &new.serves {
            Serves::Listed(models) => Some(WriteFailed::json(models)?),
            Serves::Any => None,
        };
        let base_url = new.base_url.trim_end_matches('/').to_owned();
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "INSERT INTO provider_keys (id, owner_org, name, provider, base_url, sealed, masked, models, priority, \
             state, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(new.id.to_string())
        .bind(new.owner.map(|org| org.to_string()))
        .bind(new.name.as_str())
        .bind(new.provider.as_str())
        .bind(base_url.as_str())
        .bind(new.sealed.clone())
        .bind(new.masked.as_str())
        .bind(models)
        .bind(new.priority)
        .bind(Switch::Active.word())
        .bind(new.created_at);
        match (tx.execute(statement).await, new.owner) {
            (Err(failed), _) if failed.is_duplicate() => {
                return Err(ProviderKeyRefused::NameTaken(new.name.clone()));
            }
            (Err(failed), Some(org)) if failed.is_dangling() => {
                return Err(ProviderKeyRefused::NoSuchOrg(org));
            }
            (inserted, _) => inserted?,
        };
        changes::note(&mut tx, Kind::Route, new.id, new.created_at).await?;
        let detail = Detail::none()
            .text("name", &new.name)
            .text("provider", &new.provider)
            .text("base_url", &base_url)
            .text("secret", &new.masked);
        audit::append(&mut tx, &act.done(Action::PROVIDER_KEY_CREATE, new.id, detail)).await?;
        tx.commit().await?;
        let NewProviderKey {
            id, owner, name, provider, sealed, masked, serves, priority, created_at, ..
        } = new.clone();
        let state = Switch::Active;
        Ok(ProviderKey {
            id,
            owner,
            name,
            provider,
            base_url,
            sealed,
            masked,
            serves,
            priority,
            state,
            created_at,
        })
    }

    /// All provider keys, in the order in which they are tried.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self) -> Result<Vec<ProviderKey>, ReadFailed> {
        let statement = Statement::new(COLUMNS).push(" ORDER BY priority, created_at, id");
        self.db.fetch_all(statement).await?.iter().map(provider_key).collect()
    }

    /// The provider key with this identifier or name.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn get(&self, id_or_name: &str) -> Result<ProviderKey, ProviderKeyRefused> {
        let column = if id_or_name.parse::<ProviderKeyId>().is_ok() { "id =" } else { "name =" };
        let statement = Statement::new(COLUMNS).and(column, Some(id_or_name));
        let row = self.db.fetch_optional(statement).await?;
        Ok(provider_key(&row.ok_or_else(|| ProviderKeyRefused::NotFound(id_or_name.to_owned()))?)?)
    }

    /// Switches a provider key off or on; the request path learns of it.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn set_state(
        &self,
        id: ProviderKeyId,
        state: Switch,
        act: &Act,
    ) -> Result<(), ProviderKeyRefused> {
        let action = match state {
            Switch::Active => Action::PROVIDER_KEY_ENABLE,
            Switch::Disabled => Action::PROVIDER_KEY_DISABLE,
        };
        let statement =
            Statement::new("UPDATE provider_keys SET state = $1 WHERE id = $2 RETURNING name, provider")
                .bind(state.word())
                .bind(id.to_string());
        self.change(statement, id, action, act).await
    }

    /// Removes a provider key with its sealed secret; records of calls keep its identifier. The request path learns
    /// of it.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn delete(&self, id: ProviderKeyId, act: &Act) -> Result<(), ProviderKeyRefused> {
        let statement = Statement::new("DELETE FROM provider_keys WHERE id = $1 RETURNING name, provider")
            .bind(id.to_string());
        self.change(statement, id, Action::PROVIDER_KEY_REMOVE, act).await
    }

    /// The connections in use, for the routing table, in the order in which they are tried.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn connections(&self) -> Result<Vec<Connection>, ReadFailed> {
        let keys = self.list().await?.into_iter().filter(|key| key.state == Switch::Active);
        Ok(keys.map(connection).collect())
    }

    async fn change(
        &self,
        statement: Statement,
        id: ProviderKeyId,
        action: Action,
        act: &Act,
    ) -> Result<(), ProviderKeyRefused> {
        let mut tx = self.db.begin().await?;
        let row = tx
            .fetch_optional(statement)
            .await?
            .ok_or_else(|| ProviderKeyRefused::NotFound(id.to_string()))?;
        changes::note(&mut tx, Kind::Route, id, act.at).await?;
        let detail = Detail::none().text("name", row.text("name")?).text("provider", row.text("provider")?);
        audit::append(&mut tx, &act.done(action, id, detail)).await?;
        Ok(tx.commit().await?)
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
    }
}

fn provider_key(row: &Row) -> Result<ProviderKey, ReadFailed> {
    Ok(ProviderKey {
        id: row.parse("id")?,
        owner: row.parse_optional("owner_org")?,
        name: row.text("name")?,
        provider: row.text("provider")?,
        base_url: row.text("base_url")?,
        sealed: row.get("sealed")?,
        masked: row.text("masked")?,
        serves: row.json_optional("models")?.map_or(Serves::Any, Serves::Listed),
        priority: row.number("priority")?,
        state: row.read("state", Switch::parse)?,
        created_at: row.time("created_at")?,
    })
}
