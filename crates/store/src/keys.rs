//! API keys: their facts and their digests. A key is found by its full digest alone when it calls, and by identifier
//! or prefix when a person manages it; a digest never leaves this file.

mod addresses;
mod gate;
mod import;
mod insert;
mod rotate;
mod update;

use domain::address::Block;
use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{KeyId, OrgId, ProjectId, UserId};
use domain::limit::Limits;
use domain::scope::{Access, KeyState};
use domain::time::Timestamp;
use domain::token::Prefix;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::name::{BadName, BadText};
use crate::page::{self, Page, Paged};

pub(crate) use gate::touch;
pub use import::ImportedKey;
pub use update::KeyChange;

/// A key as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its identifier.
    pub id: KeyId,
    /// Its organization.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
    /// The person who made it; none for the command line.
    pub user: Option<UserId>,
    /// The name a person gave it; others may have the same.
    pub name: String,
    /// The public first characters of its body.
    pub prefix: Prefix,
    /// Where it is in its life, whatever the state of its project and organization.
    pub state: KeyState,
    /// The models it may ask for; empty means all.
    pub models: Vec<String>,
    /// What it may be used for; empty means everything.
    pub scopes: Vec<Access>,
    /// Where it may be used from. None is anywhere; a list that is empty is nowhere.
    pub allowed_ips: Option<Vec<Block>>,
    /// Its limits.
    pub limits: Limits,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the last call that was posted with it began.
    pub last_used_at: Option<Timestamp>,
}

/// A key to be registered. Without `Debug`, for it holds the digest.
#[derive(Clone)]
pub struct NewKey {
    /// Its identifier.
    pub id: KeyId,
    /// Its organization.
    pub org: OrgId,
    /// Its project, of that organization.
    pub project: ProjectId,
    /// The person who makes it; none for the command line.
    pub user: Option<UserId>,
    /// Its name.
    pub name: String,
    /// The public first characters of its body.
    pub prefix: Prefix,
    /// The peppered digest of the whole key.
    pub digest: [u8; 32],
    /// The models it may ask for; empty means all.
    pub models: Vec<String>,
    /// What it may be used for; empty means everything.
    pub scopes: Vec<Access>,
    /// Where it may be used from. None is anywhere; a list that is empty is nowhere.
    pub allowed_ips: Option<Vec<Block>>,
    /// Its limits.
    pub limits: Limits,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// Now.
    pub created_at: Timestamp,
}

/// Which keys to list; absent means any.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyFilter {
    /// Of this organization.
    pub org: Option<OrgId>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Made by this person.
    pub user: Option<UserId>,
    /// In this state of its own.
    pub state: Option<KeyState>,
}

/// Why a key was not registered, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefused {
    /// The name is no name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// The same key or identifier is registered.
    #[error("this key is already registered")]
    Duplicate,
    /// One of its models is no name.
    #[error("the list of models: {0}")]
    BadModel(#[from] BadText),
    /// The organization has no such project.
    #[error("the organization has no project {0}")]
    NoSuchProject(ProjectId),
    /// There is no such key.
    #[error("there is no key {0}")]
    NotFound(String),
    /// Several keys have this prefix.
    #[error("several keys begin with {0}; name one by its identifier")]
    Ambiguous(String),
    /// Revocation is final.
    #[error("key {0} is revoked for good; make a new one")]
    Revoked(KeyId),
    /// Only a key that works has a successor.
    #[error("key {0} is not in use: it is disabled, expired or revoked; make a new one")]
    NotInUse(KeyId),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// API keys: of one organization, or of all.
pub struct Keys<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

pub(crate) const COLUMNS: &str = "SELECT id, org_id, project_id, user_id, name, prefix, state, models, scopes, \
    allowed_ips, limits, expires_at, created_at, last_used_at FROM api_keys WHERE 1 = 1";

impl<'a> Keys<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// Registers a key; the request path learns of it. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`KeyRefused`] when the name is bad, the project is not the organization's, or the key is there already.
    pub async fn insert(&self, new: &NewKey, act: &Act) -> Result<Key, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let made = self.insert_in(&mut tx, new, act).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The keys that fit, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self, filter: &KeyFilter) -> Result<Vec<Key>, ReadFailed> {
        let statement = self.fitting(filter).push(" ORDER BY created_at, id");
        self.db.fetch_all(statement).await?.iter().map(key).collect()
    }

    /// A page of those that fit.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, filter: &KeyFilter, page: &Page) -> Result<Paged<Key>, ReadFailed> {
        let id = |uuid| KeyId::new(uuid).to_string();
        let place = |key: &Key| (key.created_at, key.id.uuid());
        page::read(self.db, self.fitting(filter), &page::BY_ID, page, id, key, place).await
    }

    /// The key with this identifier or prefix.
    ///
    /// # Errors
    /// [`KeyRefused::NotFound`] when there is none, [`KeyRefused::Ambiguous`] when a prefix fits several.
    pub async fn get(&self, id_or_prefix: &str) -> Result<Key, KeyRefused> {
        let column = if id_or_prefix.parse::<KeyId>().is_ok() { "id =" } else { "prefix =" };
        let statement = self.select().and(column, Some(id_or_prefix)).push(" LIMIT 2");
        match self.db.fetch_all(statement).await?.as_slice() {
            [] => Err(KeyRefused::NotFound(id_or_prefix.to_owned())),
            [row] => Ok(key(row)?),
            _ => Err(KeyRefused::Ambiguous(id_or_prefix.to_owned())),
        }
    }

    /// Switches a key off or on, or revokes it for good; the request path learns of it.
    ///
    /// # Errors
    /// [`KeyRefused::NotFound`] when there is none, [`KeyRefused::Revoked`] when it would leave that state.
    pub async fn set_state(&self, id: KeyId, state: KeyState, act: &Act) -> Result<Key, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let mut found = self.found(&mut tx, id).await?;
        if found.state == KeyState::Revoked && state != KeyState::Revoked {
            return Err(KeyRefused::Revoked(id));
        }
        let statement = Statement::new("UPDATE api_keys SET state = $1 WHERE id = $2 AND org_id = $3")
            .bind(state.word())
            .bind(id.to_string())
            .bind(found.org.to_string());
        tx.execute(statement).await?;
        changes::note(&mut tx, Kind::Key, id, act.at).await?;
        let action = match state {
            KeyState::Active => Action::KEY_ENABLE,
            KeyState::Disabled => Action::KEY_DISABLE,
            KeyState::Revoked => Action::KEY_REVOKE,
        };
        let detail = Detail::none().text("name", &found.name).text("prefix", found.prefix);
        audit::append(&mut tx, &act.done(action, id, detail).of(found.org)).await?;
        tx.commit().await?;
        found.state = state;
        Ok(found)
    }

    fn select(&self) -> Statement {
        Statement::new(COLUMNS).and("org_id =", self.org.map(|org| org.to_string()))
    }

    fn fitting(&self, filter: &KeyFilter) -> Statement {
        self.select()
            .and("org_id =", filter.org.map(|org| org.to_string()))
            .and("project_id =", filter.project.map(|project| project.to_string()))
            .and("user_id =", filter.user.map(|user| user.to_string()))
            .and("state =", filter.state.map(KeyState::word))
    }

    async fn found(&self, tx: &mut Tx, id: KeyId) -> Result<Key, KeyRefused> {
        let row = tx.fetch_optional(self.select().and("id =", Some(id.to_string()))).await?;
        Ok(key(&row.ok_or_else(|| KeyRefused::NotFound(id.to_string()))?)?)
    }
}

pub(crate) fn key(row: &Row) -> Result<Key, ReadFailed> {
    Ok(Key {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        project: row.parse("project_id")?,
        user: row.parse_optional("user_id")?,
        name: row.text("name")?,
        prefix: row.read("prefix", Prefix::parse)?,
        state: row.read("state", KeyState::parse)?,
        models: row.json("models")?,
        scopes: row.json("scopes")?,
        allowed_ips: row.json_optional("allowed_ips")?,
        limits: row.json("limits")?,
        expires_at: row.time_optional("expires_at")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time_optional("last_used_at")?,
    })
}
