//! From a credential to who calls. Every failure gives the same answer, no sooner than the floor; the true reason
//! goes to the log and the audit trail, never to the answer.

use std::time::Duration;

use axum::http::request::Parts;
use domain::address::Source;
use domain::id::UserId;
use domain::limit::Exceeded;
use domain::scope::Denied;
use domain::time::Timestamp;
use domain::token::{Kind, Prefix, Token};
use live::refusals::Refused;
use store::ReadFailed;
use store::logins::SignedIn;
use store::operator_tokens::OperatorToken;
use store::users::UserState;
use tokio::time::sleep_until;
use vault::access_token;

use super::Api;
use super::arrival::Arrival;
use super::credential::{self, Sent};
use super::problem::Problem;

/// Time between reading a request and refusing its credential: long enough to hide what was looked up.
const FLOOR: Duration = Duration::from_millis(80);

/// Who calls, as a credential proved it. What the caller may do is not decided here.
pub(super) enum Proven {
    /// A person who is logged in.
    Person(SignedIn, Carrier),
    /// The holder of an operator token.
    Token(OperatorToken),
}

/// How an access token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A program put it there.
    Bearer,
    /// A browser sent it by itself.
    Cookie,
}

/// Proves the caller of a request.
pub(super) async fn authenticate(api: &Api, arrival: &Arrival, head: &Parts) -> Result<Proven, Problem> {
    look(api, arrival).await?;
    let (denied, prefix) = match credential::read(head) {
        Err(denied) => (denied, None),
        Ok(sent) => {
            let prefix = match &sent {
                Sent::Token(token) => Some(token.prefix()),
                Sent::Bearer(_) | Sent::Cookie(_) => None,
            };
            match prove(api, arrival.at, sent).await? {
                Ok(proven) => return Ok(proven),
                Err(denied) => (denied, prefix),
            }
        }
    };
    Err(refuse(api, arrival, denied, prefix).await)
}

/// Refuses a credential: recorded with its true reason, counted by address, answered no sooner than the floor.
pub(crate) async fn refuse(api: &Api, arrival: &Arrival, denied: Denied, prefix: Option<Prefix>) -> Problem {
    record(api, arrival, denied, prefix);
    let limit = api.settings().failures_per_minute;
    let refused = match api.0.strangers.count(Source::of(arrival.client), limit, arrival.at) {
        Ok(_) => Problem::unauthorized(),
        Err(exceeded) => limited(exceeded),
    };
    park(api, arrival, refused).await
}

/// Refuses to look at a credential of somebody whose credentials failed too often.
pub(super) async fn look(api: &Api, arrival: &Arrival) -> Result<(), Problem> {
    let limit = api.settings().failures_per_minute;
    match api.0.strangers.look(Source::of(arrival.client), limit, arrival.at) {
        Ok(_) => Ok(()),
        Err(exceeded) => Err(park(api, arrival, limited(exceeded)).await),
    }
}

/// Who is logged in, where nobody has to be: a credential that does not hold is none, and whoever acts as somebody else
/// is nobody.
pub(crate) async fn whoever(api: &Api, arrival: &Arrival, head: &Parts) -> Result<Option<UserId>, Problem> {
    let Ok(sent) = credential::read(head) else { return Ok(None) };
    Ok(match prove(api, arrival.at, sent).await? {
        Ok(Proven::Person(login, _)) if login.impersonation.is_none() => Some(login.user),
        Ok(Proven::Person(..) | Proven::Token(_)) | Err(_) => None,
    })
}

/// Counts a call of an endpoint that anybody may call.
pub(super) async fn visit(api: &Api, arrival: &Arrival) -> Result<(), Problem> {
    let limit = api.settings().public_requests_per_minute;
    match api.0.visitors.count(Source::of(arrival.client), limit, arrival.at) {
        Ok(_) => Ok(()),
        Err(exceeded) => Err(park(api, arrival, limited(exceeded)).await),
    }
}

/// The outer error is a store that cannot be asked.
async fn prove(api: &Api, now: Timestamp, sent: Sent<'_>) -> Result<Result<Proven, Denied>, ReadFailed> {
    match sent {
        Sent::Token(token) => Ok(holder(api, &token).await?.map(Proven::Token)),
        Sent::Bearer(text) => {
            Ok(person(api, now, text).await?.map(|login| Proven::Person(login, Carrier::Bearer)))
        }
        Sent::Cookie(text) => {
            Ok(person(api, now, text).await?.map(|login| Proven::Person(login, Carrier::Cookie)))
        }
    }
}

async fn holder(api: &Api, token: &Token) -> Result<Result<OperatorToken, Denied>, ReadFailed> {
    if token.kind() != Kind::Operator {
        return Ok(Err(Denied::WrongKind));
    }
    let digest = api.pepper().digest(&vault::digest::sha256_of(token));
    Ok(api.store().operator_tokens().find(&digest).await?.ok_or(Denied::Unknown))
}

/// Who is logged in: the token says which login, the books say what it is worth now.
async fn person(api: &Api, now: Timestamp, token: &str) -> Result<Result<SignedIn, Denied>, ReadFailed> {
    let claims = match api.access_keys().verify(token, now) {
        Ok(claims) => claims,
        Err(access_token::Refused::Expired) => return Ok(Err(Denied::Expired)),
        Err(_) => return Ok(Err(Denied::Malformed)),
    };
    let Some(login) = api.store().logins().find(claims.login).await? else { return Ok(Err(Denied::Unknown)) };
    let denied = if login.user != claims.user {
        Some(Denied::Unknown)
    } else if login.user_state != UserState::Active {
        Some(Denied::Disabled)
    } else if login.ended_at.is_some() || login.created_at < login.not_before {
        Some(Denied::Revoked)
    } else if !login.holds(now) {
        Some(Denied::Expired)
    } else {
        None
    };
    Ok(denied.map_or(Ok(login), Err))
}

/// Counts the refusal for the audit trail, with its true reason.
fn record(api: &Api, arrival: &Arrival, reason: Denied, prefix: Option<Prefix>) {
    tracing::info!(request_id = arrival.request_id, reason = reason.word(), "admin credential refused");
    api.0.parts.refusals.note(&Refused {
        call: arrival.call,
        at: arrival.at,
        ip: arrival.client,
        reason,
        prefix,
        // A person's login, or an operator's token, is no organization's.
        org: None,
        request_id: &arrival.request_id,
        user_agent: &arrival.user_agent,
    });
}

fn limited(exceeded: Exceeded) -> Problem {
    Problem::rate_limited(exceeded.retry_after_ms)
}

/// Keeps a refusal back until the floor, if there is a place to wait in.
async fn park(api: &Api, arrival: &Arrival, refusal: Problem) -> Problem {
    match hold_back(api, arrival, FLOOR).await {
        Ok(()) => refusal,
        Err(crowded) => crowded,
    }
}

/// Keeps an answer back until `floor` after its request was read, if there is a place to wait in.
pub(crate) async fn hold_back(api: &Api, arrival: &Arrival, floor: Duration) -> Result<(), Problem> {
    let Ok(_place) = api.0.parked.try_acquire() else {
        return Err(Problem::unavailable("too many answers wait for their time"));
    };
    sleep_until(arrival.instant + floor).await;
    Ok(())
}
