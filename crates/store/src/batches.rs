//! Batches that providers work through: posted with the calls, found by the request path, and marked when their call is in
//! the books. What is kept of a call for a while only is with the traces from the day it was asked for.

use domain::batch::Batch;
use domain::file::Requests;
use domain::id::{CallId, OrgId, ProjectId};
use domain::usage::{CallOpened, CallSettled, RouteMode, Surface};

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::models::prices;
use crate::page::Named;
use crate::traces;
use crate::usage::record;

/// Most batches of one page: the longest that a caller may ask for, and one that tells whether there are more.
pub const MAX_PAGE: u32 = 101;

const COLUMNS: &str = "SELECT call, org, project, api_key, started_at, name, connection, route_mode, provider, \
    input_file, surface, model, requests, input_bytes, pricing, prices, price_version FROM batches WHERE 1 = 1";

/// Whether another batch of the project has the name. One that a provider gives twice is not taken twice.
const NAME_IS_TAKEN: &str =
    "EXISTS (SELECT 1 FROM batches b WHERE b.org = $1 AND b.project = $2 AND b.name = $3)";

/// The batches that providers work through.
pub struct Batches<'a> {
    db: &'a Db,
}

impl<'a> Batches<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The batch of a project with this name.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(
        &self,
        org: OrgId,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<Batch>, ReadFailed> {
        let statement = Statement::new(COLUMNS)
            .and("org =", Some(org.to_string()))
            .and("project =", Some(project.to_string()))
            .and("name =", Some(name));
        self.db.fetch_optional(statement).await?.map(|row| read(&row)).transpose()
    }

    /// A page of the batches of a project that have a name: at most as many as it asks for, and never more than
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(
        &self,
        org: OrgId,
        project: ProjectId,
        page: Named<'_>,
    ) -> Result<Vec<Batch>, ReadFailed> {
        let (org, project) = (org.to_string(), project.to_string());
        let statement = Statement::new(COLUMNS)
            .push(" AND name IS NOT NULL")
            .and("org =", Some(org.clone()))
            .and("project =", Some(project.clone()));
        let statement = match page.after {
            None => statement,
            Some(name) => statement
                .push(" AND (started_at, call) ")
                .push(page.order.beyond())
                .push(" (SELECT started_at, call FROM batches WHERE org = ")
                .push_bind(org)
                .push(" AND project = ")
                .push_bind(project)
                .push(" AND name = ")
                .push_bind(name)
                .push(")"),
        };
        let order = page.order.either(" ORDER BY started_at, call", " ORDER BY started_at DESC, call DESC");
        let statement = statement.push(order).push(" LIMIT ").push_bind(page.limit.min(MAX_PAGE));
        self.db.fetch_all(statement).await?.iter().map(read).collect()
    }

    /// Batches of everybody whose call is not in the books, by the age of their calls, behind the one of this call: at most
    /// `limit`, and never more than [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn unsettled(&self, after: Option<CallId>, limit: u32) -> Result<Vec<Batch>, ReadFailed> {
        let statement = Statement::new(COLUMNS)
            .push(" AND NOT settled")
            .and("call >", after.map(|call| call.to_string()))
            .push(" ORDER BY call LIMIT ")
            .push_bind(limit.min(MAX_PAGE));
        self.db.fetch_all(statement).await?.iter().map(read).collect()
    }

    /// Whether the call of a batch is in the books.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn is_settled(&self, call: CallId) -> Result<bool, ReadFailed> {
        let statement =
            Statement::new("SELECT 1 AS one FROM usage_batches WHERE call_id = $1").bind(call.to_string());
        Ok(self.db.fetch_optional(statement).await?.is_some())
    }
}

/// Keeps one, with its name or without; of one that is there already, only a name is added. Its call may be in the books
/// before it.
pub(crate) async fn keep(tx: &mut Tx, batch: &Batch) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "INSERT INTO batches (org, project, name, call, api_key, started_at, connection, route_mode, provider, \
         input_file, surface, model, requests, input_bytes, pricing, prices, price_version, settled) \
         VALUES ($1, $2, CASE WHEN ",
    )
    .push(NAME_IS_TAKEN)
    .push(
        " THEN NULL ELSE $3 END, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
         EXISTS (SELECT 1 FROM usage_calls WHERE started_at = $6 AND call_id = $4)) ON CONFLICT (call) DO NOTHING",
    );
    let Batch { opened, requests, .. } = batch;
    let prices = priced(batch)?;
    let statement = owned(statement, batch)
        .bind(opened.call.to_string())
        .bind(opened.key.to_string())
        .bind(opened.started_at)
        .bind(batch.connection.to_string())
        .bind(batch.route_mode.word())
        .bind(batch.provider.as_str())
        .bind(batch.input_file.as_str())
        .bind(requests.surface.word())
        .bind(requests.model.as_str())
        .bind(requests.count)
        .bind(record::count(requests.input_bytes))
        .bind(prices.word)
        .bind(prices.lists)
        .bind(batch.price_version.as_str());
    if tx.execute(statement).await? > 0 {
        // The trace of a batch that is posted again may be past its time.
        return traces::keep(tx, opened).await;
    }
    if batch.name.is_some() {
        let statement =
            Statement::new("UPDATE batches SET name = $3 WHERE call = $4 AND name IS NULL AND NOT ");
        let statement = owned(statement.push(NAME_IS_TAKEN), batch).bind(opened.call.to_string());
        tx.execute(statement).await?;
    }
    Ok(())
}

/// Notes that the call of a batch, if it is one, is being put into the books, and marks the batch if it is there.
pub(crate) async fn settle(tx: &mut Tx, call: &CallSettled) -> Result<(), WriteFailed> {
    if call.opened.surface != Surface::Batches {
        return Ok(());
    }
    for sql in [
        "INSERT INTO usage_batches (call_id) VALUES ($1) ON CONFLICT (call_id) DO NOTHING",
        "UPDATE batches SET settled = TRUE WHERE call = $1",
    ] {
        tx.execute(Statement::new(sql).bind(call.opened.call.to_string())).await?;
    }
    Ok(())
}

/// The values of `$1` to `$3`.
fn owned(statement: Statement, batch: &Batch) -> Statement {
    let CallOpened { org, project, .. } = batch.opened;
    statement.bind(org.to_string()).bind(project.to_string()).bind(batch.name.clone())
}

/// The two columns of the price.
struct Priced {
    word: &'static str,
    lists: Option<String>,
}

fn priced(batch: &Batch) -> Result<Priced, WriteFailed> {
    Ok(match prices::of(&batch.pricing) {
        Ok(None) => Priced { word: batch.pricing.word(), lists: None },
        Ok(Some(lists)) => Priced { word: batch.pricing.word(), lists: Some(WriteFailed::json(&lists)?) },
        // No catalogue lets a negative price in. A record that could not be written would stop every record behind it.
        Err(_negative) => Priced { word: "unpriced", lists: None },
    })
}

fn read(row: &Row) -> Result<Batch, ReadFailed> {
    Ok(Batch {
        opened: CallOpened {
            call: row.parse("call")?,
            org: row.parse("org")?,
            project: row.parse("project")?,
            key: row.parse("api_key")?,
            surface: Surface::Batches,
            started_at: row.time("started_at")?,
            trace: None,
        },
        connection: row.parse("connection")?,
        route_mode: row.read("route_mode", RouteMode::parse)?,
        provider: row.text("provider")?,
        input_file: row.text("input_file")?,
        requests: Requests {
            surface: row.read("surface", record::surface)?,
            model: row.text("model")?,
            count: row.number("requests")?,
            input_bytes: row.number("input_bytes")?,
        },
        pricing: prices::column(row)?,
        price_version: row.text("price_version")?,
        name: row.get("name")?,
    })
}
