//! From a body on the wire to the few facts a call needs. The bytes are kept as they came.

pub(crate) mod incoming;
pub(crate) mod upload;

use bytes::Bytes;
use domain::chat;
use domain::code::Code;
use domain::price::Units;
use domain::protocol::Protocol;
use domain::route::Offer;
use domain::usage::Surface;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use hyper::body::Incoming;
use wire::dialect::{anthropic, gemini, openai, responses};
use wire::flow::Framing;
use wire::request::{Request, Unreadable};
use wire::surfaces;

use crate::authenticate::Caller;
use crate::gate::Gateway;
use crate::head::Head;
use crate::listing::percent_decoded;
use crate::refusal::{Refusal, Stop};
use crate::surface::{Endpoint, GoogleMethod, GooglePath};
use crate::upstream;
use upload::MAX_UPLOAD_BYTES;
pub(crate) use upload::Upload;

/// A request that was read.
pub(crate) struct Asked {
    /// The endpoint.
    pub surface: Surface,
    /// The method that Google's path names.
    pub method: Option<GoogleMethod>,
    /// The facts the gate acts on.
    pub facts: Request,
    /// What it asks for that is not counted in tokens.
    pub units: Units,
    /// The form it came as, if it came as one.
    pub upload: Option<Box<Upload>>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// The same in neutral form, once a connection needs it that speaks another protocol.
    pub neutral: Option<Box<chat::Request>>,
    /// Whether what cannot be said to an upstream is refused or left out.
    pub strictness: Strictness,
    /// How a stream is framed for the caller.
    pub framing: Framing,
    /// Headers by which a caller chooses versions of its protocol, for upstreams of the same.
    pub versions: Vec<(HeaderName, HeaderValue)>,
}

/// What becomes of a part of a request that the upstream's protocol cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// It is left out, and a header of the answer names it.
    Lenient,
    /// The request is refused.
    Strict,
}

/// Asks for [`Strictness::Strict`] with the value `true`.
pub(crate) const STRICT: &str = "x-portcullis-strict";
/// The headers that choose versions: they are the caller's to set, and say nothing of the caller.
const VERSIONS: [HeaderName; 3] = [
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
];
/// Bytes that such a header may have.
const MAX_VERSION_BYTES: usize = 1_024;

impl Asked {
    /// The protocol of the caller's conversation; none where there is no conversation.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        self.surface.protocol()
    }

    /// Reads the request into the neutral form if one of these connections speaks another protocol than the caller.
    pub(crate) fn neutralise(&mut self, offers: &[Offer]) -> Result<(), Stop> {
        let Some(caller) = self.protocol() else { return Ok(()) };
        let differs = |offer: &Offer| {
            upstream::exchange(offer, self.surface).is_some_and(|exchange| exchange.protocol() != caller)
        };
        if !offers.iter().any(differs) {
            return Ok(());
        }
        let request = match self.surface {
            Surface::GenerateTokens => gemini::decode_count(&self.body),
            _ => wire::dialect::decode_request(caller, &self.body),
        };
        let mut request = request.map_err(refused)?;
        request.stream = self.facts.stream;
        self.neutral = Some(Box::new(request));
        Ok(())
    }
}

/// Reads and checks the body.
pub(crate) async fn decode(
    gate: &Gateway,
    caller: &Caller,
    endpoint: Endpoint<'_>,
    head: &Head<'_>,
    body: Incoming,
) -> Result<Asked, Stop> {
    let Endpoint { surface, path } = endpoint;
    let boundary = match surfaces::is_form(surface) {
        true => Some(incoming::form(head)?),
        false => incoming::json(head).map(|()| None)?,
    };
    let limit = match caller.key.limits.body_bytes as usize {
        limit if boundary.is_some() => limit.max(MAX_UPLOAD_BYTES),
        limit => limit,
    };
    let body = incoming::receive(gate, head, body, limit).await?;
    let upload =
        boundary.map(|boundary| Upload::read(surface, &boundary, &body).map(Box::new)).transpose()?;
    let surfaces::Asked { request: facts, units } = match &upload {
        Some(upload) => upload.asked().clone(),
        None if surfaces::is_here(surface) => surfaces::read(surface, &body).map_err(refused)?,
        None => {
            surfaces::Asked { request: read(surface, path, &body).map_err(refused)?, units: Units::default() }
        }
    };
    let strictness = match head.strict.first.map(HeaderValue::as_bytes) {
        None | Some(b"false") => Strictness::Lenient,
        Some(b"true") => Strictness::Strict,
        Some(_) => {
            let message = format!("The header {STRICT} must be `true` or `false`.");
            return Err(Refusal::new(Code::InvalidRequest, message).about(STRICT).into());
        }
    };
    let method = path.map(|path| path.method);
    // Google answers with one JSON array those who do not ask for events.
    let asks_events =
        head.uri.query().is_some_and(|query| query.split('&').any(|member| member == "alt=sse"));
    let framing = if method.is_some() && !asks_events { Framing::Array } else { Framing::Events };
    let versions = head.versions.first.map(|_| versions(&head.headers)).unwrap_or_default();
    Ok(Asked { surface, method, facts, units, upload, body, neutral: None, strictness, framing, versions })
}

fn read(surface: Surface, path: Option<GooglePath<'_>>, body: &[u8]) -> Result<Request, Unreadable> {
    let named = path.map(|path| percent_decoded(path.model)).unwrap_or_default();
    let streams = path.is_some_and(|path| path.method == GoogleMethod::Stream);
    match surface {
        Surface::Responses => responses::read(body),
        Surface::Messages => anthropic::read(body),
        Surface::MessageTokens => anthropic::read_count(body),
        Surface::Generate => gemini::read(body, &named, streams),
        Surface::GenerateTokens => gemini::read_count(body, &named),
        Surface::EmbedContent => gemini::embed::read(body, &named),
        _ => openai::read(surface, body),
    }
}

/// The refusal of a body that cannot be read.
pub(crate) fn refused(unreadable: Unreadable) -> Stop {
    let refusal = Refusal::new(unreadable.code(), unreadable.to_string());
    match unreadable.field() {
        Some(field) => refusal.about(field),
        None => refusal,
    }
    .into()
}

fn versions(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let sane = |value: &&HeaderValue| value.len() <= MAX_VERSION_BYTES && value.to_str().is_ok();
    let found = |name: HeaderName| {
        headers
            .get_all(&name)
            .iter()
            .filter(sane)
            .map(move |value| (name.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    VERSIONS.into_iter().flat_map(found).collect()
}
