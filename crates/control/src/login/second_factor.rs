//! The second factor: its seed is sealed like every secret and opened for the moment in which a code is looked at.

use domain::id::UserId;
use domain::secret::Secret;
use domain::time::Timestamp;
use store::sealed_values::TOTP;
use store::users::{Totp, TotpRefused, UserRefused};
use vault::envelope::Bind;
use vault::totp;

use super::{Desk, RecoveryCodes, Unavailable};
use crate::api::caller::Person;
use crate::vault_keys::sealer::NotOpened;

/// Why a second factor was not switched on or off.
#[derive(Debug, thiserror::Error)]
pub enum NotSwitched {
    /// The code is not right.
    #[error("this is not the code of the moment; look at the clock of the device")]
    WrongCode,
    /// The books say no.
    #[error(transparent)]
    Refused(#[from] TotpRefused),
    /// Something that is needed does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Desk {
    /// Begins a second factor, and gives the address that an authenticator app reads. It counts from its first code.
    ///
    /// # Errors
    /// [`TotpRefused::On`] when one is in force.
    pub async fn begin_totp(&self, person: &Person) -> Result<String, NotSwitched> {
        let user = self.user(person.user()).await.map_err(TotpRefused::from)?;
        let seed = totp::seed().map_err(Unavailable::from)?;
        let sealed = self.sealer.seal(&seed, &bind(user.id)).await.map_err(Unavailable::from)?;
        self.store.users().begin_totp(user.id, &sealed, &person.act()).await?;
        Ok(totp::uri(&seed, &user.email, &self.settings.issuer))
    }

    /// Puts the second factor in force by its first code, and gives the codes that stand in for it.
    ///
    /// # Errors
    /// [`NotSwitched`] when the code is not right, or none was begun.
    pub async fn confirm_totp(&self, person: &Person, code: &str) -> Result<RecoveryCodes, NotSwitched> {
        let account = self.store.users().account(person.user()).await.map_err(TotpRefused::from)?;
        let totp = account.totp.ok_or(TotpRefused::Off)?;
        let step = self.step_of(person.user(), &totp, code, self.now()).await.map_err(Unavailable::from)?;
        let step = step.ok_or(NotSwitched::WrongCode)?;
        let (codes, digests) = self.recovery_codes(person.user()).map_err(Unavailable::from)?;
        self.store.users().confirm_totp(person.user(), step, &digests, &person.act()).await?;
        Ok(codes)
    }

    /// Switches the second factor off.
    ///
    /// # Errors
    /// [`TotpRefused::Off`] when there is none.
    pub async fn remove_totp(&self, person: &Person) -> Result<(), TotpRefused> {
        self.store.users().remove_totp(person.user(), &person.act()).await
    }

    /// The time step of which this is the code, if it may count.
    pub(super) async fn step_of(
        &self,
        id: UserId,
        totp: &Totp,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, NotOpened> {
        let seed: Secret = self.sealer.open(&totp.sealed, &bind(id)).await?;
        Ok(totp::accept(&seed, code, now, totp.last_step))
    }
}

fn bind(id: UserId) -> Bind<'static> {
    Bind { org: None, record: id.uuid(), purpose: TOTP }
}

impl From<UserRefused> for NotSwitched {
    fn from(refused: UserRefused) -> Self {
        Self::Refused(refused.into())
    }
}
