//! Projects: what an organization groups its keys by.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, ProjectId};
use domain::time::Timestamp;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::name::{self, BadName};
use crate::switch::Switch;

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
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The projects.
pub struct Projects<'a> {
    db: &'a Db,
}

const COLUMNS: &str = "SELECT id, org_id, name, state, created_at FROM projects WHERE 1 = 1";

impl<'a> Projects<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Makes a project. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`ProjectRefused`] when the name is bad or taken, or the organization is not there.
    pub async fn create(&self, new: &NewProject, act: &Act) -> Result<Project, ProjectRefused> {
        name::check(&new.name)?;
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
        audit::append(&mut tx, &act.done(Action::PROJECT_CREATE, new.id, detail)).await?;
        tx.commit().await?;
        Ok(Project {
            id: new.id,
            org: new.org,
            name: new.name.clone(),
            state: Switch::Active,
            created_at: new.created_at,
        })
    }

    /// The projects of `org`, or of all organizations, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self, org: Option<OrgId>) -> Result<Vec<Project>, ReadFailed> {
        let statement = Statement::new(COLUMNS)
            .and("org_id =", org.map(|org| org.to_string()))
            .push(" ORDER BY created_at, id");
        self.db.fetch_all(statement).await?.iter().map(project).collect()
    }

    /// The project with this identifier or name, of `org` or of any organization.
    ///
    /// # Errors
    /// [`ProjectRefused::NotFound`] when there is none, [`ProjectRefused::Ambiguous`] when a name fits several.
    pub async fn get(&self, org: Option<OrgId>, id_or_name: &str) -> Result<Project, ProjectRefused> {
        let column = if id_or_name.parse::<ProjectId>().is_ok() { "id =" } else { "name =" };
        let statement = Statement::new(COLUMNS)
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
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "UPDATE projects SET state = $1 WHERE id = $2 RETURNING id, org_id, name, state, created_at",
        )
        .bind(state.word())
        .bind(id.to_string());
        let row =
            tx.fetch_optional(statement).await?.ok_or_else(|| ProjectRefused::NotFound(id.to_string()))?;
        changes::note(&mut tx, Kind::Project, id, act.at).await?;
        let action = match state {
            Switch::Active => Action::PROJECT_ENABLE,
            Switch::Disabled => Action::PROJECT_DISABLE,
        };
        let detail = Detail::none().text("name", row.text("name")?).text("org", row.text("org_id")?);
        audit::append(&mut tx, &act.done(action, id, detail)).await?;
        tx.commit().await?;
        Ok(project(&row)?)
    }
}

fn project(row: &Row) -> Result<Project, ReadFailed> {
    Ok(Project {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        name: row.text("name")?,
        state: row.read("state", Switch::parse)?,
        created_at: row.time("created_at")?,
    })
}
