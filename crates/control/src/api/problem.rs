//! What the admin API answers when it does not do what was asked: one row for each kind, and the one place where a
//! refusal becomes HTTP. What went wrong inside is logged under the request id and never told.

use std::borrow::Cow;
use std::fmt::Display;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::{ReadFailed, WriteFailed};
use utoipa::ToSchema;

/// The media type of problems (RFC 9457).
pub const MEDIA_TYPE: &str = "application/problem+json";
/// When to come back if nothing else is known.
const SHORT_WAIT_MS: u64 = 1_000;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request cannot be read or contradicts itself.
    InvalidRequest,
    /// The credential is missing, malformed, unknown, ended or expired.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// The caller has to give the password or the second factor again.
    ProofRequired,
    /// Whoever acts as somebody else reads and does nothing.
    Impersonated,
    /// A browser asks on behalf of a page that is not ours.
    OriginNotAllowed,
    /// Only who was invited gets an account.
    RegistrationClosed,
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// It contradicts what is there.
    Conflict,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body is not JSON, or is compressed.
    UnsupportedMediaType,
    /// A field has a value it cannot have.
    ValidationFailed,
    /// A limit is exhausted for the moment.
    RateLimited,
    /// The fault is ours.
    InternalError,
    /// Something that is needed is gone for the moment.
    Unavailable,
}

/// All attributes of one code.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// Its HTTP status.
    pub status: u16,
    /// Its word.
    pub word: &'static str,
    /// What it means, for people.
    pub title: &'static str,
}

const fn row(code: Code, status: u16, word: &'static str, title: &'static str) -> Row {
    Row { code, status, word, title }
}

/// The table, in the order of [`Code`].
#[rustfmt::skip]
pub const ROWS: [Row; 18] = [
    row(Code::InvalidRequest,       400, "invalid_request",        "The request cannot be read"),
    row(Code::Unauthorized,         401, "unauthorized",           "A valid credential is needed"),
    row(Code::Forbidden,            403, "forbidden",              "Not allowed"),
    row(Code::ProofRequired,        403, "proof_required",         "The password or second factor is needed again"),
    row(Code::Impersonated,         403, "impersonated",           "Not while acting as somebody else"),
    row(Code::OriginNotAllowed,     403, "origin_not_allowed",     "Not from this page"),
    row(Code::RegistrationClosed,  403, "registration_closed",    "Accounts are for people with an invitation"),
    row(Code::NotFound,             404, "not_found",              "There is no such thing"),
    row(Code::MethodNotAllowed,     405, "method_not_allowed",     "Not with this method"),
    row(Code::RequestTimeout,       408, "request_timeout",        "The body took too long"),
    row(Code::Conflict,             409, "conflict",               "It contradicts what is there"),
    row(Code::IdempotencyMismatch,  409, "idempotency_mismatch",   "The idempotency key was used for another request"),
    row(Code::BodyTooLarge,         413, "body_too_large",         "The body is too large"),
    row(Code::UnsupportedMediaType, 415, "unsupported_media_type", "The body is not JSON"),
    row(Code::ValidationFailed,     422, "validation_failed",      "A field has a value it cannot have"),
    row(Code::RateLimited,          429, "rate_limited",           "Too many requests"),
    row(Code::InternalError,        500, "internal_error",         "The fault is ours"),
    row(Code::Unavailable,          503, "unavailable",            "Not available at the moment"),
];

impl Code {
    /// The row of this code.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

/// A refusal or failure on its way out.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    field: Option<String>,
    retry_after_ms: Option<u64>,
    /// For the log alone.
    cause: Option<String>,
}

/// A problem as it is read by the caller (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Always `about:blank`: `code` says what it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// What the code means.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong this time.
    detail: &'a str,
    /// What kind of problem it is, for programs.
    #[schema(example = "validation_failed")]
    code: &'static str,
    /// The field that was wrong, as a path into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// What the answer's `x-request-id` says.
    request_id: &'a str,
}

impl Problem {
    fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), field: None, retry_after_ms: None, cause: None }
    }

    /// The request cannot be read.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// `field` has a value it cannot have.
    pub fn unfit(field: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::ValidationFailed, detail) }
    }

    /// The credential does not hold. One text for every reason.
    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "The credential is missing or not valid.")
    }

    /// The caller may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// The password or the second factor is needed again.
    pub(crate) fn proof_required() -> Self {
        Self::new(
            Code::ProofRequired,
            "This needs a password or second factor given in the last 10 minutes: POST /api/v1/me/proof.",
        )
    }

    /// Whoever acts as somebody else reads and does nothing.
    pub(crate) fn impersonated() -> Self {
        Self::new(
            Code::Impersonated,
            "You act as somebody else, who can be helped by looking: end that first (DELETE /api/v1/me/impersonation).",
        )
    }

    /// A browser asks for a page that is not ours, or without what only our page knows.
    pub(crate) fn origin_not_allowed(detail: &'static str) -> Self {
        Self::new(Code::OriginNotAllowed, detail)
    }

    /// Only who was invited gets an account.
    pub(crate) fn registration_closed() -> Self {
        Self::new(
            Code::RegistrationClosed,
            "This installation takes no registrations. Ask for an invitation.",
        )
    }

    /// The password or the code that was to prove it again is not right.
    pub(crate) fn not_proved() -> Self {
        Self::new(
            Code::ProofRequired,
            "This is not the password or code of your account, or you tried too often.",
        )
    }

    /// Too much is going on at the moment.
    pub(crate) fn busy(retry_after_ms: u64) -> Self {
        let problem =
            Self::new(Code::Unavailable, "Too many people log in at the moment. Try again shortly.");
        Self { retry_after_ms: Some(retry_after_ms), ..problem }
    }

    /// There is no such thing: one text for what is unknown and for what is another's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no such thing, or it is not yours.")
    }

    /// The path exists, the method does not.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(Code::MethodNotAllowed, "This path does not know this method.")
    }

    /// The body did not arrive in time.
    pub(crate) fn request_timeout() -> Self {
        Self::new(Code::RequestTimeout, "The body did not arrive in time.")
    }

    /// It contradicts what is there.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, detail)
    }

    /// The idempotency key was used for another request.
    pub(crate) fn idempotency_mismatch() -> Self {
        Self::new(
            Code::IdempotencyMismatch,
            "This idempotency key was used for another method, path or body. Use a new key for a new request.",
        )
    }

    /// The body is larger than allowed.
    pub(crate) fn body_too_large(most: usize) -> Self {
        Self::new(Code::BodyTooLarge, format!("A body has at most {most} bytes."))
    }

    /// The body is not JSON, or is compressed.
    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(Code::UnsupportedMediaType, "Send application/json, uncompressed.")
    }

    /// A limit is exhausted until then.
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        let problem = Self::new(Code::RateLimited, "Too many requests. Wait as retry-after says.");
        Self { retry_after_ms: Some(retry_after_ms), ..problem }
    }

    /// Something that is needed is gone for the moment; the log says what.
    pub fn unavailable(cause: impl Display) -> Self {
        let problem =
            Self::new(Code::Unavailable, "Something that is needed does not answer. Try again later.");
        Self { retry_after_ms: Some(SHORT_WAIT_MS), cause: Some(cause.to_string()), ..problem }
    }

    /// The fault is ours; the log says what.
    pub fn internal(cause: impl Display) -> Self {
        let problem = Self::new(Code::InternalError, "The fault is ours. Tell us the request id.");
        Self { retry_after_ms: Some(SHORT_WAIT_MS), cause: Some(cause.to_string()), ..problem }
    }

    /// The answer to the request with this id. What went wrong inside is logged here, once.
    pub(super) fn respond(&self, request_id: &str, mut headers: HeaderMap) -> Response {
        let Row { status, word, title, .. } = *self.code.row();
        if let Some(cause) = &self.cause {
            tracing::error!(request_id, code = word, cause, "an admin request failed");
        }
        let field = self.field.as_deref();
        let body = ProblemBody {
            kind: "about:blank",
            title,
            status,
            detail: &self.detail,
            code: word,
            field,
            request_id,
        };
        // Texts and a number: there is nothing in it that JSON cannot hold.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
            headers.insert("retry-after-ms", HeaderValue::from(ms));
        } else {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, headers, Body::from(body)).into_response()
    }
}

impl IntoResponse for Problem {
    /// Leaves the problem on the answer: the outermost layer writes it, for it knows the request id.
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ReadFailed> for Problem {
    fn from(failed: ReadFailed) -> Self {
        Self::unavailable(failed)
    }
}

impl From<WriteFailed> for Problem {
    fn from(failed: WriteFailed) -> Self {
        Self::unavailable(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_codes() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{}", row.word);
        }
    }

    #[test]
    fn only_what_time_may_cure_is_to_be_retried() {
        let headers = |problem: Problem| problem.respond("r", HeaderMap::new()).headers().clone();
        let later = headers(Problem::rate_limited(1_001));
        assert_eq!(
            (&later["retry-after"], &later["retry-after-ms"]),
            (&"2".parse().unwrap(), &"1001".parse().unwrap())
        );
        assert!(headers(Problem::unavailable("the disk is full")).contains_key("retry-after"));
        assert_eq!(headers(Problem::not_found())["x-should-retry"], "false");
        assert_eq!(headers(Problem::unauthorized())["www-authenticate"], "Bearer");
    }
}
