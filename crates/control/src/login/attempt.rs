//! One attempt to prove who one is: counted before anything is looked at, with the same work whether or not there is
//! such an account. Why it failed goes to the audit trail and the log, never to whoever tried.

use std::sync::Arc;

use domain::address::Source;
use domain::audit::Act;
use domain::audit::Actor;
use domain::audit::action::Action;
use domain::id::{CallId, UserId};
use domain::secret::Secret;
use live::refusals::FailedLogin;
use store::login_failures::{Attempt, Begun, Subject};
use store::users::email::fold;
use store::users::{Account, TotpStep, UserRefused, UserState};
use vault::digest::sha256_of_parts;
use vault::password::Verdict;
use vault::recovery::RecoveryCode;

use super::hasher::Place;
use super::{Desk, NotProved};
use crate::api::arrival::Arrival;

const ACCOUNT_LABEL: &[u8] = b"portcullis/login/account/1\0";
const NAME_LABEL: &[u8] = b"portcullis/login/name/1\0";
const ADDRESS_LABEL: &[u8] = b"portcullis/login/address/1\0";

/// What somebody gives as a proof. Without `Debug`, for it is secret.
#[derive(Clone)]
pub struct Proof {
    /// The password.
    pub password: Option<Arc<Secret>>,
    /// The code of the second factor, or what stands in for it.
    pub code: Option<Code>,
}

/// A proof of having the second factor, or of having had it. Without `Debug`, for it is secret.
#[derive(Clone)]
pub enum Code {
    /// What the device shows.
    Totp(String),
    /// A code that was written down for the day on which the device is lost.
    Recovery(Arc<RecoveryCode>),
}

/// What has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// All that the account has, by somebody who may log in.
    Everything,
    /// The password or the code, by somebody who is logged in.
    Either,
    /// The password, by somebody whose address is to be proved.
    Password,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Unknown,
    Locked,
    NoPassword,
    WrongPassword,
    Disabled,
    Unverified,
    CodeMissing,
    WrongCode,
    WrongRecoveryCode,
    Changed,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Reason::Unknown => "unknown",
            Reason::Locked => "locked",
            Reason::NoPassword => "no_password",
            Reason::WrongPassword => "wrong_password",
            Reason::Disabled => "disabled",
            Reason::Unverified => "unverified",
            Reason::CodeMissing => "code_missing",
            Reason::WrongCode => "wrong_code",
            Reason::WrongRecoveryCode => "wrong_recovery_code",
            Reason::Changed => "changed",
        }
    }
}

/// An attempt that succeeded, not yet taken back from the count.
pub(super) struct Proved {
    pub account: Account,
    pub attempt: Attempt,
}

impl Desk {
    /// Proves that whoever logs in as `name` is that person.
    pub(super) async fn prove_name(
        &self,
        name: &str,
        proof: &Proof,
        arrival: &Arrival,
    ) -> Result<Proved, NotProved> {
        // The place comes first: whoever is sent away has tried nothing, and nothing is counted.
        let place = self.hasher.place().await?;
        let account = self.store.users().find(name).await?;
        let subject = match &account {
            Some(account) => self.account_subject(account.user.id),
            None => self.subject(NAME_LABEL, fold(name).as_bytes()),
        };
        self.prove(account, Subject::Account(subject), proof, Asked::Everything, arrival, &place).await
    }

    /// Proves that whoever is logged in, or holds a token that was mailed, is that person.
    pub(super) async fn prove_account(
        &self,
        id: UserId,
        proof: &Proof,
        asked: Asked,
        arrival: &Arrival,
    ) -> Result<Account, NotProved> {
        let place = self.hasher.place().await?;
        let account = match self.store.users().account(id).await {
            Ok(account) => Some(account),
            Err(UserRefused::Read(failed)) => return Err(failed.into()),
            Err(_) => None,
        };
        let subject = Subject::Account(self.account_subject(id));
        let proved = self.prove(account, subject, proof, asked, arrival, &place).await?;
        self.store.login_failures().clear(&proved.attempt).await?;
        Ok(proved.account)
    }

    async fn prove(
        &self,
        account: Option<Account>,
        subject: Subject,
        proof: &Proof,
        asked: Asked,
        arrival: &Arrival,
        place: &Place,
    ) -> Result<Proved, NotProved> {
        let id = account.as_ref().map(|account| account.user.id);
        let address = Subject::Address(self.address_subject(arrival));
        let begun = self.store.login_failures().begin(&[subject, address], arrival.at).await?;
        let attempt = match begun {
            Begun::Allowed(attempt) => attempt,
            Begun::Locked { .. } => {
                if let Some(password) = &proof.password {
                    place.verify(password, None).await;
                }
                return Err(self.fail(arrival, id, Reason::Locked, None));
            }
        };
        let judged = self.judge(account, proof, asked, arrival, place).await?;
        match judged {
            Ok(account) => Ok(Proved { account, attempt }),
            Err(reason) => Err(self.fail(arrival, id, reason, Some(&attempt))),
        }
    }

    /// The outer error is something that does not answer.
    async fn judge(
        &self,
        account: Option<Account>,
        proof: &Proof,
        asked: Asked,
        arrival: &Arrival,
        place: &Place,
    ) -> Result<Result<Account, Reason>, NotProved> {
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let verdict = match &proof.password {
            Some(password) => place.verify(password, stored.clone()).await,
            None => Verdict::Wrong,
        };
        let Some(account) = account else { return Ok(Err(Reason::Unknown)) };
        let by_code_alone = asked == Asked::Either && proof.password.is_none();
        if stored.is_none() && !by_code_alone {
            return Ok(Err(Reason::NoPassword));
        }
        if verdict == Verdict::Wrong && !by_code_alone {
            return Ok(Err(Reason::WrongPassword));
        }
        if account.user.state != UserState::Active {
            return Ok(Err(Reason::Disabled));
        }
        if asked == Asked::Everything && account.user.email_verified_at.is_none() {
            return Ok(Err(Reason::Unverified));
        }
        if asked == Asked::Everything || by_code_alone {
            let judged = self.judge_code(&account, proof.code.as_ref(), by_code_alone, arrival).await?;
            if let Err(reason) = judged {
                return Ok(Err(reason));
            }
        }
        if let (Verdict::RightAndStale, Some(password), Some(stored)) = (verdict, &proof.password, stored) {
            let hash = place.hash(password).await?;
            let act = arrival.act(Actor::user(account.user.id));
            self.store.users().rehash(account.user.id, &stored, &hash, &act).await?;
        }
        Ok(Ok(account))
    }

    async fn judge_code(
        &self,
        account: &Account,
        code: Option<&Code>,
        by_code_alone: bool,
        arrival: &Arrival,
    ) -> Result<Result<(), Reason>, NotProved> {
        let Some(totp) = account.totp.as_ref().filter(|totp| totp.confirmed_at.is_some()) else {
            return Ok(if by_code_alone { Err(Reason::CodeMissing) } else { Ok(()) });
        };
        let code = match code {
            None => return Ok(Err(Reason::CodeMissing)),
            Some(Code::Totp(code)) => code,
            Some(Code::Recovery(code)) => {
                let counts = self.spend_recovery_code(&account.user, code, arrival).await?;
                return Ok(if counts { Ok(()) } else { Err(Reason::WrongRecoveryCode) });
            }
        };
        let Some(step) = self.step_of(account.user.id, totp, code, arrival.at).await? else {
            return Ok(Err(Reason::WrongCode));
        };
        match self.store.users().spend_totp(account.user.id, step).await? {
            TotpStep::Fresh => Ok(Ok(())),
            TotpStep::Spent => Ok(Err(Reason::WrongCode)),
        }
    }

    /// Notes why an attempt failed, and that it locked.
    pub(super) fn fail(
        &self,
        arrival: &Arrival,
        account: Option<UserId>,
        reason: Reason,
        attempt: Option<&Attempt>,
    ) -> NotProved {
        let reason = reason.word();
        tracing::info!(request_id = arrival.request_id, reason, "a login failed");
        self.note(arrival, arrival.call, Action::LOGIN_FAIL, reason, account);
        if attempt.is_some_and(|attempt| attempt.locked_until.is_some()) {
            // A row of its own has an identifier of its own.
            match vault::entropy::uuid_v7(arrival.at) {
                Ok(id) => self.note(arrival, CallId::new(id), Action::LOGIN_LOCK, reason, account),
                Err(failed) => tracing::error!(%failed, "a lock could not be recorded"),
            }
        }
        NotProved::Refused
    }

    fn note(
        &self,
        arrival: &Arrival,
        call: CallId,
        action: Action,
        reason: &'static str,
        account: Option<UserId>,
    ) {
        let Act { at, request_id, user_agent, .. } = &arrival.act(Actor::anonymous(None));
        self.refusals.note_login(&FailedLogin {
            call,
            at: *at,
            ip: arrival.client,
            action,
            reason,
            account,
            request_id,
            user_agent,
        });
    }

    fn account_subject(&self, id: UserId) -> [u8; 32] {
        self.subject(ACCOUNT_LABEL, id.uuid().as_bytes())
    }

    fn address_subject(&self, arrival: &Arrival) -> [u8; 32] {
        match Source::of(arrival.client) {
            Source::V4(octets) => self.subject(ADDRESS_LABEL, &octets),
            Source::V6(octets) => self.subject(ADDRESS_LABEL, &octets),
        }
    }

    fn subject(&self, label: &[u8], bytes: &[u8]) -> [u8; 32] {
        self.pepper.digest(&sha256_of_parts(&[label, bytes]))
    }
}
