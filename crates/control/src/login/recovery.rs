//! Recovery codes: made when the second factor is put in force, shown once, and used up one by one in its place.

use domain::audit::Actor;
use domain::id::UserId;
use store::users::{RecoveryCodeUse, User};
use vault::digest::sha256_of_parts;
use vault::entropy::NoEntropy;
use vault::recovery::{CODES, RecoveryCode};
use zeroize::Zeroizing;

use super::{Desk, NotProved, NotSwitched, Unavailable};
use crate::api::arrival::Arrival;
use crate::api::caller::Person;
use crate::mail::letters;

const LABEL: &[u8] = b"portcullis/recovery/1\0";

/// The codes, as they are shown this once. Without `Debug`, for they are secret.
pub struct RecoveryCodes(pub Vec<Zeroizing<String>>);

impl Desk {
    /// Makes other recovery codes for this person; those of before work no more.
    ///
    /// # Errors
    /// [`NotSwitched`] when no second factor is in force.
    pub async fn renew_recovery_codes(&self, person: &Person) -> Result<RecoveryCodes, NotSwitched> {
        let (codes, digests) = self.recovery_codes(person.user()).map_err(Unavailable::from)?;
        self.store.users().renew_recovery_codes(person.user(), &digests, &person.act()).await?;
        Ok(codes)
    }

    /// How many recovery codes a person has left.
    ///
    /// # Errors
    /// [`Unavailable`] when the books cannot be read.
    pub async fn recovery_codes_left(&self, id: UserId) -> Result<u64, Unavailable> {
        Ok(self.store.users().recovery_codes_left(id).await?)
    }

    /// Codes that were just made, with what is kept of them.
    pub(super) fn recovery_codes(&self, id: UserId) -> Result<(RecoveryCodes, [[u8; 32]; CODES]), NoEntropy> {
        let (mut codes, mut digests) = (Vec::with_capacity(CODES), [[0; 32]; CODES]);
        for digest in &mut digests {
            let code = RecoveryCode::make()?;
            *digest = self.recovery_digest(id, &code);
            codes.push(code.reveal());
        }
        Ok((RecoveryCodes(codes), digests))
    }

    /// Uses up a code, if it is one of this person's, and tells them.
    pub(super) async fn spend_recovery_code(
        &self,
        user: &User,
        code: &RecoveryCode,
        arrival: &Arrival,
    ) -> Result<bool, NotProved> {
        let (digest, act) = (self.recovery_digest(user.id, code), arrival.act(Actor::user(user.id)));
        match self.store.users().use_recovery_code(user.id, &digest, &act).await? {
            RecoveryCodeUse::Unknown => Ok(false),
            RecoveryCodeUse::Taken { left } => {
                if let Some(mail) = &self.mail {
                    mail.post(letters::recovery_code_used(&user.email, left), arrival.at);
                }
                Ok(true)
            }
        }
    }

    /// What is kept of a code. It is bound to its person: the same code of another is another.
    fn recovery_digest(&self, id: UserId, code: &RecoveryCode) -> [u8; 32] {
        self.pepper.digest(&sha256_of_parts(&[LABEL, id.uuid().as_bytes(), code.bytes()]))
    }
}
