//! Rows of the audit trail on their way in and out.

use domain::audit::chain::Link;
use domain::audit::{Actor, Entry};

use crate::db::ReadFailed;
use crate::db::row::Row;
use crate::db::statement::Statement;

pub(super) const COLUMNS: &str = "SELECT seq, event, org, at, actor_kind, actor_id, actor_prefix, action, resource, \
                                  outcome, request_id, ip, user_agent, detail, prev, this FROM audit WHERE 1 = 1";

/// A row as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub seq: i64,
    /// What it says; `None` when a column holds what no row of ours ever did.
    pub link: Option<Link>,
}

pub(super) fn kept(row: &Row) -> Result<Kept, ReadFailed> {
    Ok(Kept { seq: row.get("seq")?, link: link(row).ok() })
}

pub(super) fn link(row: &Row) -> Result<Link, ReadFailed> {
    Ok(Link {
        seq: row.get("seq")?,
        entry: Entry {
            event: row.text("event")?,
            org: row.text("org")?,
            at: row.time("at")?,
            actor: Actor {
                kind: row.text("actor_kind")?,
                id: row.text("actor_id")?,
                prefix: row.text("actor_prefix")?,
            },
            action: row.text("action")?,
            resource: row.text("resource")?,
            outcome: row.text("outcome")?,
            request_id: row.text("request_id")?,
            ip: row.text("ip")?,
            user_agent: row.text("user_agent")?,
            detail: row.text("detail")?,
            claim: None,
        },
        prev: row.get("prev")?,
        this: row.get("this")?,
    })
}

pub(super) fn insert(link: &Link) -> Statement {
    let Entry {
        event,
        org,
        at,
        actor,
        action,
        resource,
        outcome,
        request_id,
        ip,
        user_agent,
        detail,
        claim: _,
    } = &link.entry;
    Statement::new(
        "INSERT INTO audit (seq, event, org, at, actor_kind, actor_id, actor_prefix, action, resource, outcome, \
         request_id, ip, user_agent, detail, prev, this) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(link.seq)
    .bind(event.as_str())
    .bind(org.as_str())
    .bind(*at)
    .bind(actor.kind.as_str())
    .bind(actor.id.as_str())
    .bind(actor.prefix.as_str())
    .bind(action.as_str())
    .bind(resource.as_str())
    .bind(outcome.as_str())
    .bind(request_id.as_str())
    .bind(ip.as_str())
    .bind(user_agent.as_str())
    .bind(detail.as_str())
    .bind(link.prev.as_slice())
    .bind(link.this.as_slice())
}
