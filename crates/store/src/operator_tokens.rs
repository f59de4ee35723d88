//! Tokens of operators, for the admin listener: their digests and nothing that could be used in their place.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::time::Timestamp;
use domain::token::Prefix;
use uuid::Uuid;

use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::name::{self, BadName};

/// A token as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// Its identifier.
    pub id: Uuid,
    /// The name a person gave it.
    pub name: String,
    /// The public first characters of its body.
    pub prefix: Prefix,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token to be registered. Without `Debug`, for it holds the digest.
#[derive(Clone)]
pub struct NewOperatorToken {
    /// Its identifier.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The public first characters of its body.
    pub prefix: Prefix,
    /// The peppered digest of the whole token.
    pub digest: [u8; 32],
    /// Now.
    pub created_at: Timestamp,
}

/// Why a token was not registered or removed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorTokenRefused {
    /// The name is no name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// The same token or identifier is registered.
    #[error("this operator token is already registered")]
    Duplicate,
    /// There is no such token.
    #[error("there is no operator token {0}")]
    NotFound(Uuid),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The tokens of operators.
pub struct OperatorTokens<'a> {
    db: &'a Db,
}

impl<'a> OperatorTokens<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Registers a token. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`OperatorTokenRefused`] when the name is bad or the token is there already.
    pub async fn insert(
        &self,
        new: &NewOperatorToken,
        act: &Act,
    ) -> Result<OperatorToken, OperatorTokenRefused> {
        name::check(&new.name)?;
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "INSERT INTO operator_tokens (id, name, prefix, digest, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(new.id.to_string())
        .bind(new.name.as_str())
        .bind(new.prefix.as_str())
        .bind(new.digest.as_slice())
        .bind(new.created_at);
        match tx.execute(statement).await {
            Err(failed) if failed.is_duplicate() => return Err(OperatorTokenRefused::Duplicate),
            inserted => inserted?,
        };
        let detail = Detail::none().text("name", &new.name).text("prefix", new.prefix);
        audit::append(&mut tx, &act.done(Action::OPERATOR_TOKEN_CREATE, new.id, detail)).await?;
        tx.commit().await?;
        let NewOperatorToken { id, name, prefix, created_at, .. } = new.clone();
        Ok(OperatorToken { id, name, prefix, created_at })
    }

    /// All tokens, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self) -> Result<Vec<OperatorToken>, ReadFailed> {
        let statement = Statement::new(
            "SELECT id, name, prefix, created_at FROM operator_tokens ORDER BY created_at, id",
        );
        self.db.fetch_all(statement).await?.iter().map(token).collect()
    }

    /// The token with this peppered digest, if an operator has it.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(&self, digest: &[u8; 32]) -> Result<Option<OperatorToken>, ReadFailed> {
        let statement =
            Statement::new("SELECT id, name, prefix, created_at FROM operator_tokens WHERE digest = $1")
                .bind(digest.as_slice());
        self.db.fetch_optional(statement).await?.as_ref().map(token).transpose()
    }

    /// Removes a token for good; the admin listener refuses it from its next request on.
    ///
    /// # Errors
    /// [`OperatorTokenRefused::NotFound`] when there is none.
    pub async fn remove(&self, id: Uuid, act: &Act) -> Result<(), OperatorTokenRefused> {
        let mut tx = self.db.begin().await?;
        let statement = Statement::new("DELETE FROM operator_tokens WHERE id = $1 RETURNING name, prefix")
            .bind(id.to_string());
        let row = tx.fetch_optional(statement).await?.ok_or(OperatorTokenRefused::NotFound(id))?;
        let removed = |column| row.text(column).map_err(WriteFailed::from);
        let detail = Detail::none().text("name", removed("name")?).text("prefix", removed("prefix")?);
        audit::append(&mut tx, &act.done(Action::OPERATOR_TOKEN_REMOVE, id, detail)).await?;
        Ok(tx.commit().await?)
    }
}

fn token(row: &Row) -> Result<OperatorToken, ReadFailed> {
    Ok(OperatorToken {
        id: row.parse("id")?,
        name: row.text("name")?,
        prefix: row.read("prefix", Prefix::parse)?,
        created_at: row.time("created_at")?,
    })
}
