//! What went over each connection lately, for whoever counts on across a restart.

use domain::id::ProviderKeyId;
use domain::money::Money;
use domain::time::Timestamp;

use super::Usage;
use crate::db::ReadFailed;
use crate::db::statement::Statement;

/// What went over a connection around one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The connection.
    pub provider_key: ProviderKeyId,
    /// When the first of the calls began.
    pub at: Timestamp,
    /// How many they were.
    pub calls: u32,
    /// Their tokens, of every kind.
    pub tokens: u64,
    /// What they cost.
    pub cost: Money,
}

impl Usage<'_> {
    /// What went over the connections with quotas since then, in steps of a few minutes, the oldest first. A sum that is
    /// too large to be true is held at a large number.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn spent_since(&self, since: Timestamp) -> Result<Vec<Spent>, ReadFailed> {
        let quotas = Statement::new("SELECT id FROM provider_keys WHERE quotas <> '{}' LIMIT 1");
        if self.db.fetch_optional(quotas).await?.is_none() {
            return Ok(Vec::new());
        }
        let statement = Statement::new(
            "SELECT provider_key_id, MIN(started_at) AS at, COUNT(*) AS calls, \
             SUM(MIN(cost_nanos, 1000000000000)) AS cost, \
             SUM(MIN(input_tokens, 1000000000) + MIN(cache_read_tokens, 1000000000) + \
             MIN(cache_write_tokens, 1000000000) + MIN(output_tokens, 1000000000) + \
             MIN(reasoning_tokens, 1000000000) + MIN(audio_tokens, 1000000000) + \
             MIN(cache_write_1h_tokens, 1000000000) + MIN(image_tokens, 1000000000)) AS tokens \
             FROM usage WHERE provider_key_id IN (SELECT id FROM provider_keys WHERE quotas <> '{}') \
             AND started_at > ",
        )
        .push_bind(since)
        .push(" GROUP BY provider_key_id, started_at / 600000000 ORDER BY at");
        let rows = self.db.fetch_all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(Spent {
                    provider_key: row.parse("provider_key_id")?,
                    at: row.time("at")?,
                    calls: row.number("calls")?,
                    tokens: row.number("tokens")?,
                    cost: Money::from_nanos(row.get("cost")?),
                })
            })
            .collect()
    }
}
