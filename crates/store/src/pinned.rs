//! Answers that a provider keeps: which connection holds one, by its organization and the digest of its name. Posted with
//! the calls that they answer, found by the request path, gone after the time of their class.

use domain::id::{OrgId, ProviderKeyId};
use domain::pinned::Pinned;

use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// Answers that providers keep.
pub struct PinnedAnswers<'a> {
    db: &'a Db,
}

impl<'a> PinnedAnswers<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The connection that keeps the answer of `org` whose name has this digest.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn connection(
        &self,
        org: OrgId,
        digest: &[u8; 32],
    ) -> Result<Option<ProviderKeyId>, ReadFailed> {
        let statement =
            Statement::new("SELECT connection FROM pinned_answers WHERE org = $1 AND digest = $2")
                .bind(org.to_string())
                .bind(digest.as_slice());
        self.db.fetch_optional(statement).await?.map(|row| row.parse("connection")).transpose()
    }
}

/// Keeps one; an answer that is kept already stays as it is.
pub(crate) async fn keep(tx: &mut Tx, pinned: &Pinned) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "INSERT INTO pinned_answers (org, digest, connection, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (org, digest) DO NOTHING",
    )
    .bind(pinned.org.to_string())
    .bind(pinned.digest.as_slice())
    .bind(pinned.connection.to_string())
    .bind(pinned.at);
    tx.execute(statement).await.map(drop)
}
