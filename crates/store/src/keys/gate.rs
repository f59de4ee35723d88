//! Keys as the gate sees them: found by their whole digest, with all that is above them.

use std::collections::HashMap;

use domain::id::KeyId;
use domain::retention::{self, Class};
use domain::scope::{ApiKey, InlineKeys, KeyState};
use domain::time::Timestamp;

use super::Keys;
use crate::db::row::Row;
use crate::db::statement::{Statement, in_lots};
use crate::db::{ReadFailed, Tx, WriteFailed};
use crate::orgs::OrgState;
use crate::switch::Switch;

/// All that the gate needs to know, and the digest that found it.
const SELECT: &str = "SELECT k.digest, k.id, k.org_id, k.project_id, k.state, k.models, k.scopes, k.allowed_ips, k.limits, \
     k.expires_at, p.state AS project_state, p.limits AS project_limits, o.state AS org_state, \
     o.limits AS org_limits, o.allowed_ips AS org_allowed_ips, o.allowed_origins AS org_origins, \
     o.inline_keys, k.user_id, \
     (SELECT keep FROM retention_settings WHERE class = 'traces' AND level = 'installation') AS traces_here, \
     (SELECT keep FROM retention_settings WHERE class = 'traces' AND level = 'org' AND subject = k.org_id) \
     AS traces_of_org, \
     (SELECT keep FROM retention_settings WHERE class = 'traces' AND level = 'user' AND subject = k.user_id) \
     AS traces_of_user FROM api_keys k JOIN projects p ON p.id = k.project_id JOIN orgs o ON o.id = k.org_id";

impl Keys<'_> {
    /// What the gate needs to know of the key with this peppered digest; `None` when nobody has it. A key of a
    /// suspended organization or a disabled project counts as disabled.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find_by_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKey>, ReadFailed> {
        let statement = Statement::new(SELECT)
            .push(" WHERE k.digest = ")
            .push_bind(digest.as_slice())
            .and("k.org_id =", self.org.map(|org| org.to_string()));
        self.db.fetch_optional(statement).await?.as_ref().map(api_key).transpose()
    }

    /// The same for several keys at once, in the order of their digests. One key that cannot be read is no reason to keep
    /// the others back.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find_by_digests(
        &self,
        digests: &[[u8; 32]],
    ) -> Result<Vec<Result<Option<ApiKey>, ReadFailed>>, ReadFailed> {
        let Some(last) = digests.last() else { return Ok(vec![]) };
        // The last one is asked for again until their number is a power of two, so that there are few statements to
        // be prepared, each once.
        let repeated = digests.len().next_power_of_two() - digests.len();
        let mut statement = Statement::new(SELECT).push(" WHERE k.digest IN (");
        for digest in digests.iter().chain(std::iter::repeat_n(last, repeated)) {
            let place = if statement.binds.is_empty() { "?" } else { ", ?" };
            statement = statement.push(place).bind(digest.as_slice());
        }
        let statement = statement.push(")").and("k.org_id =", self.org.map(|org| org.to_string()));
        let mut found: HashMap<Vec<u8>, Row> = HashMap::new();
        for row in self.db.fetch_all(statement).await? {
            found.insert(row.get("digest")?, row);
        }
        Ok(digests.iter().map(|digest| found.get(digest.as_slice()).map(api_key).transpose()).collect())
    }

    /// Remembers when keys were last used; a time before the one that is known changes nothing.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn touch_used(&self, used: &[(KeyId, Timestamp)]) -> Result<(), WriteFailed> {
        let mut tx = self.db.begin().await?;
        touch(&mut tx, used).await?;
        tx.commit().await
    }
}

pub(crate) async fn touch(tx: &mut Tx, used: &[(KeyId, Timestamp)]) -> Result<(), WriteFailed> {
    for used in in_lots(used) {
        let rows = used.iter().map(|(id, at)| [id.to_string().into(), (*at).into()]);
        let statement = Statement::insert_rows("WITH used (key_id, at) AS (VALUES ", rows).push(
            ") UPDATE api_keys SET last_used_at = used.at FROM used WHERE api_keys.id = used.key_id \
             AND (last_used_at IS NULL OR last_used_at < used.at)",
        );
        tx.execute(statement).await?;
    }
    Ok(())
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
        user: row.parse_optional("user_id")?,
        state: if own == KeyState::Active && stopped { KeyState::Disabled } else { own },
        expires_at: row.time_optional("expires_at")?,
        models: row.json("models")?,
        scopes: row.json("scopes")?,
        allowed_ips: row.json_optional("allowed_ips")?,
        limits: row.json("limits")?,
        project_limits: row.json("project_limits")?,
        org_limits: row.json("org_limits")?,
        org_allowed_ips: row.json_optional("org_allowed_ips")?,
        org_origins: row.json("org_origins")?,
        org_inline_keys: if row.get("inline_keys")? { InlineKeys::Allowed } else { InlineKeys::Refused },
        trace_hours: retention::shortest(
            row.number_optional("traces_here")?.or(Class::TRACES.default()).unwrap_or(0),
            row.number_optional("traces_of_org")?,
            row.number_optional("traces_of_user")?,
        ),
    })
}
