//! The one door through which refusals and failures leave: a code, a message, the caller's own dialect.

use std::borrow::Cow;

use domain::code::{Code, Retry};
use domain::limit::Standing;
use http::{HeaderValue, Response, StatusCode, header};
use live::counters::Unit;
use wire::openai;

use crate::body::Body;

/// Advised delay when nothing better is known, in milliseconds.
const DEFAULT_RETRY_AFTER_MS: u64 = 1_000;

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
}

/// What an upstream said of the caller's own mistake.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Its status, a client error.
    pub status: StatusCode,
    /// Its words, free of secrets.
    pub error: openai::UpstreamError,
}

impl Refusal {
    /// A refusal with a message that is fit for the caller.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self { code, message, param: None, retry_after_ms: None, upstream: None, ratelimit: None }
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

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.upstream {
            Some(theirs) => theirs.status,
            None => StatusCode::from_u16(self.code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The body of the answer, in OpenAI's envelope.
    pub(crate) fn envelope(&self, request_id: &str) -> Vec<u8> {
        let row = self.code.row();
        match &self.upstream {
            Some(theirs) => openai::write_error(
                &theirs.error.message,
                theirs.error.kind.as_deref().unwrap_or(row.openai_type),
                theirs.error.param.as_deref(),
                theirs.error.code.as_deref().unwrap_or(row.openai_code),
                request_id,
            ),
            None => openai::write_error(
                &self.message,
                row.openai_type,
                self.param.as_deref(),
                row.openai_code,
                request_id,
            ),
        }
    }

    /// The answer.
    pub(crate) fn respond(self, request_id: &HeaderValue) -> Response<Body> {
        let row = self.code.row();
        let envelope = self.envelope(request_id.to_str().unwrap_or_default());
        let status = self.status();
        let mut response = Response::new(Body::whole(envelope.into()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-request-id", request_id.clone());
        headers.insert("request-id", request_id.clone());
        if let Some((unit, standing)) = &self.ratelimit {
            crate::headers::write_ratelimit(headers, *unit, standing);
        }
        match row.retry {
            Retry::Never => {
                headers.insert("x-should-retry", HeaderValue::from_static("false"));
            }
            Retry::Later => {
                let delay_ms = self.retry_after_ms.unwrap_or(DEFAULT_RETRY_AFTER_MS);
                headers.insert(header::RETRY_AFTER, HeaderValue::from(delay_ms.div_ceil(1_000)));
                headers.insert("retry-after-ms", HeaderValue::from(delay_ms));
            }
        }
        if row.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if row.code == Code::MethodNotAllowed {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        response
    }
}
