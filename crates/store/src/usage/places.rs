//! Where the records of a page lie. The books lie in the order of time, so that a page of everybody's is a stretch of them;
//! of one organization, project or key it is found key by key, so that nothing is gone through that is another's.

use domain::id::OrgId;

use super::{Cursor, MAX_PAGE, UsageFilter, WITH_TRACES, filtered, record};
use crate::db::statement::Statement;
use crate::page::Order;

/// The page of at most `limit` records that fit, behind a place.
pub(super) fn page(
    org: Option<OrgId>,
    filter: &UsageFilter,
    limit: u32,
    after: Option<Cursor>,
    order: Order,
) -> Statement {
    let span = Span { filter, after, order, limit: limit.min(MAX_PAGE) };
    let statement =
        Statement::new(record::COLUMNS).push(WITH_TRACES).and("org_id =", org.map(|org| org.to_string()));
    let statement = if is_of_some(org, filter) && filter.request_id.is_none() {
        let statement = statement.push(" AND (started_at, call_id) IN (SELECT started_at, call_id FROM (");
        let statement = span.of_bearers(statement, org);
        let statement = match &filter.model {
            Some(model) => span.of_traces(statement.push(" UNION "), org, model),
            None => statement,
        };
        span.ordered(statement.push(") AS found"), ["started_at", "call_id"]).push(")")
    } else {
        span.behind(filtered(statement, filter), ["started_at", "call_id"])
    };
    span.ordered(statement, ["started_at", "call_id"])
}

/// Whether the records of some keys alone may fit.
pub(super) fn is_of_some(org: Option<OrgId>, filter: &UsageFilter) -> bool {
    org.is_some() || filter.org.is_some() || filter.project.is_some() || filter.key.is_some()
}

/// The numbers of the keys that the records which fit may be of.
pub(super) fn bearers(statement: Statement, org: Option<OrgId>, filter: &UsageFilter) -> Statement {
    let statement = statement
        .push("SELECT DISTINCT bearer FROM usage_kinds WHERE 1 = 1")
        .and("org_id =", org.map(|org| org.to_string()))
        .and("org_id =", filter.org.map(|org| org.to_string()))
        .and("project_id =", filter.project.map(|project| project.to_string()))
        .and("key_id =", filter.key.map(|key| key.to_string()));
    filter.model.iter().fold(statement, |statement, model| of_model(statement, model))
}

fn of_model(statement: Statement, model: &str) -> Statement {
    let statement = statement.push(" AND (model = ").push_bind(model);
    statement.push(" OR provider || '/' || model = ").push_bind(model).push(")")
}

/// The part of a list that a page may be of.
struct Span<'a> {
    filter: &'a UsageFilter,
    after: Option<Cursor>,
    order: Order,
    limit: u32,
}

impl Span<'_> {
    /// The first places of each key. No page has places of more keys than it is long: if it did, it would have the
    /// first place of each of them, and those of the keys that come first are enough to fill it.
    fn of_bearers(&self, statement: Statement, org: Option<OrgId>) -> Statement {
        let statement =
            statement.push("SELECT c.started_at, c.call_id FROM (SELECT bearer FROM (SELECT bearer, (");
        let statement = self.first(statement, "started_at", 1).push(") AS first_at, (");
        let statement = self.first(statement, "call_id", 1).push(") AS first_call FROM (");
        let statement =
            bearers(statement, org, self.filter).push(") AS b) AS firsts WHERE first_at IS NOT NULL");
        let statement = self.ordered(statement, ["first_at", "first_call"]);
        let statement = statement
            .push(") AS b JOIN usage_calls c ON c.bearer = b.bearer AND (c.started_at, c.call_id) IN (");
        self.first(statement, "started_at, call_id", self.limit).push(")")
    }

    /// `columns` of the first places of the key `b`.
    fn first(&self, statement: Statement, columns: &'static str, most: u32) -> Statement {
        let statement =
            statement.push("SELECT ").push(columns).push(" FROM usage_calls WHERE bearer = b.bearer");
        let statement = match &self.filter.model {
            Some(model) => {
                let statement =
                    statement.push(" AND kind IN (SELECT kind FROM usage_kinds WHERE bearer = b.bearer");
                of_model(statement, model).push(")")
            }
            None => statement,
        };
        let statement = self.within(statement, ["started_at", "call_id"]);
        Span { limit: most, ..*self }.ordered(statement, ["started_at", "call_id"])
    }

    /// The places of the traces in which the caller wrote the model so. Of a project, a trace knows the key alone.
    fn of_traces(&self, statement: Statement, org: Option<OrgId>, model: &str) -> Statement {
        let UsageFilter { org: asked, project, key, .. } = self.filter;
        let statement = statement
            .push("SELECT at, call FROM traces WHERE model_asked = ")
            .push_bind(model)
            .and("org =", org.map(|org| org.to_string()))
            .and("org =", asked.map(|org| org.to_string()))
            .and("api_key =", key.map(|key| key.to_string()));
        let statement = match project {
            Some(project) => statement
                .push(" AND api_key IN (SELECT key_id FROM usage_kinds WHERE project_id = ")
                .push_bind(project.to_string())
                .push(")"),
            None => statement,
        };
        self.within(statement, ["at", "call"])
    }

    /// Appends the times and the place that the page is behind.
    fn within(&self, statement: Statement, names: [&'static str; 2]) -> Statement {
        let UsageFilter { since, until, .. } = self.filter;
        let [at, _] = names;
        let since = since
            .iter()
            .fold(statement, |text, since| text.push(" AND ").push(at).push(" >= ").push_bind(*since));
        let until =
            until.iter().fold(since, |text, until| text.push(" AND ").push(at).push(" < ").push_bind(*until));
        self.behind(until, names)
    }

    fn behind(&self, statement: Statement, [at, call]: [&'static str; 2]) -> Statement {
        match self.after {
            None => statement,
            Some(after) => statement
                .push(" AND (")
                .push(at)
                .push(", ")
                .push(call)
                .push(") ")
                .push(self.order.beyond())
                .push(" (")
                .push_bind(after.started_at)
                .push(", ")
                .push_bind(after.call.to_string())
                .push(")"),
        }
    }

    fn ordered(&self, statement: Statement, [at, call]: [&'static str; 2]) -> Statement {
        let (ends, next) = (self.order.either("", " DESC"), self.order.either(", ", " DESC, "));
        let statement = statement.push(" ORDER BY ").push(at).push(next).push(call).push(ends);
        statement.push(" LIMIT ").push_bind(self.limit)
    }
}

#[cfg(test)]
mod tests;
