//! Rows as people read them: those that fit a filter, of one organization or of all. What proves them is not here.

use domain::audit::Entry;
use domain::audit::chain::Link;
use domain::id::{OrgId, UserId};
use domain::time::Timestamp;

use super::{MAX_PAGE, append, row};
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};

/// Which rows to list; absent means any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// That concern this organization.
    pub org: Option<OrgId>,
    /// Of this action.
    pub action: Option<String>,
    /// Written about this resource.
    pub resource: Option<String>,
    /// Done by this actor, by its identifier.
    pub actor: Option<String>,
    /// Done by this person, or written about them.
    pub person: Option<UserId>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// That came with this request.
    pub request_id: Option<String>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// Rows of the trail: those that concern one organization, or all.
pub struct Rows<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// Records an act that changes nothing else in the database, as the concern of the organization if there is one.
    ///
    /// # Errors
    /// [`WriteFailed`] when it cannot be recorded; what it tells of must then not happen.
    pub async fn record(&self, entry: &Entry) -> Result<(), WriteFailed> {
        let entry = match self.org {
            Some(org) => entry.clone().of(org),
            None => entry.clone(),
        };
        let mut tx = self.db.begin().await?;
        append(&mut tx, &entry).await?;
        tx.commit().await
    }

    /// The rows after number `seq` that fit, in their order, at most `most` and never more than [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer, or holds a row that cannot be read.
    pub async fn fitting(&self, filter: &AuditFilter, seq: i64, most: u32) -> Result<Vec<Link>, ReadFailed> {
        let statement = self.fits(filter).and("seq >", Some(seq)).push(" ORDER BY seq LIMIT ");
        self.read(statement.push_bind(most.min(MAX_PAGE))).await
    }

    /// The newest rows before number `before` that fit, newest first, at most `most`.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer, or holds a row that cannot be read.
    pub async fn newest(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<Link>, ReadFailed> {
        let statement = self.fits(filter).and("seq <", before).push(" ORDER BY seq DESC LIMIT ");
        self.read(statement.push_bind(most)).await
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Link>, ReadFailed> {
        self.db.fetch_all(statement).await?.iter().map(row::link).collect()
    }

    fn fits(&self, filter: &AuditFilter) -> Statement {
        let statement = Statement::new(row::COLUMNS)
            .and("org =", self.org.map(|org| org.to_string()))
            .and("org =", filter.org.map(|org| org.to_string()))
            .and("action =", filter.action.clone())
            .and("resource =", filter.resource.clone())
            .and("actor_id =", filter.actor.clone())
            .and("outcome =", filter.outcome.clone())
            .and("request_id =", filter.request_id.clone())
            .and("at >=", filter.since)
            .and("at <", filter.until);
        match filter.person {
            None => statement,
            Some(person) => statement
                .push(" AND (actor_id = ")
                .push_bind(person.to_string())
                .push(" OR resource = ")
                .push_bind(person.to_string())
                .push(")"),
        }
    }
}
