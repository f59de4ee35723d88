//! Files that providers keep for projects: posted with the calls, found by the request path, listed by their project. A
//! file that is removed leaves a mark until the time of its class is over, for its records may come in any order.

use domain::file::{Content, File, Removed, Requests};
use domain::id::{OrgId, ProjectId};

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::page::Named;
use crate::usage::record;

/// Most files of one page: the longest that a caller may ask for, and one that tells whether there are more.
pub const MAX_PAGE: u32 = 10_001;

const COLUMNS: &str = "SELECT org, project, name, api_key, connection, filename, purpose, bytes, at, content, call, \
    surface, model, requests, input_bytes FROM files WHERE removed_at IS NULL";

/// What a file leaves when it is gone.
const EMPTIED: &str = "api_key = NULL, connection = NULL, filename = NULL, purpose = NULL, bytes = NULL, \
    content = NULL, call = NULL, surface = NULL, model = NULL, requests = NULL, input_bytes = NULL";

/// What an upload puts in the place of an older one of its name, which its provider has forgotten. What a batch left behind
/// takes no place: it is recorded whenever somebody looks at the batch, also after it is removed.
const UPLOADED_ANEW: &str = " ON CONFLICT (org, project, name) DO UPDATE SET api_key = excluded.api_key, \
    connection = excluded.connection, filename = excluded.filename, purpose = excluded.purpose, \
    bytes = excluded.bytes, at = excluded.at, content = excluded.content, call = NULL, surface = excluded.surface, \
    model = excluded.model, requests = excluded.requests, input_bytes = excluded.input_bytes, removed_at = NULL \
    WHERE excluded.content <> 'results' AND excluded.at > COALESCE(files.removed_at, files.at)";

/// The files that providers keep.
pub struct Files<'a> {
    db: &'a Db,
}

impl<'a> Files<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The file of a project with this name, unless it is removed.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(&self, org: OrgId, project: ProjectId, name: &str) -> Result<Option<File>, ReadFailed> {
        let statement = Statement::new(COLUMNS)
            .and("org =", Some(org.to_string()))
            .and("project =", Some(project.to_string()))
            .and("name =", Some(name));
        self.db.fetch_optional(statement).await?.map(|row| read(&row)).transpose()
    }

    /// A page of the files of a project that are not removed, all or those of one purpose: at most as many as it asks for,
    /// and never more than [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(
        &self,
        org: OrgId,
        project: ProjectId,
        page: Named<'_>,
        purpose: Option<&str>,
    ) -> Result<Vec<File>, ReadFailed> {
        let (org, project) = (org.to_string(), project.to_string());
        let statement = Statement::new(COLUMNS)
            .and("org =", Some(org.clone()))
            .and("project =", Some(project.clone()))
            .and("purpose =", purpose);
        let statement = match page.after {
            None => statement,
            Some(name) => statement
                .push(" AND (at, name) ")
                .push(page.order.beyond())
                .push(" (SELECT at, name FROM files WHERE org = ")
                .push_bind(org)
                .push(" AND project = ")
                .push_bind(project)
                .push(" AND name = ")
                .push_bind(name)
                .push(")"),
        };
        let order = page.order.either(" ORDER BY at, name", " ORDER BY at DESC, name DESC");
        let statement = statement.push(order).push(" LIMIT ").push_bind(page.limit.min(MAX_PAGE));
        self.db.fetch_all(statement).await?.iter().map(read).collect()
    }
}

/// Keeps one. One that is there already stays as it is, and so does one that is removed.
pub(crate) async fn keep(tx: &mut Tx, file: &File) -> Result<(), WriteFailed> {
    let (content, call, requests) = match &file.content {
        Content::Requests(requests) => ("requests", None, Some(requests)),
        Content::Results(call) => ("results", Some(call.to_string()), None),
        Content::Opaque => ("opaque", None, None),
    };
    let statement = Statement::new(
        "INSERT INTO files (org, project, name, api_key, connection, filename, purpose, bytes, at, content, call, \
         surface, model, requests, input_bytes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(file.org.to_string())
    .bind(file.project.to_string())
    .bind(file.name.as_str())
    .bind(file.key.to_string())
    .bind(file.connection.to_string())
    .bind(file.filename.as_str())
    .bind(file.purpose.as_str())
    .bind(record::count(file.bytes))
    .bind(file.at)
    .bind(content)
    .bind(call)
    .bind(requests.map(|requests| requests.surface.word().to_owned()))
    .bind(requests.map(|requests| requests.model.clone()))
    .bind(requests.map(|requests| requests.count))
    .bind(requests.map(|requests| record::count(requests.input_bytes)))
    .push(UPLOADED_ANEW);
    tx.execute(statement).await.map(drop)
}

/// Removes one, whether it was posted already or is still to come.
pub(crate) async fn remove(tx: &mut Tx, removed: &Removed) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "INSERT INTO files (org, project, name, removed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (org, project, name) DO UPDATE SET removed_at = excluded.removed_at, ",
    )
    .bind(removed.org.to_string())
    .bind(removed.project.to_string())
    .bind(removed.name.as_str())
    .bind(removed.at)
    .push(EMPTIED)
    .push(" WHERE files.removed_at IS NULL");
    tx.execute(statement).await.map(drop)
}

fn read(row: &Row) -> Result<File, ReadFailed> {
    let requests = || {
        Ok::<_, ReadFailed>(Requests {
            surface: row.read("surface", record::surface)?,
            model: row.text("model")?,
            count: row.number("requests")?,
            input_bytes: row.number("input_bytes")?,
        })
    };
    let content = match row.text("content")?.as_str() {
        "requests" => Content::Requests(requests()?),
        "results" => Content::Results(row.parse("call")?),
        // The table allows no fourth word.
        _ => Content::Opaque,
    };
    Ok(File {
        org: row.parse("org")?,
        project: row.parse("project")?,
        key: row.parse("api_key")?,
        connection: row.parse("connection")?,
        name: row.text("name")?,
        filename: row.text("filename")?,
        purpose: row.text("purpose")?,
        bytes: row.number("bytes")?,
        at: row.time("at")?,
        content,
    })
}
