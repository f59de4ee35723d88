//! The request for one connection: in the caller's own bytes where both speak the same protocol, else written anew.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use domain::chat::tool_id::Grammar;
use domain::code::Code;
use domain::protocol::Protocol;
use domain::route::Offer;
use domain::usage::Surface;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;
use live::meters::Attempt;
use wire::catalog::{self, Auth, Provider, StreamUsage};
use wire::dialect::gemini::embed;
use wire::dialect::{self, Encoded, Inexpressible, Target, anthropic, gemini};
use wire::openai::fit_tool_ids;
use wire::request::Unreadable;

use super::failure::{Failure, Next, misconfigured};
use crate::decode::{Asked, Strictness};
use crate::refusal::Refusal;
use crate::surface::GoogleMethod;

/// How the gate introduces itself.
pub(super) const AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
/// Room for the headers of most requests, with what proves whose they are and what the connection adds.
const USUAL_HEADERS: usize = 8;
/// The version of Anthropic's protocol that translated requests are written in, and others where the caller names none.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// A request that is ready but for its credentials.
pub(crate) struct Outgoing {
    /// The path under the base URL, and the query.
    pub path: Cow<'static, str>,
    /// What the upstream answers.
    pub exchange: Exchange,
    /// How the request proves whose it is.
    pub auth: Auth,
    /// The body.
    pub body: Bytes,
    /// What of the caller's request is not in it.
    pub dropped: Vec<String>,
}

/// What passes between the gate and an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// A conversation in this protocol.
    Conversation(Protocol),
    /// The tokens of one are counted, in this protocol.
    Count(Protocol),
    /// Embeddings in Google's form.
    GoogleEmbeddings,
    /// Anything in OpenAI's form.
    OpenAi,
}

impl Exchange {
    /// The protocol in which the upstream speaks of errors.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Exchange::Conversation(protocol) | Exchange::Count(protocol) => protocol,
            Exchange::GoogleEmbeddings => Protocol::Gemini,
            Exchange::OpenAi => Protocol::Chat,
        }
    }
}

/// What a connection's provider is known to be like.
struct Manners {
    row: Option<&'static Provider>,
    usage: StreamUsage,
    tool_ids: Grammar,
}

impl Manners {
    fn of(offer: &Offer) -> Self {
        let row = catalog::provider(&offer.connection.provider);
        Self {
            row,
            usage: row.map_or(StreamUsage::OnRequest, |row| row.usage_in_streams),
            tool_ids: row.map_or(Grammar::Any, |row| row.tool_ids),
        }
    }

    fn target<'a>(&self, offer: &'a Offer) -> Target<'a> {
        Target {
            model: &offer.model,
            max_output_tokens: offer.facts.max_output_tokens,
            tool_ids: self.tool_ids,
            usage_in_streams: self.usage,
            chat: self.row.map(|row| row.chat).unwrap_or_default(),
        }
    }
}

/// The exchange by which a connection serves what was asked; none where its provider cannot.
pub(crate) fn exchange(offer: &Offer, surface: Surface) -> Option<Exchange> {
    let row = catalog::provider(&offer.connection.provider);
    let protocols = row.map_or(&[Protocol::Chat][..], |row| row.protocols);
    let speaks = |protocol: Protocol| protocols.contains(&protocol);
    match surface.protocol() {
        Some(caller) if surface.only_counts() => {
            let counting = [caller, Protocol::Anthropic, Protocol::Gemini];
            counting.into_iter().find(|protocol| speaks(*protocol)).map(Exchange::Count)
        }
        Some(caller) => {
            row.map_or(Some(Protocol::Chat), |row| row.protocol_for(caller)).map(Exchange::Conversation)
        }
        None if matches!(surface, Surface::Embeddings | Surface::EmbedContent)
            && speaks(Protocol::Gemini) =>
        {
            Some(Exchange::GoogleEmbeddings)
        }
        None => Some(Exchange::OpenAi),
    }
}

/// Writes the request of `asked` for `offer`.
pub(crate) fn outgoing(offer: &Offer, asked: &Asked) -> Result<Outgoing, Failure> {
    let manners = Manners::of(offer);
    let exchange = exchange(offer, asked.surface)
        .ok_or_else(|| misconfigured("the provider does not have this endpoint"))?;
    let (body, dropped) = match written(offer, asked, exchange, &manners) {
        Ok(Written::AsItCame(body)) => (body, Vec::new()),
        Ok(Written::Anew(Encoded { body, dropped })) => (body.into(), dropped),
        Err(NotWritten::Inexpressible(what)) => return Err(cannot_say(Some(what.field), what.to_string())),
        Err(NotWritten::Unreadable(unreadable)) => {
            return Err(cannot_say(unreadable.field(), unreadable.to_string()));
        }
        Err(NotWritten::Unread) => return Err(misconfigured("the request was not read for this protocol")),
    };
    if asked.strictness == Strictness::Strict
        && let Some(first) = dropped.first()
    {
        let message = format!("`{first}` cannot be said to this model, and nothing may be left out.");
        return Err(cannot_say(Some(first), message));
    }
    let auth = manners.row.map_or(Auth::Bearer, |row| row.auth);
    Ok(Outgoing { path: path(exchange, asked, &offer.model), exchange, auth, body, dropped })
}

/// A body for an upstream.
enum Written {
    /// The caller's own bytes, but for the model and what the gate must ask for.
    AsItCame(Bytes),
    /// Another.
    Anew(Encoded),
}

/// Why there is none.
enum NotWritten {
    Inexpressible(Inexpressible),
    Unreadable(Unreadable),
    Unread,
}

impl From<Inexpressible> for NotWritten {
    fn from(inexpressible: Inexpressible) -> Self {
        Self::Inexpressible(inexpressible)
    }
}

impl From<Unreadable> for NotWritten {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

fn written(
    offer: &Offer,
    asked: &Asked,
    exchange: Exchange,
    manners: &Manners,
) -> Result<Written, NotWritten> {
    let model = &*offer.model;
    let as_it_came = || asked.facts.rewrite(&asked.body, model, manners.usage);
    let neutral = || asked.neutral.as_deref().ok_or(NotWritten::Unread);
    let caller = asked.protocol();
    Ok(match exchange {
        Exchange::Conversation(Protocol::Chat) if caller == Some(Protocol::Chat) => {
            Written::AsItCame(fit_tool_ids(&as_it_came(), manners.tool_ids))
        }
        Exchange::Conversation(protocol) | Exchange::Count(protocol) if caller == Some(protocol) => {
            Written::AsItCame(as_it_came())
        }
        Exchange::Conversation(protocol) => {
            Written::Anew(dialect::encode_request(protocol, neutral()?, &manners.target(offer))?)
        }
        Exchange::Count(Protocol::Gemini) => {
            let service = match manners.row.map(|row| row.auth) {
                Some(Auth::GoogleServiceAccount) => gemini::Service::Vertex,
                _ => gemini::Service::Studio,
            };
            Written::Anew(gemini::encode_count(neutral()?, &manners.target(offer), service)?)
        }
        Exchange::Count(_) => Written::Anew(anthropic::encode_count(neutral()?, &manners.target(offer))?),
        Exchange::GoogleEmbeddings if asked.surface == Surface::Embeddings => {
            Written::Anew(embed::from_openai_request(&asked.body, model)?)
        }
        // The model stands in the body once more, where it must be the one of the path.
        Exchange::GoogleEmbeddings if asked.facts.model != model => {
            let Encoded { body, mut dropped } = embed::to_openai(&asked.body, model)?;
            let again = embed::from_openai_request(&body, model)?;
            dropped.extend(again.dropped);
            Written::Anew(Encoded { body: again.body, dropped })
        }
        Exchange::OpenAi if asked.surface == Surface::EmbedContent => {
            Written::Anew(embed::to_openai(&asked.body, model)?)
        }
        Exchange::GoogleEmbeddings | Exchange::OpenAi => Written::AsItCame(match &asked.upload {
            Some(upload) => upload.rewrite(&asked.body, model).ok_or(NotWritten::Unread)?,
            None => as_it_came(),
        }),
    })
}

/// The request for `outgoing`, without credentials.
pub(crate) fn build(asked: &Asked, outgoing: &Outgoing) -> Request<Full<Bytes>> {
    let protocol = outgoing.exchange.protocol();
    let accept = match (asked.facts.stream, protocol) {
        (true, Protocol::Bedrock) => "application/vnd.amazon.eventstream",
        (true, _) => "text/event-stream",
        (false, _) if matches!(asked.surface, Surface::Speech | Surface::Transcriptions) => "*/*",
        (false, _) => "application/json",
    };
    let media_type = match &asked.upload {
        Some(upload) => upload.media_type().clone(),
        None => HeaderValue::from_static("application/json"),
    };
    let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if protocol.dialect() == Some(asked.surface.dialect()) {
        for (name, value) in &asked.versions {
            headers.append(name.clone(), value.clone());
        }
    }
    let (name, value) = ANTHROPIC_VERSION;
    if protocol == Protocol::Anthropic && !headers.contains_key(&name) {
        headers.insert(name, value);
    }
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = Method::POST;
    *request.headers_mut() = headers;
    request
}

/// Where `asked` is answered.
fn path(exchange: Exchange, asked: &Asked, model: &str) -> Cow<'static, str> {
    let streams = asked.facts.stream;
    let of_google = |method: &str| Cow::Owned(format!("models/{}:{method}", segment(model)));
    match exchange {
        Exchange::OpenAi => Cow::Borrowed(asked.surface.path()),
        Exchange::Conversation(Protocol::Chat) => Cow::Borrowed(Surface::Chat.path()),
        Exchange::Conversation(Protocol::Responses) => Cow::Borrowed(Surface::Responses.path()),
        Exchange::Conversation(Protocol::Anthropic) => Cow::Borrowed("messages"),
        Exchange::Conversation(Protocol::Gemini) if streams => of_google("streamGenerateContent?alt=sse"),
        Exchange::Conversation(Protocol::Gemini) => of_google(GoogleMethod::Generate.word()),
        Exchange::Conversation(Protocol::Bedrock) => {
            let method = if streams { "converse-stream" } else { "converse" };
            Cow::Owned(format!("model/{}/{method}", segment(model)))
        }
        Exchange::Count(Protocol::Gemini) => of_google(GoogleMethod::Count.word()),
        Exchange::Count(_) => Cow::Borrowed("messages/count_tokens"),
        Exchange::GoogleEmbeddings => match asked.method {
            Some(GoogleMethod::Embed) if asked.facts.model == model => of_google(GoogleMethod::Embed.word()),
            _ => of_google(GoogleMethod::EmbedBatch.word()),
        },
    }
}

/// A name as one segment of a path (RFC 3986 section 2.3).
pub(super) fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The request asks for something that this upstream cannot be told; another may be.
fn cannot_say(field: Option<&str>, message: String) -> Failure {
    let refusal = Refusal::new(Code::InvalidRequest, message);
    let refusal = match field {
        Some(field) => refusal.about(field),
        None => refusal,
    };
    Failure::new(Next::Elsewhere, refusal, Attempt::Refused, "the request cannot be said in its protocol")
        .telling(domain::pool::Told::Nothing)
}
