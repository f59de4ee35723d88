//! What is past its time, by class, as statements: each removes a bounded number of rows that were due at an instant.
//! The audit trail is not among them: its rows leave by being archived.

use domain::retention::Class;
use domain::time::Timestamp;

use super::{Retention, Run};
use crate::db::statement::Statement;
use crate::db::{ReadFailed, WriteFailed};

/// Most rows that one transaction removes.
pub const BATCH: u32 = 500;

/// One way in which rows of a class leave.
enum Way {
    /// From a table, the rows that a query over `moment <= $1 LIMIT $2` finds.
    Simple { delete: &'static str, find: &'static str },
    /// Traces by the time that holds for their organization, of all that have any.
    TracesOfOrgs,
    /// Traces by the time that the maker of their key has set.
    TracesOfUsers,
}

const fn simple(delete: &'static str, find: &'static str) -> Way {
    Way::Simple { delete, find }
}

/// The ways of a class, in the order in which they are gone.
fn ways(class: Class) -> &'static [Way] {
    const TRACES: &[Way] = &[Way::TracesOfOrgs, Way::TracesOfUsers];
    const LOGINS: &[Way] = &[
        simple(
            "DELETE FROM refresh_tokens",
            "SELECT t.rowid FROM logins l CROSS JOIN refresh_tokens t ON t.login_id = l.id \
             WHERE MIN(COALESCE(l.ended_at, l.ends_at), l.expires_at, l.ends_at) <= ",
        ),
        simple(
            "DELETE FROM logins",
            "SELECT rowid FROM logins WHERE id NOT IN (SELECT login_id FROM refresh_tokens) \
             AND MIN(COALESCE(ended_at, ends_at), expires_at, ends_at) <= ",
        ),
    ];
    const LOGIN_FAILURES: &[Way] = &[simple(
        "DELETE FROM login_failures",
        "SELECT rowid FROM login_failures WHERE MAX(seen_at, locked_until) <= ",
    )];
    const MAILED_TOKENS: &[Way] =
        &[simple("DELETE FROM mailed_tokens", "SELECT rowid FROM mailed_tokens WHERE expires_at <= ")];
    const INVITATIONS: &[Way] =
        &[simple("DELETE FROM invitations", "SELECT rowid FROM invitations WHERE expires_at <= ")];
    const PINNED: &[Way] = &[
        simple("DELETE FROM pinned_answers", "SELECT rowid FROM pinned_answers WHERE at <= "),
        simple("DELETE FROM files", "SELECT rowid FROM files WHERE removed_at <= "),
    ];
    const BATCHES: &[Way] =
        &[simple("DELETE FROM batches", "SELECT rowid FROM batches WHERE settled AND started_at <= ")];
    const IDEMPOTENCY: &[Way] =
        &[simple("DELETE FROM idempotency", "SELECT rowid FROM idempotency WHERE created_at <= ")];
    const RUNS: &[Way] = &[
        simple("DELETE FROM retention_runs", "SELECT rowid FROM retention_runs WHERE ended_at <= "),
        simple("DELETE FROM audit_verifications", "SELECT rowid FROM audit_verifications WHERE ended_at <= "),
    ];
    const CANARIES: &[Way] = &[simple(
        "DELETE FROM retention_canaries",
        "SELECT rowid FROM retention_canaries WHERE planted_at <= ",
    )];
    match class {
        Class::TRACES => TRACES,
        Class::LOGINS => LOGINS,
        Class::LOGIN_FAILURES => LOGIN_FAILURES,
        Class::MAILED_TOKENS => MAILED_TOKENS,
        Class::INVITATIONS => INVITATIONS,
        Class::PINNED => PINNED,
        Class::BATCHES => BATCHES,
        Class::IDEMPOTENCY => IDEMPOTENCY,
        Class::RUNS => RUNS,
        Class::CANARIES => CANARIES,
        _ => &[],
    }
}

/// Every organization that has traces, each by one look into the index.
const ORGS_WITH_TRACES: &str = "WITH RECURSIVE with_traces (org) AS (SELECT MIN(org) FROM traces UNION ALL \
    SELECT (SELECT MIN(org) FROM traces WHERE org > with_traces.org) FROM with_traces WHERE with_traces.org IS NOT NULL) \
    SELECT t.rowid FROM with_traces CROSS JOIN traces t ON t.org = with_traces.org \
    WHERE t.at <= ";

impl Way {
    fn delete(&self) -> &'static str {
        match self {
            Way::Simple { delete, .. } => delete,
            Way::TracesOfOrgs | Way::TracesOfUsers => "DELETE FROM traces",
        }
    }

    /// Appends the query of at most `most` rows that are due at `now`, of a class that is kept for `keep`.
    fn find(&self, statement: Statement, class: Class, now: Timestamp, keep: u32, most: u32) -> Statement {
        let hour = Class::TRACES.unit().micros(1);
        let statement = match self {
            Way::Simple { find, .. } => statement.push(find).push_bind(class.unit().before(now, keep)),
            Way::TracesOfOrgs => statement
                .push(ORGS_WITH_TRACES)
                .push_bind(now)
                .push(" - ")
                .push_bind(hour)
                .push(
                    " * COALESCE((SELECT keep FROM retention_settings WHERE class = 'traces' AND level = 'org' \
                     AND subject = with_traces.org), ",
                )
                .push_bind(keep)
                .push(")"),
            Way::TracesOfUsers => statement
                .push(
                    "SELECT t.rowid FROM retention_settings s CROSS JOIN api_keys k ON k.user_id = s.subject \
                     CROSS JOIN traces t ON t.api_key = k.id \
                     WHERE s.class = 'traces' AND s.level = 'user' AND t.at <= ",
                )
                .push_bind(now)
                .push(" - ")
                .push_bind(hour)
                .push(" * s.keep"),
        };
        statement.push(" LIMIT ").push_bind(most)
    }
}

impl Retention<'_> {
    /// Whether a row of the class is past its time.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn is_due(&self, class: Class, now: Timestamp) -> Result<bool, ReadFailed> {
        let Some(keep) = self.kept(class).await? else { return Ok(false) };
        for way in ways(class) {
            let statement = way.find(Statement::new(""), class, now, keep, 1);
            if self.db.fetch_optional(statement).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes at most [`BATCH`] rows that were due when the run began, and writes down that they are gone, in one
    /// transaction. False when there was nothing left to remove.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; then nothing is gone.
    pub async fn remove_batch(&self, run: &Run, now: Timestamp) -> Result<bool, WriteFailed> {
        let Some(class) = Class::parse(&run.class) else { return Ok(false) };
        let Some(keep) = self.kept(class).await? else { return Ok(false) };
        let mut tx = self.db.begin().await?;
        let mut removed = 0;
        for way in ways(class) {
            let most = u64::from(BATCH).saturating_sub(removed);
            let Ok(most) = u32::try_from(most) else { break };
            if most == 0 {
                break;
            }
            let statement = Statement::new(way.delete()).push(" WHERE rowid IN (");
            let statement = way.find(statement, class, run.created_at, keep, most).push(")");
            removed += tx.execute(statement).await?;
        }
        if removed == 0 {
            return Ok(false);
        }
        super::count(&mut tx, run.id, removed, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_that_leaves_has_its_way() {
        for class in Class::ALL {
            let expect = class.leaves() && *class != Class::AUDIT;
            assert_eq!(!ways(*class).is_empty(), expect, "{class:?}");
        }
    }
}
