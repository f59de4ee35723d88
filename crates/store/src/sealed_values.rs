//! Every sealed value of the installation, whichever table keeps it, for those who exchange encryption keys; and the
//! check value, by which a wrong key is known before it is used. Nothing here can open one.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, ProviderKeyId, UserId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// Most values that one reading returns, and that one transaction replaces.
pub const MAX_VALUES: u32 = 100;

/// What a provider key is sealed for.
pub const PROVIDER_KEY: &str = "provider_key";
/// What the seed of a second factor is sealed for.
pub const TOTP: &str = "totp";
/// What the check value is sealed for.
pub const CHECK: &str = "vault_check";

/// A sealed value with what it is bound to.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// The tenant; `None` for the installation's own.
    pub owner: Option<OrgId>,
    /// The row it was sealed for.
    pub record: Uuid,
    /// What it was sealed for: [`PROVIDER_KEY`], [`TOTP`] or [`CHECK`].
    pub purpose: &'static str,
    /// What a person calls it.
    pub label: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// A value that is to take the place of another, if nobody was there before.
pub struct Replacement {
    /// What is there now.
    pub old: SealedValue,
    /// What is to be there.
    pub sealed: Vec<u8>,
}

/// The sealed values.
pub struct SealedValues<'a> {
    db: &'a Db,
}

impl<'a> SealedValues<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The sealed values behind `after`, at most [`MAX_VALUES`] and never none if there are more: provider keys, then
    /// seeds of second factors, each in the order of their records. The check value is not among them.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, after: Option<&SealedValue>) -> Result<Vec<SealedValue>, ReadFailed> {
        let seeds_after = after.filter(|value| value.purpose == TOTP).map(|value| value.record);
        if seeds_after.is_none() {
            let keys = self.provider_keys(after.map(|value| value.record)).await?;
            if !keys.is_empty() {
                return Ok(keys);
            }
        }
        self.seeds(seeds_after).await
    }

    async fn provider_keys(&self, after: Option<Uuid>) -> Result<Vec<SealedValue>, ReadFailed> {
        let statement =
            Statement::new("SELECT id, owner_org, name, sealed FROM provider_keys WHERE sealed IS NOT NULL")
                .and("id >", after.map(|record| ProviderKeyId::new(record).to_string()))
                .push(" ORDER BY id LIMIT ")
                .push_bind(MAX_VALUES);
        self.db.fetch_all(statement).await?.iter().map(provider_key).collect()
    }

    async fn seeds(&self, after: Option<Uuid>) -> Result<Vec<SealedValue>, ReadFailed> {
        let statement = Statement::new("SELECT id, totp_sealed FROM users WHERE totp_sealed IS NOT NULL")
            .and("id >", after.map(|record| UserId::new(record).to_string()))
            .push(" ORDER BY id LIMIT ")
            .push_bind(MAX_VALUES);
        self.db.fetch_all(statement).await?.iter().map(seed).collect()
    }

    /// How many sealed values there are, without the check value.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn count(&self) -> Result<u64, ReadFailed> {
        let statement = Statement::new(
            "SELECT (SELECT COUNT(*) FROM provider_keys WHERE sealed IS NOT NULL) \
             + (SELECT COUNT(*) FROM users WHERE totp_sealed IS NOT NULL) AS n",
        );
        self.db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.number("n"))
    }

    /// The check value; `None` before the first start.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn check(&self) -> Result<Option<SealedValue>, ReadFailed> {
        let statement = Statement::new("SELECT record, sealed FROM vault_check WHERE id = 1");
        self.db.fetch_optional(statement).await?.as_ref().map(check).transpose()
    }

    /// Keeps the check value, unless there is one: the first stays.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn keep_check(&self, record: Uuid, sealed: &[u8], now: Timestamp) -> Result<(), WriteFailed> {
        let statement = Statement::new(
            "INSERT INTO vault_check (id, record, sealed, created_at) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(record.to_string())
        .bind(sealed)
        .bind(now);
        let mut tx = self.db.begin().await?;
        tx.execute(statement).await?;
        tx.commit().await
    }

    /// Puts each new value where the old one still is, in one transaction, and says how many it put. The request path
    /// learns of it, and the audit trail.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; then none was put.
    pub async fn replace(&self, values: &[Replacement], act: &Act) -> Result<u64, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let mut put = 0;
        for value in values {
            put += replace(&mut tx, value).await?;
        }
        if put > 0 {
            // No connection is named: what is held against one of them is not forgiven for this.
            changes::note(&mut tx, Kind::Route, "vault", act.at).await?;
            let detail = Detail::none().number("rewrapped", put);
            audit::append(&mut tx, &act.done(Action::VAULT_ROTATE, "vault", detail)).await?;
        }
        tx.commit().await?;
        Ok(put)
    }
}

/// Compares and swaps: a value that somebody changed or removed meanwhile is left as they want it.
async fn replace(tx: &mut Tx, value: &Replacement) -> Result<u64, WriteFailed> {
    let Replacement { old, sealed } = value;
    if old.purpose == CHECK {
        let statement = Statement::new("UPDATE vault_check SET sealed = $1 WHERE id = 1 AND sealed = $2")
            .bind(sealed.as_slice())
            .bind(old.sealed.as_slice());
        return tx.execute(statement).await;
    }
    let (sql, id) = if old.purpose == TOTP {
        let sql = "UPDATE users SET totp_sealed = $1 WHERE id = $2 AND totp_sealed = $3";
        (sql, UserId::new(old.record).to_string())
    } else {
        let sql = "UPDATE provider_keys SET sealed = $1 WHERE id = $2 AND sealed = $3";
        (sql, ProviderKeyId::new(old.record).to_string())
    };
    let statement = Statement::new(sql).bind(sealed.as_slice()).bind(id).bind(old.sealed.as_slice());
    tx.execute(statement).await
}

fn provider_key(row: &Row) -> Result<SealedValue, ReadFailed> {
    Ok(SealedValue {
        owner: row.parse_optional("owner_org")?,
        record: row.parse::<ProviderKeyId>("id")?.uuid(),
        purpose: PROVIDER_KEY,
        label: row.text("name")?,
        sealed: row.get("sealed")?,
    })
}

fn seed(row: &Row) -> Result<SealedValue, ReadFailed> {
    let id: UserId = row.parse("id")?;
    Ok(SealedValue {
        owner: None,
        record: id.uuid(),
        purpose: TOTP,
        label: format!("the second factor of {id}"),
        sealed: row.get("totp_sealed")?,
    })
}

fn check(row: &Row) -> Result<SealedValue, ReadFailed> {
    Ok(SealedValue {
        owner: None,
        record: row.parse("record")?,
        purpose: CHECK,
        label: "the check value".to_owned(),
        sealed: row.get("sealed")?,
    })
}
