//! The audit trail as data: who did what to what, when and from where, and the rule by which each row seals the ones
//! before it. Pure: the hash is given, and where rows are kept is not known here.

pub mod action;
pub mod chain;
pub mod detail;
pub mod plain;

use std::fmt::Display;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{KeyId, OrgId, UserId};
use crate::time::Timestamp;
use crate::token::Prefix;
use action::Action;
use detail::Detail;
use plain::{bounded, plain};

/// Most characters of an actor's identifier and of a request id.
pub const ID_CHARS: usize = 128;
/// Most characters of a resource: the longest name that a person may give, with the words around it.
pub const RESOURCE_CHARS: usize = 320;
/// Most characters of a user agent.
pub const USER_AGENT_CHARS: usize = 256;

/// What kind of actor it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person at the command line.
    OperatorCli,
    /// The holder of an operator token.
    OperatorToken,
    /// A person who is logged in.
    User,
    /// The program, by itself.
    System,
    /// The holder of an API key.
    Key,
    /// Somebody whose credential did not hold.
    Anonymous,
}

impl ActorKind {
    /// The word in rows.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::OperatorCli => "operator_cli",
            Self::OperatorToken => "operator_token",
            Self::User => "user",
            Self::System => "system",
            Self::Key => "key",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Who acted. The kind is text, so that a row of a newer release can still be read and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// One of the words of [`ActorKind`].
    pub kind: String,
    /// Which of them: the account of an operator, the job of the program, a key's identifier.
    pub id: String,
    /// The public first characters of the credential; empty when there was none.
    pub prefix: String,
}

impl Actor {
    fn new(kind: ActorKind, id: &str, prefix: Option<Prefix>) -> Self {
        let prefix = prefix.map(|prefix| prefix.to_string()).unwrap_or_default();
        Self { kind: kind.word().to_owned(), id: plain(id, ID_CHARS), prefix }
    }

    /// A person at the command line, by the account of the operating system.
    #[must_use]
    pub fn operator_cli(account: &str) -> Self {
        Self::new(ActorKind::OperatorCli, account, None)
    }

    /// The holder of an operator token, by its identifier.
    #[must_use]
    pub fn operator_token(id: Uuid, prefix: Prefix) -> Self {
        Self::new(ActorKind::OperatorToken, &id.simple().to_string(), Some(prefix))
    }

    /// A person who is logged in.
    #[must_use]
    pub fn user(id: UserId) -> Self {
        Self::new(ActorKind::User, &id.to_string(), None)
    }

    /// The program by itself, by the name of what it was doing.
    #[must_use]
    pub fn system(job: &str) -> Self {
        Self::new(ActorKind::System, job, None)
    }

    /// The holder of an API key.
    #[must_use]
    pub fn key(id: KeyId, prefix: Option<Prefix>) -> Self {
        Self::new(ActorKind::Key, &id.to_string(), prefix)
    }

    /// Somebody whose credential did not hold.
    #[must_use]
    pub fn anonymous(prefix: Option<Prefix>) -> Self {
        Self::new(ActorKind::Anonymous, "", prefix)
    }
}

/// The one attempt at a write that may be sent twice. What is done under it is done while it is the write's attempt, and
/// not once another has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim(pub Uuid);

/// Who acts, when and from where. Every function that changes the books for a person takes one, and adds itself what
/// it did to what: so no change can be made without its row, and none can be given another's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The request it came with; empty when it came with none.
    pub request_id: String,
    /// From where.
    pub ip: Option<IpAddr>,
    /// What the caller's program calls itself; empty when it says nothing.
    pub user_agent: String,
    /// The attempt it belongs to, if the write may be sent twice.
    pub claim: Option<Claim>,
    /// The person in whose place it is done; every row says so.
    pub acting_as: Option<UserId>,
}

impl Act {
    /// An act of `actor` that came with no request.
    #[must_use]
    pub fn new(actor: Actor, at: Timestamp) -> Self {
        Self {
            at,
            actor,
            request_id: String::new(),
            ip: None,
            user_agent: String::new(),
            claim: None,
            acting_as: None,
        }
    }

    /// The row of this act, which succeeded.
    #[must_use]
    pub fn done(&self, action: Action, resource: impl Display, detail: Detail) -> Entry {
        self.entry(action, resource, Outcome::Done, detail)
    }

    /// The row of this act.
    #[must_use]
    pub fn entry(&self, action: Action, resource: impl Display, outcome: Outcome, detail: Detail) -> Entry {
        let detail = match self.acting_as {
            Some(user) => detail.text("acting_as", user),
            None => detail,
        };
        Entry {
            event: String::new(),
            org: String::new(),
            at: self.at,
            actor: self.actor.clone(),
            action: action.word().to_owned(),
            resource: plain(&resource.to_string(), RESOURCE_CHARS),
            outcome: outcome.word().to_owned(),
            // A caller's own, and restricted to plain characters where it is taken over: kept as it was answered.
            request_id: bounded(&self.request_id, ID_CHARS),
            ip: self.ip.map(|ip| ip.to_canonical().to_string()).unwrap_or_default(),
            user_agent: plain(&self.user_agent, USER_AGENT_CHARS),
            detail: detail.json(),
            // Turning somebody away does nothing that could be done twice.
            claim: self.claim.filter(|_| outcome == Outcome::Done),
        }
    }
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it was meant.
    Done,
    /// Somebody was turned away.
    Refused,
}

impl Outcome {
    /// The word in rows.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// One row, without its place in the chain. Plain text throughout: a row is evidence and is kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The identifier of the outbox record it came from, which makes posting it twice one row; empty for a row that
    /// was written with its change.
    pub event: String,
    /// The organization it concerns, whose auditors may read it; empty for what concerns the installation.
    pub org: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done: a word of [`action`].
    pub action: String,
    /// To what: an identifier, or a name where there is none.
    pub resource: String,
    /// A word of [`Outcome`].
    pub outcome: String,
    /// The request; empty when there was none.
    pub request_id: String,
    /// The address it came from; empty when it came from none.
    pub ip: String,
    /// What the caller's program calls itself.
    pub user_agent: String,
    /// A JSON object with what else matters; never a secret.
    pub detail: String,
    /// The attempt that it is written for. Not of the row: it is neither kept nor sealed.
    #[serde(skip)]
    pub claim: Option<Claim>,
}

impl Entry {
    /// The same row, as the concern of `org`.
    #[must_use]
    pub fn of(mut self, org: OrgId) -> Self {
        self.org = org.to_string();
        self
    }

    /// The same row, posted from the outbox under `id`.
    #[must_use]
    pub fn spooled(mut self, id: Uuid) -> Self {
        self.event = id.simple().to_string();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_who_acts_as_somebody_else_names_both() {
        let [operator, person] = [1, 2].map(|number| UserId::new(Uuid::from_u128(number)));
        let act = Act { acting_as: Some(person), ..Act::new(Actor::user(operator), Timestamp(0)) };
        let row = act.done(Action::AUDIT_EXPORT, "audit", Detail::none().number("rows", 3));
        assert_eq!(row.actor.id, operator.to_string());
        assert_eq!(row.detail, format!("{{\"rows\":3,\"acting_as\":\"{person}\"}}"));
    }
}
