//! All that is kept of one person, for the person. Hashes, digests and sealed values are not among it.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::UserId;

use super::{Membership, User, UserRefused, Users};
use crate::audit;
use crate::db::statement::Statement;
use crate::invitations::{self, Invitation};
use crate::keys::{self, Key};
use crate::logins::{self, Login};
use crate::provider_keys::{self, ProviderKey};
use crate::traces::{self, CallTrace};

/// Most traces of one export.
pub const MAX_TRACES: u32 = 10_000;

/// All that is kept of one person. The rows of the audit trail about them are read apart, by
/// [`crate::audit::AuditFilter::person`]: they may be many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Everything {
    /// The account.
    pub user: User,
    /// The organizations they belong to.
    pub memberships: Vec<Membership>,
    /// The logins that are kept, ended ones too.
    pub logins: Vec<Login>,
    /// The invitations to their address.
    pub invitations: Vec<Invitation>,
    /// The API keys they made.
    pub keys: Vec<Key>,
    /// The provider keys of their own, with their sealed secrets, which no answer may show.
    pub provider_keys: Vec<ProviderKey>,
    /// The traces of the calls with those API keys that are still kept, oldest first, at most 10,000.
    pub traces: Vec<CallTrace>,
    /// Whether there are more of them.
    pub more_traces: bool,
}

impl Users<'_> {
    /// Gathers all that is kept of a person, and records that it was.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is no such person; nothing is told that could not be recorded.
    pub async fn export(&self, id: UserId, act: &Act) -> Result<Everything, UserRefused> {
        let user = self.get(id).await?;
        let mut tx = self.db.begin().await?;
        audit::append(&mut tx, &act.done(Action::USER_EXPORT, id, Detail::none())).await?;
        tx.commit().await?;
        let of = |sql| Statement::new(sql).and("user_id =", Some(id.to_string()));
        let logins = self.db.fetch_all(of(logins::COLUMNS).push(" ORDER BY created_at, id")).await?;
        let made = self.db.fetch_all(of(keys::COLUMNS).push(" ORDER BY created_at, id")).await?;
        let invited = Statement::new(invitations::COLUMNS)
            .and("email =", Some(user.email.as_str()))
            .push(" ORDER BY created_at, id");
        let owned = Statement::new(provider_keys::COLUMNS)
            .and("owner_user =", Some(id.to_string()))
            .push(" ORDER BY created_at, id");
        // One more than is told says whether there are more.
        let mut traces = traces::of_person(self.db, id, MAX_TRACES + 1).await?;
        let most = usize::try_from(MAX_TRACES).unwrap_or(usize::MAX);
        let more_traces = traces.len() > most;
        traces.truncate(most);
        Ok(Everything {
            traces,
            more_traces,
            memberships: self.memberships(id).await?,
            logins: logins.iter().map(logins::login).collect::<Result<_, _>>()?,
            invitations: self
                .db
                .fetch_all(invited)
                .await?
                .iter()
                .map(invitations::invitation)
                .collect::<Result<_, _>>()?,
            keys: made.iter().map(keys::key).collect::<Result<_, _>>()?,
            provider_keys: self
                .db
                .fetch_all(owned)
                .await?
                .iter()
                .map(provider_keys::provider_key)
                .collect::<Result<_, _>>()?,
            user,
        })
    }
}
