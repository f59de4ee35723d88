//! From a credential to a caller. Every failure gives the same answer, no sooner than the floor; the true reason
//! goes to the log and the meters, never to the answer.

use std::sync::Arc;

use domain::address::allowed;
use domain::code::Code;
use domain::foreign::Foreign;
use domain::id::OrgId;
use domain::scope::{ApiKey, Denied, Scope};
use domain::token::{Kind, Prefix, Token};
use http::{HeaderValue, header};
use live::refusals::Refused;
use live::snapshot::ForeignKeys;

use crate::arrival::Arrival;
use crate::gate::Gateway;
use crate::head::Head;
use crate::refusal::{Refusal, Stop};
use crate::strangers;

/// Query parameters in which a key is refused: a URL ends up in logs and histories.
const KEY_PARAMETERS: [&str; 6] = ["key", "api_key", "api-key", "apikey", "access_token", "token"];

/// Who calls, as proved by a credential.
pub(crate) struct Caller {
    /// Whose data the call may touch.
    pub scope: Scope,
    /// What the key may do.
    pub key: Arc<ApiKey>,
}

/// What was sent as a key.
enum Credential {
    /// Of our grammar.
    Own(Token),
    /// Of another gateway.
    Foreign(Foreign),
}

impl Credential {
    fn parse(sent: &[u8]) -> Option<Self> {
        Token::parse(sent).map(Self::Own).or_else(|| Foreign::parse(sent).map(Self::Foreign))
    }

    fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Own(token) => vault::digest::sha256_of(token),
            Self::Foreign(foreign) => vault::digest::sha256(foreign.reveal().as_bytes()),
        }
    }

    /// What may be told of it.
    fn prefix(&self) -> Prefix {
        match self {
            Self::Own(token) => token.prefix(),
            Self::Foreign(_) => Prefix::of_sha256(&self.sha256()),
        }
    }
}

/// A credential that was not accepted.
struct Failed {
    /// The true reason.
    reason: Denied,
    /// What may be told of it; none where it is not even a credential.
    prefix: Option<Prefix>,
    /// Whose it is, where that is known.
    org: Option<OrgId>,
}

/// Proves the caller of a request.
pub(crate) async fn authenticate(gate: &Gateway, arrival: &Arrival, head: &Head<'_>) -> Result<Caller, Stop> {
    let failed = match read_credential(head).and_then(|credential| acceptable(gate, credential)) {
        Err(reason) => Failed { reason, prefix: None, org: None },
        Ok(credential) => match verify(gate, arrival, &credential).await? {
            Ok(caller) => return Ok(caller),
            Err((reason, org)) => Failed { reason, prefix: Some(credential.prefix()), org },
        },
    };
    gate.meters.denied(failed.reason);
    record(gate, arrival, head, &failed);
    let prefix = failed.prefix.as_ref().map_or("-", Prefix::as_str);
    tracing::info!(call = %arrival.call, reason = failed.reason.word(), prefix, "credential refused");
    let refusal = Refusal::new(Code::Unauthorized, "The API key is missing or not valid.");
    Err(strangers::refuse(gate, arrival, refusal).await)
}

/// Counts the refusal for the audit trail, with its true reason.
fn record(gate: &Gateway, arrival: &Arrival, head: &Head<'_>, failed: &Failed) {
    let agent = head.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    gate.refusals.note(&Refused {
        call: arrival.call,
        at: arrival.at,
        ip: arrival.client,
        reason: failed.reason,
        prefix: failed.prefix,
        org: failed.org,
        request_id: arrival.request_id(),
        user_agent: agent.as_deref().unwrap_or_default(),
    });
}

/// What another gateway issued breaks our grammar, unless its keys were imported.
fn acceptable(gate: &Gateway, credential: Credential) -> Result<Credential, Denied> {
    match (&credential, gate.snapshot.foreign_keys()) {
        (Credential::Foreign(_), ForeignKeys::Refused) => Err(Denied::Malformed),
        _ => Ok(credential),
    }
}

/// Looks the credential up and checks the key's state; the outer error is a store that cannot be asked, the inner one
/// says whose the key is. A caller from where nobody may come is not looked up.
async fn verify(
    gate: &Gateway,
    arrival: &Arrival,
    credential: &Credential,
) -> Result<Result<Caller, (Denied, Option<OrgId>)>, Stop> {
    if let Credential::Own(token) = credential
        && !matches!(token.kind(), Kind::Live | Kind::Test)
    {
        return Ok(Err((Denied::WrongKind, None)));
    }
    if !allowed(Some(&gate.allowed_ips), arrival.client) {
        return Ok(Err((Denied::IpNotAllowedHere, None)));
    }
    let digest = gate.pepper.digest(&credential.sha256());
    let found = gate.snapshot.key(&digest).await.map_err(|failed| {
        tracing::error!(call = %arrival.call, %failed, "a key could not be looked up");
        Refusal::new(Code::Unavailable, "Keys cannot be checked at the moment.")
    })?;
    let Some(key) = found else { return Ok(Err((Denied::Unknown, None))) };
    Ok(match Scope::of_verified_key(&key, arrival.client, arrival.at) {
        Ok(scope) => Ok(Caller { scope, key }),
        Err(reason) => Err((reason, Some(key.org))),
    })
}

/// The one credential of a request, however often it was sent.
fn read_credential(head: &Head<'_>) -> Result<Credential, Denied> {
    if head.uri.query().is_some_and(holds_key) {
        return Err(Denied::Misplaced);
    }
    let (mut first, mut differs) = (head.key.first.map(HeaderValue::as_bytes), head.key.differs);
    for value in head.all(head.authorization, header::AUTHORIZATION) {
        let sent = bearer(value.as_bytes()).ok_or(Denied::Malformed)?;
        differs |= *first.get_or_insert(sent) != sent;
    }
    match first {
        None => Err(Denied::Missing),
        Some(_) if differs => Err(Denied::Misplaced),
        Some(sent) => Credential::parse(sent).ok_or(Denied::Malformed),
    }
}

/// What follows the scheme `bearer`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let split = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = value.split_at(split);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| rest.trim_ascii())
}

fn holds_key(query: &str) -> bool {
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        KEY_PARAMETERS.iter().any(|parameter| name.eq_ignore_ascii_case(parameter))
            || value.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("pc_"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const A: &str = "pc_live_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk";
    const B: &str = "pc_live_1123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk";

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<String, Denied> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        read_credential(&Head::of(&head)).map(|credential| match credential {
            Credential::Own(token) => token.reveal().to_owned(),
            Credential::Foreign(foreign) => foreign.reveal().to_owned(),
        })
    }

    #[test]
    fn each_clients_header_is_read() {
        for name in ["x-api-key", "api-key", "x-goog-api-key"] {
            assert_eq!(read("/", &[(name, A)]), Ok(A.to_owned()), "{name}");
        }
        assert_eq!(read("/", &[("authorization", &format!("bearer {A}"))]), Ok(A.to_owned()));
        assert_eq!(read("/", &[("authorization", &format!("Bearer  {A}"))]), Ok(A.to_owned()));
    }

    #[test]
    fn what_another_gateway_issued_is_read_as_it_is() {
        let key = "sk-Zq7XbW3n_TpLk9-sVdEfGhw";
        assert_eq!(read("/", &[("authorization", &format!("Bearer {key}"))]), Ok(key.to_owned()));
        assert_eq!(read("/", &[("x-api-key", key)]), Ok(key.to_owned()));
        let twice = [("x-api-key", key), ("api-key", "sk-zq7xbw3n_tplk9-svdefghw")];
        assert_eq!(read("/", &twice), Err(Denied::Misplaced));
        assert_eq!(read("/", &[("x-api-key", "sk-short")]), Err(Denied::Malformed));
    }

    #[test]
    fn anything_doubtful_is_refused_with_its_reason() {
        let check = |uri: &str, headers: &[(&str, &str)], expect: Denied| {
            assert_eq!(read(uri, headers), Err(expect), "{uri} {headers:?}");
        };
        let bearer = format!("Bearer {A}");
        check("/", &[], Denied::Missing);
        check("/", &[("cookie", A)], Denied::Missing);
        check("/", &[("authorization", &format!("Basic {A}"))], Denied::Malformed);
        check("/", &[("authorization", A)], Denied::Malformed);
        check("/", &[("authorization", &format!("Bearer {A} x"))], Denied::Malformed);
        check("/", &[("authorization", &bearer), ("x-api-key", B)], Denied::Misplaced);
        check(
            "/",
            &[("authorization", &bearer), ("authorization", &format!("Bearer {B}"))],
            Denied::Misplaced,
        );
        check(&format!("/?key={A}"), &[("authorization", &bearer)], Denied::Misplaced);
        check(&format!("/?x={A}"), &[("authorization", &bearer)], Denied::Misplaced);
        check("/?Access_Token=1", &[("authorization", &bearer)], Denied::Misplaced);
        assert!(read("/?api-version=1", &[("authorization", &bearer), ("x-api-key", A)]).is_ok());
    }
}
