//! Projects: what an organization groups its keys by.

mod update;

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, ProjectId};
use domain::limit::{Above, Ceiling, OrgLimits, ProjectLimits};
use domain::time::Timestamp;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::name::{self, BadName};
use crate::page::{self, Page, Paged};
use crate::switch::Switch;

pub use update::ProjectChange;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// Its organization.
    pub org: OrgId,
    /// Its name, unlike any other's of the same organization.
    pub name: String,
    /// Whether it is in use; none of the keys of a disabled one works.
    pub state: Switch,
    /// Its limits over all of its keys, as far as it has any.
    pub limits: ProjectLimits,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A project to be made.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Its identifier.
    pub id: ProjectId,
    /// Its organization.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// Now.
    pub created_at: Timestamp,
}

/// Why a project was not made, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProjectRefused {
    /// The organization has one of this name.
    #[error("the organization already has a project named {0}")]
    NameTaken(String),
    /// The name is no name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// There is no such organization.
    #[error("there is no organization {0}")]
    NoSuchOrg(OrgId),
    /// There is no such project.
    #[error("there is no project {0}")]
    NotFound(String),
    /// Several organizations have one of this name.
    #[error("several organizations have a project named {0}; name the organization too")]
    Ambiguous(String),
    /// Its organization has less. What an organization has is what it was given itself: a project of one without limits
    /// of its own may be given any.
    #[error("a project cannot have more than its organization: {0}")]
    Above(#[from] Above),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// Projects: of one organization, or of all.
pub struct Projects<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

const COLUMNS: &str = "SELECT id, org_id, name, state, limits, created_at FROM projects WHERE 1 = 1";

impl<'a> Projects<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// Makes a project. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`ProjectRefused`] when the name is bad or taken, or the organization is not there.
    pub async fn create(&self, new: &NewProject, act: &Act) -> Result<Project, ProjectRefused> {
        name::check(&new.name)?;
        if self.org.is_some_and(|own| own != new.org) {
            return Err(ProjectRefused::NoSuchOrg(new.org));
        }
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "INSERT INTO projects (id, org_id, name, state, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(new.id.to_string())
        .bind(new.org.to_string())
        .bind(new.name.as_str())
        .bind(Switch::Active.word())
        .bind(new.created_at);
        match tx.execute(statement).await {
            Err(failed) if failed.is_duplicate() => return Err(ProjectRefused::NameTaken(new.name.clone())),
            Err(failed) if failed.is_dangling() => return Err(ProjectRefused::NoSuchOrg(new.org)),
            inserted => inserted?,
        };
        let detail = Detail::none().text("name", &new.name).text("org", new.org);
        audit::append(&mut tx, &act.done(Action::PROJECT_CREATE, new.id, detail).of(new.org)).await?;
        tx.commit().await?;
        Ok(Project {
            id: new.id,
            org: new.org,
            name: new.name.clone(),
            state: Switch::Active,
            limits: ProjectLimits::default(),
            created_at: new.created_at,
        })
    }

    /// The projects of `org`, or of all organizations, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self, org: Option<OrgId>) -> Result<Vec<Project>, ReadFailed> {
        let statement =
            self.select().and("org_id =", org.map(|org| org.to_string())).push(" ORDER BY created_at, id");
        self.db.fetch_all(statement).await?.iter().map(project).collect()
    }

    /// A page of them.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, page: &Page) -> Result<Paged<Project>, ReadFailed> {
        let id = |uuid| ProjectId::new(uuid).to_string();
        let place = |project: &Project| (project.created_at, project.id.uuid());
        page::read(self.db, self.select(), &page::BY_ID, page, id, project, place).await
    }

    /// The project with this identifier or name, of `org` or of any organization.
    ///
    /// # Errors
    /// [`ProjectRefused::NotFound`] when there is none, [`ProjectRefused::Ambiguous`] when a name fits several.
    pub async fn get(&self, org: Option<OrgId>, id_or_name: &str) -> Result<Project, ProjectRefused> {
        let column = if id_or_name.parse::<ProjectId>().is_ok() { "id =" } else { "name =" };
        let statement = self
            .select()
            .and(column, Some(id_or_name))
            .and("org_id =", org.map(|org| org.to_string()))
            .push(" LIMIT 2");
        match self.db.fetch_all(statement).await?.as_slice() {
            [] => Err(ProjectRefused::NotFound(id_or_name.to_owned())),
            [row] => Ok(project(row)?),
            _ => Err(ProjectRefused::Ambiguous(id_or_name.to_owned())),
        }
    }

    /// Switches a project off or on; the request path learns of it.
    ///
    /// # Errors
    /// [`ProjectRefused::NotFound`] when there is none.
    pub async fn set_state(
        &self,
        id: ProjectId,
        state: Switch,
        act: &Act,
    ) -> Result<Project, ProjectRefused> {
        let action = match state {
            Switch::Active => Action::PROJECT_ENABLE,
            Switch::Disabled => Action::PROJECT_DISABLE,
        };
        let mut tx = self.db.begin().await?;
        let found = Project { state, ..self.found(&mut tx, id).await? };
        write(&mut tx, &found, action, Detail::none(), act).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Gives a project limits of its own over all of its keys; the request path learns of it.
    ///
    /// # Errors
    /// [`ProjectRefused`] when there is none, or its organization has less.
    pub async fn set_limits(
        &self,
        id: ProjectId,
        limits: ProjectLimits,
        act: &Act,
    ) -> Result<Project, ProjectRefused> {
        let mut tx = self.db.begin().await?;
        let found = Project { limits, ..self.found(&mut tx, id).await? };
        stay_under_org(&mut tx, &found).await?;
        write(&mut tx, &found, Action::PROJECT_LIMIT, with_limits(Detail::none(), limits), act).await?;
        tx.commit().await?;
        Ok(found)
    }

    fn select(&self) -> Statement {
        Statement::new(COLUMNS).and("org_id =", self.org.map(|org| org.to_string()))
    }

    async fn found(&self, tx: &mut Tx, id: ProjectId) -> Result<Project, ProjectRefused> {
        let row = tx.fetch_optional(self.select().and("id =", Some(id.to_string()))).await?;
        Ok(project(&row.ok_or_else(|| ProjectRefused::NotFound(id.to_string()))?)?)
    }
}

/// Refuses limits above those that the organization has of its own.
async fn stay_under_org(tx: &mut Tx, project: &Project) -> Result<(), ProjectRefused> {
    let statement = Statement::new("SELECT limits FROM orgs WHERE id = $1").bind(project.org.to_string());
    let row = tx.fetch_optional(statement).await?.ok_or(ProjectRefused::NoSuchOrg(project.org))?;
    let ProjectLimits { requests_per_minute, tokens_per_minute } = project.limits;
    Ok(Ceiling::from(row.json::<OrgLimits>("limits")?).check(requests_per_minute, tokens_per_minute)?)
}

fn with_limits(detail: Detail, limits: ProjectLimits) -> Detail {
    let or_off = |limit: Option<u32>| limit.map_or_else(|| "off".to_owned(), |limit| limit.to_string());
    detail
        .text("requests_per_minute", or_off(limits.requests_per_minute))
        .text("tokens_per_minute", or_off(limits.tokens_per_minute))
}

/// Writes what a person may change of a project.
async fn write(
    tx: &mut Tx,
    project: &Project,
    action: Action,
    detail: Detail,
    act: &Act,
) -> Result<(), ProjectRefused> {
    let statement = Statement::new(
        "UPDATE projects SET name = $1, state = $2, limits = $3 WHERE id = $4 AND org_id = $5",
    )
    .bind(project.name.as_str())
    .bind(project.state.word())
    .bind(WriteFailed::json(&project.limits)?)
    .bind(project.id.to_string())
    .bind(project.org.to_string());
    match tx.execute(statement).await {
        Err(failed) if failed.is_duplicate() => return Err(ProjectRefused::NameTaken(project.name.clone())),
        written => written?,
    };
    changes::note(tx, Kind::Project, project.id, act.at).await?;
    let detail = detail.text("name", &project.name).text("org", project.org);
    Ok(audit::append(tx, &act.done(action, project.id, detail).of(project.org)).await?)
}

fn project(row: &Row) -> Result<Project, ReadFailed> {
    Ok(Project {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        name: row.text("name")?,
        state: row.read("state", Switch::parse)?,
        limits: row.json("limits")?,
        created_at: row.time("created_at")?,
    })
}
