//! API keys: their facts and their digests. A key is found by its full digest alone when it calls, and by identifier
//! or prefix when a person manages it; a digest never leaves this file.

mod rotate;

use domain::address::Block;
use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{KeyId, OrgId, ProjectId};
use domain::limit::Limits;
use domain::scope::{Access, ApiKey, KeyState};
use domain::time::Timestamp;
use domain::token::Prefix;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::name::{self, BadName};
use crate::orgs::OrgState;
use crate::switch::Switch;

/// A key as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its identifier.
    pub id: KeyId,
    /// Its organization.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
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

/// The API keys.
pub struct Keys<'a> {
    db: &'a Db,
}

const COLUMNS: &str = "SELECT id, org_id, project_id, name, prefix, state, models, scopes, allowed_ips, limits, \
                       expires_at, created_at, last_used_at FROM api_keys WHERE 1 = 1";

impl<'a> Keys<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Registers a key; the request path learns of it. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`KeyRefused`] when the name is bad, the project is not the organization's, or the key is there already.
    pub async fn insert(&self, new: &NewKey, act: &Act) -> Result<Key, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let made = insert_in(&mut tx, new, act).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The keys that fit, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self, filter: &KeyFilter) -> Result<Vec<Key>, ReadFailed> {
        let statement = Statement::new(COLUMNS)
            .and("org_id =", filter.org.map(|org| org.to_string()))
            .and("project_id =", filter.project.map(|project| project.to_string()))
            .push(" ORDER BY created_at, id");
        self.db.fetch_all(statement).await?.iter().map(key).collect()
    }

    /// The key with this identifier or prefix.
    ///
    /// # Errors
    /// [`KeyRefused::NotFound`] when there is none, [`KeyRefused::Ambiguous`] when a prefix fits several.
    pub async fn get(&self, id_or_prefix: &str) -> Result<Key, KeyRefused> {
        let column = if id_or_prefix.parse::<KeyId>().is_ok() { "id =" } else { "prefix =" };
        let statement = Statement::new(COLUMNS).and(column, Some(id_or_prefix)).push(" LIMIT 2");
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
        let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
        let row = tx.fetch_optional(statement).await?.ok_or_else(|| KeyRefused::NotFound(id.to_string()))?;
        let mut found = key(&row)?;
        if found.state == KeyState::Revoked && state != KeyState::Revoked {
            return Err(KeyRefused::Revoked(id));
        }
        let statement = Statement::new("UPDATE api_keys SET state = $1 WHERE id = $2")
            .bind(state.word())
            .bind(id.to_string());
        tx.execute(statement).await?;
        changes::note(&mut tx, Kind::Key, id, act.at).await?;
        let action = match state {
            KeyState::Active => Action::KEY_ENABLE,
            KeyState::Disabled => Action::KEY_DISABLE,
            KeyState::Revoked => Action::KEY_REVOKE,
        };
        let detail = Detail::none().text("name", &found.name).text("prefix", found.prefix);
        audit::append(&mut tx, &act.done(action, id, detail)).await?;
        tx.commit().await?;
        found.state = state;
        Ok(found)
    }

    /// What the gate needs to know of the key with this peppered digest; `None` when nobody has it. A key of a
    /// suspended organization or a disabled project counts as disabled.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find_by_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKey>, ReadFailed> {
        let statement = Statement::new(
            "SELECT k.id, k.org_id, k.project_id, k.state, k.models, k.scopes, k.allowed_ips, k.limits, \
             k.expires_at, p.state AS project_state, o.state AS org_state, o.limits AS org_limits \
             FROM api_keys k JOIN projects p ON p.id = k.project_id JOIN orgs o ON o.id = k.org_id \
             WHERE k.digest = $1",
        )
        .bind(digest.as_slice());
        self.db.fetch_optional(statement).await?.as_ref().map(api_key).transpose()
    }

    /// Remembers when keys were last used; a time before the one that is known changes nothing.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn touch_used(&self, used: &[(KeyId, Timestamp)]) -> Result<(), WriteFailed> {
        let mut tx = self.db.begin().await?;
        for (id, at) in used {
            touch(&mut tx, *id, *at).await?;
        }
        tx.commit().await
    }
}

async fn insert_in(tx: &mut Tx, new: &NewKey, act: &Act) -> Result<Key, KeyRefused> {
    name::check(&new.name)?;
    let statement = Statement::new(
        "INSERT INTO api_keys (id, org_id, project_id, name, prefix, digest, state, models, scopes, allowed_ips, \
         limits, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(new.id.to_string())
    .bind(new.org.to_string())
    .bind(new.project.to_string())
    .bind(new.name.as_str())
    .bind(new.prefix.as_str())
    .bind(new.digest.as_slice())
    .bind(KeyState::Active.word())
    .bind(WriteFailed::json(&new.models)?)
    .bind(WriteFailed::json(&new.scopes)?)
    .bind(new.allowed_ips.as_ref().map(WriteFailed::json).transpose()?)
    .bind(WriteFailed::json(&new.limits)?)
    .bind(new.expires_at)
    .bind(new.created_at);
    match tx.execute(statement).await {
        Err(failed) if failed.is_duplicate() => return Err(KeyRefused::Duplicate),
        Err(failed) if failed.is_dangling() => return Err(KeyRefused::NoSuchProject(new.project)),
        inserted => inserted?,
    };
    changes::note(tx, Kind::Key, new.id, new.created_at).await?;
    let detail = Detail::none()
        .text("name", &new.name)
        .text("prefix", new.prefix)
        .text("org", new.org)
        .text("project", new.project);
    audit::append(tx, &act.done(Action::KEY_CREATE, new.id, detail)).await?;
    Ok(Key {
        id: new.id,
        org: new.org,
        project: new.project,
        name: new.name.clone(),
        prefix: new.prefix,
        state: KeyState::Active,
        models: new.models.clone(),
        scopes: new.scopes.clone(),
        allowed_ips: new.allowed_ips.clone(),
        limits: new.limits,
        expires_at: new.expires_at,
        created_at: new.created_at,
        last_used_at: None,
    })
}

pub(crate) async fn touch(tx: &mut Tx, id: KeyId, at: Timestamp) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
    )
    .bind(at)
    .bind(id.to_string());
    tx.execute(statement).await.map(drop)
}

fn key(row: &Row) -> Result<Key, ReadFailed> {
    Ok(Key {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        project: row.parse("project_id")?,
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

fn api_key(row: &Row) -> Result<ApiKey, ReadFailed> {
    let own = row.read("state", KeyState::parse)?;
    let project = row.read("project_state", Switch::parse)?;
    let org = row.read("org_state", OrgState::parse)?;
    let stopped = project == Switch::Disabled || org == OrgState::Suspended;
    Ok(ApiKey {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        project: row.parse("project_id")?,
        state: if own == KeyState::Active && stopped { KeyState::Disabled } else { own },
        expires_at: row.time_optional("expires_at")?,
        models: row.json("models")?,
        scopes: row.json("scopes")?,
        allowed_ips: row.json_optional("allowed_ips")?,
        limits: row.json("limits")?,
        org_limits: row.json("org_limits")?,
    })
}
