//! What a failed attempt means: for the caller, for the connection, and for what may be tried next. What an upstream says
//! of itself stays here; what it says of the caller's mistake is cleaned and kept.

use std::time::Duration;

use domain::code::Code;
use domain::pool::{Fault, Told};
use domain::protocol::Protocol;
use domain::secret::Secret;
use domain::time::Timestamp;
use http::{Response, StatusCode};
use live::meters::Attempt;
use memchr::memmem;
use tokio::time::{Instant, timeout_at};
use wire::failure::{UpstreamError, read_error};

use super::{advice, read_bounded, words};
use crate::refusal::{Refusal, Upstream};

/// Most bytes of an error answer that are read.
const ERROR_BYTES: usize = 64 << 10;
/// The reason that Google gives, with status 400, for a key that it does not know.
const BAD_GOOGLE_KEY: &[u8] = b"API_KEY_INVALID";

/// A failed attempt.
pub(crate) struct Failure {
    /// What may be tried next.
    pub next: Next,
    /// What the upstream advised.
    pub retry_after: Option<Duration>,
    /// The answer, if nothing else helps.
    pub refusal: Box<Refusal>,
    /// For the log: one line without secrets.
    pub detail: String,
    /// How it ended, for the meters.
    pub result: Attempt,
    /// What it says about the connection.
    pub told: Told,
}

/// What may be tried after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same connection again, then others.
    Again,
    /// Other connections only.
    Elsewhere,
    /// Nothing: the failure is the caller's own, or part of an answer was consumed.
    Nothing,
}

impl Failure {
    pub(crate) fn new(next: Next, refusal: Refusal, result: Attempt, detail: impl Into<String>) -> Self {
        let told = told_by(result);
        Self { next, retry_after: None, refusal: Box::new(refusal), detail: detail.into(), result, told }
    }

    /// It says something else about the connection than such failures usually do.
    pub(crate) fn telling(mut self, told: Told) -> Self {
        self.told = told;
        self
    }

    pub(crate) fn provider(next: Next, result: Attempt, detail: impl Into<String>) -> Self {
        Self::new(
            next,
            Refusal::new(Code::ProviderError, "The provider did not give a usable answer."),
            result,
            detail,
        )
    }
}

/// What an attempt that ended so says about its connection.
fn told_by(result: Attempt) -> Told {
    match result {
        // Refusing a request is work, too: the connection and its key are good.
        Attempt::Answered | Attempt::Refused => Told::Works,
        Attempt::Limited => Told::Rest(None),
        Attempt::Failed | Attempt::Malformed => Told::Failed(Fault::Failed),
        Attempt::Unreachable => Told::Failed(Fault::Unreachable),
        Attempt::TimedOut => Told::Failed(Fault::TimedOut),
    }
}

pub(crate) fn misconfigured(detail: &str) -> Failure {
    let refusal = Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
    Failure::new(Next::Elsewhere, refusal, Attempt::Unreachable, detail).telling(Told::Nothing)
}

pub(crate) fn silent() -> Failure {
    let refusal = Refusal::new(Code::ProviderTimeout, "The provider did not answer in time.");
    Failure::new(Next::Elsewhere, refusal, Attempt::TimedOut, "no answer within the time for the first byte")
}

pub(crate) fn classify_failed(failed: &egress::Failed) -> Failure {
    let refusal = Refusal::new(Code::ProviderError, "The provider cannot be reached.");
    match failed {
        egress::Failed::Refused(_) => misconfigured(&failed.to_string()),
        _ if egress::asks_for_calm(failed) => limited("the connection ended with a request for calm"),
        egress::Failed::ConnectTimeout => {
            let refusal = Refusal::new(Code::ProviderTimeout, "The provider did not answer in time.");
            Failure::new(Next::Again, refusal, Attempt::TimedOut, failed.to_string())
        }
        _ => Failure::new(Next::Again, refusal, Attempt::Unreachable, failed.to_string()),
    }
}

pub(crate) fn limited(detail: impl Into<String>) -> Failure {
    let refusal = Refusal::new(Code::RateLimited, "The provider's rate limit is reached.");
    Failure::new(Next::Again, refusal, Attempt::Limited, detail)
}

/// The account behind the gate's key has no quota left: nothing the caller owes, and nothing a retry cures.
fn exhausted(detail: impl Into<String>) -> Failure {
    let refusal = Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
    Failure::new(Next::Elsewhere, refusal, Attempt::Limited, detail).telling(Told::Exhausted)
}

/// In which protocol an upstream answers, and the key it was shown, which no caller must see again.
#[derive(Clone, Copy)]
pub(crate) struct Spoken<'a> {
    /// The protocol.
    pub protocol: Protocol,
    /// The key.
    pub secret: Option<&'a Secret>,
}

/// What an answer other than 200 means for the caller.
pub(crate) async fn classify_status(
    response: Response<egress::Body>,
    spoken: Spoken<'_>,
    deadline: Instant,
    now: Timestamp,
) -> Failure {
    let status = response.status();
    let retry_after = match status.as_u16() {
        402 | 429 => advice::limit_reset(response.headers(), now),
        _ => advice::retry_after(response.headers(), now),
    };
    let detail = format!("status {}", status.as_u16());
    let said = timeout_at(deadline, read_bounded(response.into_body(), ERROR_BYTES)).await;
    let body = said.ok().and_then(Result::ok).unwrap_or_default();
    let is_bad_key = status == StatusCode::BAD_REQUEST
        && spoken.protocol == Protocol::Gemini
        && memmem::find(&body, BAD_GOOGLE_KEY).is_some();
    // Google's way to say it.
    let status = if is_bad_key { StatusCode::UNAUTHORIZED } else { status };
    let mut failure = of_status(status, read_error(&body), spoken, retry_after, detail);
    failure.retry_after = retry_after;
    failure
}

/// What a failure of this status means, whether it came as the status of the answer or in its first event.
fn of_status(
    status: StatusCode,
    said: Option<UpstreamError>,
    Spoken { protocol, secret }: Spoken<'_>,
    retry_after: Option<Duration>,
    detail: String,
) -> Failure {
    match status.as_u16() {
        // The gate's key is bad, not the caller's.
        401 => Failure::provider(Next::Elsewhere, Attempt::Refused, detail).telling(Told::Unauthorized),
        403 => Failure::provider(Next::Elsewhere, Attempt::Refused, detail).telling(Told::Forbidden),
        // The account behind the gate's key is out of credit: a limit of the key, and nothing the caller owes.
        402 => Failure::provider(Next::Elsewhere, Attempt::Limited, detail)
            .telling(Told::Rest(retry_after.map(milliseconds))),
        429 if said.as_ref().is_some_and(UpstreamError::says_quota_is_used_up) => exhausted(detail),
        429 => limited(detail).telling(Told::Rest(retry_after.map(milliseconds))),
        408 => Failure::provider(Next::Again, Attempt::Failed, detail).telling(Told::Failed(Fault::TimedOut)),
        409 => Failure::provider(Next::Again, Attempt::Failed, detail).telling(Told::Works),
        // Bedrock's word for a failure of the model behind it.
        424 => Failure::provider(Next::Again, Attempt::Failed, detail),
        400..=499 => {
            let error = words::clean(said, status, secret);
            let dialect = protocol.dialect();
            let next = if status == StatusCode::NOT_FOUND { Next::Elsewhere } else { Next::Nothing };
            Failure::new(
                next,
                Refusal::upstream(Upstream { status, dialect, error }),
                Attempt::Refused,
                detail,
            )
        }
        500..=599 => {
            let message = format!("The provider answered with status {}.", status.as_u16());
            Failure::new(Next::Again, Refusal::new(Code::ProviderError, message), Attempt::Failed, detail)
        }
        _ => Failure::provider(Next::Elsewhere, Attempt::Malformed, detail),
    }
}

fn milliseconds(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

/// An error in the first event stands for the status that should have been sent.
pub(crate) fn began_with_error(error: UpstreamError, spoken: Spoken<'_>) -> Failure {
    if error.says_quota_is_used_up() {
        return exhausted("the stream began with a quota error");
    }
    let limits = |word: &String| word.contains("rate_limit") || word == "429";
    if [&error.code, &error.kind].into_iter().flatten().any(limits) {
        return limited("the stream began with a rate limit error");
    }
    let said = error.code.as_deref().and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
    match said.filter(|status| status.is_client_error() || status.is_server_error()) {
        Some(status) => {
            let detail = format!("the stream began with an error of status {}", status.as_u16());
            of_status(status, Some(error), spoken, None, detail)
        }
        None => Failure::provider(Next::Again, Attempt::Failed, "the stream began with an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_the_first_event_is_the_status_it_stands_for() {
        let check = |said: Option<&str>, next: Next, code: Code, told: Told| {
            let error = UpstreamError {
                message: "words".to_owned(),
                kind: Some("anException".to_owned()),
                param: None,
                code: said.map(str::to_owned),
            };
            let failure = began_with_error(error, Spoken { protocol: Protocol::Bedrock, secret: None });
            assert_eq!((failure.next, failure.refusal.code(), failure.told), (next, code, told), "{said:?}");
        };
        let failed = Told::Failed(Fault::Failed);
        check(Some("400"), Next::Nothing, Code::InvalidRequest, Told::Works);
        check(Some("403"), Next::Elsewhere, Code::ProviderError, Told::Forbidden);
        check(Some("404"), Next::Elsewhere, Code::InvalidRequest, Told::Works);
        check(Some("408"), Next::Again, Code::ProviderError, Told::Failed(Fault::TimedOut));
        check(Some("424"), Next::Again, Code::ProviderError, failed);
        check(Some("429"), Next::Again, Code::RateLimited, Told::Rest(None));
        check(Some("500"), Next::Again, Code::ProviderError, failed);
        check(Some("503"), Next::Again, Code::ProviderError, failed);
        check(Some("insufficient_quota"), Next::Elsewhere, Code::NoAvailableRoute, Told::Exhausted);
        for unknown in [Some("200"), Some("4000"), Some("overloaded"), None] {
            check(unknown, Next::Again, Code::ProviderError, failed);
        }
    }
}
