//! The rights of persons: to have all that is kept of them, and to have it erased. The books keep a pseudonym.

use domain::audit::Act;
use domain::audit::chain::Link;
use domain::id::UserId;
use store::audit::AuditFilter;
use store::users::Everything;

use super::{Desk, NotRegistered, Unavailable};
use crate::login::NotProved;

/// Most rows of the audit trail that go into one export.
const MAX_ROWS: usize = 10_000;

/// All that is kept of a person.
pub struct Kept {
    /// What the tables hold.
    pub everything: Everything,
    /// What the audit trail says by or about the person, oldest first.
    pub trail: Vec<Link>,
    /// Whether the trail says more.
    pub more: bool,
}

impl Desk {
    /// Gathers all that is kept of a person, and records that it was.
    ///
    /// # Errors
    /// [`NotRegistered`] when there is no such person; nothing is told that could not be recorded.
    pub async fn export(&self, user: UserId, act: &Act) -> Result<Kept, NotRegistered> {
        let everything = self.store.users().export(user, act).await?;
        let filter = AuditFilter { person: Some(user), ..AuditFilter::default() };
        let (mut trail, mut seq) = (Vec::new(), 0);
        loop {
            let rows = self.store.audit().fitting(&filter, seq).await;
            let rows = rows.map_err(Unavailable::from).map_err(NotProved::from)?;
            let Some(last) = rows.last() else { break };
            seq = last.seq;
            trail.extend(rows);
            if trail.len() >= MAX_ROWS {
                trail.truncate(MAX_ROWS);
                return Ok(Kept { everything, trail, more: true });
            }
        }
        Ok(Kept { everything, trail, more: false })
    }

    /// Erases what is kept of a person; every login of theirs ends.
    ///
    /// # Errors
    /// [`NotRegistered`] when there is no such person, or an organization would be left without an owner.
    pub async fn erase(&self, user: UserId, act: &Act) -> Result<(), NotRegistered> {
        Ok(self.store.users().erase(user, act).await?)
    }
}
