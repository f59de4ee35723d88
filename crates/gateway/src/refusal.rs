//! The one door through which refusals and failures leave: a code, a message, the caller's own dialect.

use std::borrow::Cow;

use domain::code::{Code, Retry};
use domain::limit::Standing;
use domain::protocol::Dialect;
use http::{HeaderValue, Response, StatusCode, header};
use live::counters::Unit;
use wire::failure::{ErrorBody, UpstreamError};

use crate::body::Body;
use crate::headers::{RETRY_AFTER_MS, SHOULD_RETRY, write_ratelimit, write_request_id};

/// Advised delay when nothing better is known, in milliseconds.
const DEFAULT_RETRY_AFTER_MS: u64 = 1_000;

/// Room for the headers of a refusal, so that their table is made once and does not grow.
const REFUSAL_HEADERS: usize = 12;

/// How a stage ends a request.
pub(crate) enum Stop {
    /// With an answer that says why.
    Refused(Refusal),
    /// By closing the connection: answering would cost more than the caller is worth.
    HangUp,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

/// A refusal or failure before it has a dialect.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: Code,
    message: Cow<'static, str>,
    param: Option<String>,
    retry_after_ms: Option<u64>,
    upstream: Option<Box<Upstream>>,
    ratelimit: Option<(Unit, Standing)>,
    retry: Option<Retry>,
}

/// The type in `dialect` for a mistake of the caller's to which an upstream gave this status.
fn kind_of(status: StatusCode, dialect: Dialect) -> &'static str {
    let code = match status.as_u16() {
        404 => Code::NotFound,
        413 => Code::BodyTooLarge,
        _ => Code::InvalidRequest,
    };
    code.row().kind_in(dialect)
}

/// What an upstream said of the caller's own mistake.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Its status, a client error.
    pub status: StatusCode,
    /// Whose words these are, where a caller can know them.
    pub dialect: Option<Dialect>,
    /// Its words, free of secrets.
    pub error: UpstreamError,
}

impl Refusal {
    /// A refusal with a message that is fit for the caller.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            param: None,
            retry_after_ms: None,
            upstream: None,
            ratelimit: None,
            retry: None,
        }
    }

    /// Names the field at fault.
    pub(crate) fn about(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// Says when a retry may pass.
    pub(crate) fn retry_after_ms(mut self, delay_ms: u64) -> Self {
        self.retry_after_ms = Some(delay_ms);
        self
    }

    /// Says that it must not be sent again, whatever its code says of others: it may have been done.
    pub(crate) fn once(mut self) -> Self {
        self.retry = Some(Retry::Never);
        self
    }

    /// Adds the limit that was met, what it counts, and the milliseconds until its window is empty.
    pub(crate) fn limited(mut self, unit: Unit, limit: u32, reset_ms: u64) -> Self {
        self.ratelimit = Some((unit, Standing { limit, remaining: 0, reset_ms }));
        self
    }

    /// Passes on what the upstream said of the caller's mistake.
    pub(crate) fn upstream(upstream: Upstream) -> Self {
        let mut refusal = Self::new(Code::InvalidRequest, upstream.error.message.clone());
        refusal.upstream = Some(Box::new(upstream));
        refusal
    }

    /// The code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The status of the answer in `dialect`.
    pub(crate) fn status(&self, dialect: Dialect) -> StatusCode {
        match &self.upstream {
            Some(theirs) => theirs.status,
            None => StatusCode::from_u16(self.code.row().status_in(dialect))
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Hands what there is to say of it in `dialect` to `write`.
    pub(crate) fn told<T>(
        &self,
        dialect: Dialect,
        request_id: &str,
        write: impl FnOnce(&ErrorBody<'_>) -> T,
    ) -> T {
        let row = self.code.row();
        let status = self.status(dialect);
        write(&match &self.upstream {
            // The upstream's own words for the kind are words of its own dialect.
            Some(theirs) if theirs.dialect == Some(dialect) => ErrorBody {
                status: status.as_u16(),
                message: &theirs.error.message,
                kind: theirs.error.kind.as_deref().unwrap_or(kind_of(status, dialect)),
                param: theirs.error.param.as_deref(),
                code: theirs.error.code.as_deref().unwrap_or(row.openai_code),
                request_id,
            },
            Some(theirs) => ErrorBody {
                status: status.as_u16(),
                message: &theirs.error.message,
                kind: kind_of(status, dialect),
                param: None,
                code: row.openai_code,
                request_id,
            },
            None => ErrorBody {
                status: status.as_u16(),
                message: &self.message,
                kind: row.kind_in(dialect),
                param: self.param.as_deref(),
                code: row.openai_code,
                request_id,
            },
        })
    }

    /// The answer.
    pub(crate) fn respond(self, request_id: &HeaderValue, dialect: Dialect) -> Response<Body> {
        let row = self.code.row();
        let envelope = self.told(dialect, request_id.to_str().unwrap_or_default(), |error| {
            wire::dialect::write_error(dialect, error)
        });
        let status = self.status(dialect);
        let mut response = Response::new(Body::whole(envelope.into()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.reserve(REFUSAL_HEADERS);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        write_request_id(headers, request_id);
        if let Some((unit, standing)) = &self.ratelimit {
            write_ratelimit(headers, *unit, standing);
        }
        match self.retry.unwrap_or(row.retry) {
            Retry::Never => {
                headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
            }
            Retry::Later => {
                let delay_ms = self.retry_after_ms.unwrap_or(DEFAULT_RETRY_AFTER_MS);
                headers.insert(header::RETRY_AFTER, HeaderValue::from(delay_ms.div_ceil(1_000)));
                headers.insert(RETRY_AFTER_MS, HeaderValue::from(delay_ms));
            }
        }
        if row.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if row.code == Code::MethodNotAllowed {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
        }
        response
    }
}
