//! Every refusal and failure the gate can answer with: one row each, everything about it derived from the row.

use crate::protocol::Dialect;

/// Whether the same request may succeed when sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A retry cannot cure it: `x-should-retry: false`.
    Never,
    /// It may pass later: `retry-after` and `retry-after-ms` say when.
    Later,
}

/// What an answer says went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request cannot be read or contradicts itself.
    InvalidRequest,
    /// The credential is missing, malformed, unknown, wrong, disabled, expired or revoked.
    Unauthorized,
    /// The key may not use this endpoint.
    Forbidden,
    /// The key may not use this model.
    ModelNotAllowed,
    /// The organization lists the pages that may call it from browsers, and this is not one of them.
    OriginNotAllowed,
    /// No such path or object.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// No connection offers this model.
    ModelNotFound,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The path and query are longer than allowed.
    UriTooLong,
    /// The head is larger than allowed.
    HeadTooLarge,
    /// The request body did not arrive in time.
    RequestTimeout,
    /// The body is not JSON, or is compressed.
    UnsupportedMediaType,
    /// A field has a value it cannot have.
    ValidationFailed,
    /// The request goes on from an answer that is nobody's, or somebody else's.
    PreviousResponseNotFound,
    /// What the request names is in a state that does not allow it.
    Conflict,
    /// A limit is exhausted for the moment.
    RateLimited,
    /// The upstream failed or answered nonsense.
    ProviderError,
    /// Every connection that offers the model is out of service.
    NoAvailableRoute,
    /// Something the gate needs is gone for the moment.
    Unavailable,
    /// The upstream did not answer in time.
    ProviderTimeout,
}

/// All attributes of one code.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// Its HTTP status.
    pub status: u16,
    /// Its word in logs, metrics and docs.
    pub word: &'static str,
    /// `error.type` in the OpenAI envelope.
    pub openai_type: &'static str,
    /// `error.code` in the OpenAI envelope.
    pub openai_code: &'static str,
    /// `error.type` in the Anthropic envelope.
    pub anthropic_type: &'static str,
    /// `error.status` in the Google envelope.
    pub google_status: &'static str,
    /// Whether a retry may help.
    pub retry: Retry,
}

/// Anthropic's own status for an overload.
const OVERLOADED: u16 = 529;

impl Row {
    /// Its HTTP status in `dialect`.
    #[must_use]
    pub fn status_in(&self, dialect: Dialect) -> u16 {
        match dialect {
            Dialect::Anthropic if self.anthropic_type == "overloaded_error" => OVERLOADED,
            _ => self.status,
        }
    }

    /// Its type in the envelope of `dialect`.
    #[must_use]
    pub fn kind_in(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::OpenAi => self.openai_type,
            Dialect::Anthropic => self.anthropic_type,
            Dialect::Google => self.google_status,
        }
    }
}

const fn row(
    code: Code,
    status: u16,
    word: &'static str,
    openai_type: &'static str,
    openai_code: &'static str,
    anthropic_type: &'static str,
    google_status: &'static str,
    retry: Retry,
) -> Row {
    Row { code, status, word, openai_type, openai_code, anthropic_type, google_status, retry }
}

/// The table, in the order of [`Code`].
#[rustfmt::skip]
pub const ROWS: [Row; 21] = [
    row(Code::InvalidRequest,       400, "invalid_request",        "invalid_request_error", "invalid_request",        "invalid_request_error",  "INVALID_ARGUMENT",   Retry::Never),
    row(Code::Unauthorized,         401, "unauthorized",           "invalid_request_error", "invalid_api_key",        "authentication_error",   "UNAUTHENTICATED",    Retry::Never),
    row(Code::Forbidden,            403, "forbidden",              "permission_error",      "forbidden",              "permission_error",       "PERMISSION_DENIED",  Retry::Never),
    row(Code::ModelNotAllowed,      403, "model_not_allowed",      "permission_error",      "model_not_allowed",      "permission_error",       "PERMISSION_DENIED",  Retry::Never),
    row(Code::OriginNotAllowed,     403, "origin_not_allowed",     "permission_error",      "origin_not_allowed",     "permission_error",       "PERMISSION_DENIED",  Retry::Never),
    row(Code::NotFound,             404, "not_found",              "invalid_request_error", "not_found",              "not_found_error",        "NOT_FOUND",          Retry::Never),
    row(Code::MethodNotAllowed,     405, "method_not_allowed",     "invalid_request_error", "method_not_allowed",     "invalid_request_error",  "UNIMPLEMENTED",      Retry::Never),
    row(Code::ModelNotFound,        404, "not_found",              "invalid_request_error", "model_not_found",        "not_found_error",        "NOT_FOUND",          Retry::Never),
    row(Code::BodyTooLarge,         413, "body_too_large",         "invalid_request_error", "request_too_large",      "request_too_large",      "INVALID_ARGUMENT",   Retry::Never),
    row(Code::UriTooLong,           414, "uri_too_long",           "invalid_request_error", "uri_too_long",           "invalid_request_error",  "INVALID_ARGUMENT",   Retry::Never),
    row(Code::HeadTooLarge,         431, "head_too_large",         "invalid_request_error", "head_too_large",         "invalid_request_error",  "INVALID_ARGUMENT",   Retry::Never),
    row(Code::RequestTimeout,       408, "request_timeout",        "invalid_request_error", "request_timeout",        "invalid_request_error",  "CANCELLED",          Retry::Never),
    row(Code::UnsupportedMediaType, 415, "unsupported_media_type", "invalid_request_error", "unsupported_media_type", "invalid_request_error",  "INVALID_ARGUMENT",   Retry::Never),
    row(Code::ValidationFailed,     422, "validation_failed",      "invalid_request_error", "validation_failed",      "invalid_request_error",  "INVALID_ARGUMENT",   Retry::Never),
    row(Code::PreviousResponseNotFound, 400, "previous_response_not_found", "invalid_request_error", "previous_response_not_found", "invalid_request_error", "INVALID_ARGUMENT", Retry::Never),
    row(Code::Conflict,             409, "conflict",               "invalid_request_error", "conflict",               "invalid_request_error",  "ABORTED",            Retry::Never),
    row(Code::RateLimited,          429, "rate_limited",           "rate_limit_error",      "rate_limited",           "rate_limit_error",       "RESOURCE_EXHAUSTED", Retry::Later),
    row(Code::ProviderError,        502, "provider_error",         "api_error",             "provider_error",         "api_error",              "INTERNAL",           Retry::Later),
    row(Code::NoAvailableRoute,     503, "no_available_route",     "api_error",             "no_available_route",     "overloaded_error",       "UNAVAILABLE",        Retry::Later),
    row(Code::Unavailable,          503, "unavailable",            "api_error",             "unavailable",            "overloaded_error",       "UNAVAILABLE",        Retry::Later),
    row(Code::ProviderTimeout,      504, "provider_timeout",       "api_error",             "provider_timeout",       "timeout_error",          "DEADLINE_EXCEEDED",  Retry::Later),
];

impl Code {
    /// The row of this code.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
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
    fn client_faults_are_not_retried_except_limits() {
        for row in &ROWS {
            let later = row.status >= 500 || row.code == Code::RateLimited;
            assert_eq!(row.retry == Retry::Later, later, "{}", row.word);
        }
    }
}
