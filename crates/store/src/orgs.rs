//! Organizations: the tenants.

mod key_provider;
mod origins;
mod update;

use domain::address::Block;
use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::OrgId;
use domain::limit::OrgLimits;
use domain::origin::Origins;
use domain::scope::InlineKeys;
use domain::time::Timestamp;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::name::{self, BadName};
use crate::page::{self, Page, Paged};

pub use update::OrgChange;

/// Where an organization is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrgState {
    /// In use.
    Active,
    /// Stopped: none of its keys works.
    Suspended,
}

impl OrgState {
    /// The stored word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            OrgState::Active => "active",
            OrgState::Suspended => "suspended",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|state| state.word() == word)
    }
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its identifier.
    pub id: OrgId,
    /// Its name, which others may have as well: one that is taken would tell of another tenant.
    pub name: String,
    /// Where it is in its life.
    pub state: OrgState,
    /// Its limits, as far as it has its own.
    pub limits: OrgLimits,
    /// Where any of its keys may be used from. None is anywhere; a list that is empty is nowhere.
    pub allowed_ips: Option<Vec<Block>>,
    /// The web pages that it lets call it from browsers.
    pub allowed_origins: Origins,
    /// Whether its calls may bring a provider key of their own.
    pub inline_keys: InlineKeys,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An organization to be made.
#[derive(Debug, Clone)]
pub struct NewOrg {
    /// Its identifier.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Now.
    pub created_at: Timestamp,
}

/// Why an organization was not made, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum OrgRefused {
    /// The name is no name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// There is none.
    #[error("there is no organization {0}")]
    NotFound(String),
    /// Several have this name.
    #[error("there are several organizations named {0}; give the id of the one that is meant")]
    Ambiguous(String),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The organizations: all of them, or one.
pub struct Orgs<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

const COLUMNS: &str = "SELECT id, name, state, limits, allowed_ips, allowed_origins, inline_keys, created_at FROM orgs \
                       WHERE 1 = 1";

impl<'a> Orgs<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// Makes an organization. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`OrgRefused`] when the name is bad.
    pub async fn create(&self, new: &NewOrg, act: &Act) -> Result<Org, OrgRefused> {
        name::check(&new.name)?;
        self.own(new.id)?;
        let mut tx = self.db.begin().await?;
        let statement =
            Statement::new("INSERT INTO orgs (id, name, state, created_at) VALUES ($1, $2, $3, $4)")
                .bind(new.id.to_string())
                .bind(new.name.as_str())
                .bind(OrgState::Active.word())
                .bind(new.created_at);
        tx.execute(statement).await?;
        let detail = Detail::none().text("name", &new.name);
        audit::append(&mut tx, &act.done(Action::ORG_CREATE, new.id, detail).of(new.id)).await?;
        tx.commit().await?;
        Ok(Org {
            id: new.id,
            name: new.name.clone(),
            state: OrgState::Active,
            limits: OrgLimits::default(),
            allowed_ips: None,
            allowed_origins: Origins::default(),
            inline_keys: InlineKeys::default(),
            created_at: new.created_at,
        })
    }

    /// All organizations, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self) -> Result<Vec<Org>, ReadFailed> {
        let statement = self.select().push(" ORDER BY created_at, id");
        self.db.fetch_all(statement).await?.iter().map(org).collect()
    }

    /// A page of them.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, page: &Page) -> Result<Paged<Org>, ReadFailed> {
        let id = |uuid| OrgId::new(uuid).to_string();
        let place = |org: &Org| (org.created_at, org.id.uuid());
        page::read(self.db, self.select(), &page::BY_ID, page, id, org, place).await
    }

    /// The organization with this identifier or name.
    ///
    /// # Errors
    /// [`OrgRefused::NotFound`] when there is none, [`OrgRefused::Ambiguous`] when a name fits several.
    pub async fn get(&self, id_or_name: &str) -> Result<Org, OrgRefused> {
        let column = if id_or_name.parse::<OrgId>().is_ok() { "id =" } else { "name =" };
        let statement = self.select().and(column, Some(id_or_name)).push(" LIMIT 2");
        match self.db.fetch_all(statement).await?.as_slice() {
            [] => Err(OrgRefused::NotFound(id_or_name.to_owned())),
            [row] => Ok(org(row)?),
            _ => Err(OrgRefused::Ambiguous(id_or_name.to_owned())),
        }
    }

    /// Suspends an organization or takes it back into use; the request path learns of it.
    ///
    /// # Errors
    /// [`OrgRefused::NotFound`] when there is none.
    pub async fn set_state(&self, id: OrgId, state: OrgState, act: &Act) -> Result<Org, OrgRefused> {
        self.own(id)?;
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "UPDATE orgs SET state = $1 WHERE id = $2 \
             RETURNING id, name, state, limits, allowed_ips, allowed_origins, inline_keys, created_at",
        )
        .bind(state.word())
        .bind(id.to_string());
        let row = tx.fetch_optional(statement).await?.ok_or_else(|| OrgRefused::NotFound(id.to_string()))?;
        changes::note(&mut tx, Kind::Org, id, act.at).await?;
        let action = match state {
            OrgState::Active => Action::ORG_ACTIVATE,
            OrgState::Suspended => Action::ORG_SUSPEND,
        };
        let detail = Detail::none().text("name", row.text("name")?);
        audit::append(&mut tx, &act.done(action, id, detail).of(id)).await?;
        tx.commit().await?;
        Ok(org(&row)?)
    }

    /// Gives an organization limits of its own over all of its keys; the request path learns of it.
    ///
    /// # Errors
    /// [`OrgRefused::NotFound`] when there is none.
    pub async fn set_limits(&self, id: OrgId, limits: OrgLimits, act: &Act) -> Result<Org, OrgRefused> {
        self.own(id)?;
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "UPDATE orgs SET limits = $1 WHERE id = $2 \
             RETURNING id, name, state, limits, allowed_ips, allowed_origins, inline_keys, created_at",
        )
        .bind(WriteFailed::json(&limits)?)
        .bind(id.to_string());
        let row = tx.fetch_optional(statement).await?.ok_or_else(|| OrgRefused::NotFound(id.to_string()))?;
        changes::note(&mut tx, Kind::Org, id, act.at).await?;
        let or =
            |limit: Option<u32>, none: &str| limit.map_or_else(|| none.to_owned(), |limit| limit.to_string());
        let detail = Detail::none()
            .text("name", row.text("name")?)
            .text("requests_per_minute", or(limits.requests_per_minute, "default"))
            .text("tokens_per_minute", or(limits.tokens_per_minute, "off"))
            .text("user_requests_per_minute", or(limits.user_requests_per_minute, "default"));
        audit::append(&mut tx, &act.done(Action::ORG_LIMIT, id, detail).of(id)).await?;
        tx.commit().await?;
        Ok(org(&row)?)
    }

    /// Says from where any key of an organization may be used; the request path learns of it.
    ///
    /// # Errors
    /// [`OrgRefused::NotFound`] when there is none.
    pub async fn set_allowed_ips(
        &self,
        id: OrgId,
        allowed_ips: Option<&[Block]>,
        act: &Act,
    ) -> Result<Org, OrgRefused> {
        self.own(id)?;
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "UPDATE orgs SET allowed_ips = $1 WHERE id = $2 \
             RETURNING id, name, state, limits, allowed_ips, allowed_origins, inline_keys, created_at",
        )
        .bind(allowed_ips.map(|blocks| WriteFailed::json(&blocks)).transpose()?)
        .bind(id.to_string());
        let row = tx.fetch_optional(statement).await?.ok_or_else(|| OrgRefused::NotFound(id.to_string()))?;
        changes::note(&mut tx, Kind::Org, id, act.at).await?;
        let detail = audit::with_addresses(Detail::none().text("name", row.text("name")?), allowed_ips);
        audit::append(&mut tx, &act.done(Action::ORG_ALLOW_IP, id, detail).of(id)).await?;
        tx.commit().await?;
        Ok(org(&row)?)
    }

    fn select(&self) -> Statement {
        Statement::new(COLUMNS).and("id =", self.org.map(|org| org.to_string()))
    }

    /// Refuses any organization but the one these books are bound to; whether it is there makes no difference.
    fn own(&self, id: OrgId) -> Result<(), OrgRefused> {
        if self.org.is_none_or(|own| own == id) { Ok(()) } else { Err(OrgRefused::NotFound(id.to_string())) }
    }
}

fn org(row: &Row) -> Result<Org, ReadFailed> {
    Ok(Org {
        id: row.parse("id")?,
        name: row.text("name")?,
        state: row.read("state", OrgState::parse)?,
        limits: row.json("limits")?,
        allowed_ips: row.json_optional("allowed_ips")?,
        allowed_origins: row.json("allowed_origins")?,
        inline_keys: if row.get("inline_keys")? { InlineKeys::Allowed } else { InlineKeys::Refused },
        created_at: row.time("created_at")?,
    })
}
