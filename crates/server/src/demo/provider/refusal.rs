//! Why the demo provider does not answer, in OpenAI's error envelope. What a client sent is never repeated in it,
//! except a model's name.

use http::StatusCode;
use serde::Serialize;

use super::instance::Impossible;

const INVALID: &str = "invalid_request_error";

/// A refused request.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    fault: Fault,
}

#[derive(Debug, Serialize)]
struct Fault {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a Fault,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, fault: Fault { message: message.into(), kind: INVALID, param: None, code: None } }
    }

    /// A parameter with a value that the demo provider does not take.
    pub(super) fn bad(param: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message).about(param, "invalid_value")
    }

    /// A parameter that must be there.
    pub(super) fn missing(param: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("The parameter `{param}` is required."))
            .about(param, "missing_required_parameter")
    }

    /// A body that is not JSON, or not of the expected shape.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        let what = if error.is_data() { "is not a request of this kind" } else { "is not valid JSON" };
        Self::new(StatusCode::BAD_REQUEST, format!("The body {what}: {error}."))
    }

    /// A body that stopped before its end.
    pub(super) fn cut_short() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The body ended early.")
    }

    /// A body over the bound.
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is longer than {limit} bytes."))
    }

    /// A schema of which the demo provider cannot make an instance.
    pub(super) fn schema(param: &'static str, why: &Impossible) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("No instance can be made of this schema: {why}."))
            .about(param, "invalid_json_schema")
    }

    /// A model nobody has heard of.
    pub(super) fn no_model(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("The model `{name}` does not exist at the demo provider."))
            .about("model", "model_not_found")
    }

    /// A model that answers another kind of request.
    pub(super) fn other_model(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("The model `{name}` does not answer this kind of request."))
            .about("model", "model_not_found")
    }

    /// No key, or another one.
    pub(super) fn wrong_key() -> Self {
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, "This is not the demo provider's API key.");
        refusal.fault.code = Some("invalid_api_key");
        refusal
    }

    /// No such path.
    pub(super) fn no_path() -> Self {
        let mut refusal = Self::new(StatusCode::NOT_FOUND, "The demo provider has nothing at this path.");
        refusal.fault.code = Some("unknown_url");
        refusal
    }

    /// A path that answers another method.
    pub(super) fn other_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This path answers another method.")
    }

    /// An answer that could not be written as JSON.
    pub(super) fn unwritable() -> Self {
        let mut refusal = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be written.");
        refusal.fault.kind = "server_error";
        refusal
    }

    fn about(mut self, param: &'static str, code: &'static str) -> Self {
        self.fault.param = Some(param);
        self.fault.code = Some(code);
        self
    }

    /// The envelope.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Envelope { error: &self.fault })
    }
}
