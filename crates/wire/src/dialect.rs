//! The dialects: for each protocol one folder that reads and writes it, in pure functions. What they agree on is here:
//! the neutral form is in `domain::chat`, and no dialect knows another.

pub mod anthropic;
mod base64;
pub mod bedrock;
mod counts;
mod effort;
mod field;
pub mod gemini;
mod names;
pub mod openai;
pub mod responses;

use bytes::Bytes;
use domain::chat;
use domain::protocol::{Dialect, Protocol};
use domain::usage::Surface;

use crate::answer::{Answer, Malformed};
use crate::failure::{ErrorBody, UpstreamError};
use crate::request::Unreadable;
use crate::sse;
use crate::tap::{Broken, Meter, Said};

/// What ends streams of OpenAI's making in place of an event.
pub(crate) const DONE_MARK: &[u8] = b"[DONE]";

/// What a request in neutral form is written for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The model by the provider's own name.
    pub model: &'a str,
    /// The most output the model has, where that is known: for protocols that demand a limit.
    pub max_output_tokens: Option<u32>,
    /// How the provider lets the names of tool calls look.
    pub tool_ids: chat::tool_id::Grammar,
    /// How its streams report usage.
    pub usage_in_streams: crate::catalog::StreamUsage,
    /// How its form of OpenAI's chat completions differs from others'; without meaning for other protocols.
    pub chat: openai::ChatForm,
}

/// A request in the protocol of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The body.
    pub body: Vec<u8>,
    /// What of the request the protocol cannot say, by the names of [`chat::Request`] and its parts or the caller's own:
    /// `seed`, `logprobs`, `reasoning`. Each once.
    pub dropped: Vec<String>,
}

/// Something a request asks for that the upstream's protocol cannot say and that must not be lost in silence. Its display
/// is a message for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be sent to this model")]
pub struct Inexpressible {
    /// Which member of the request it is, as far as that can be said in every dialect: `tools`, `messages`.
    pub field: &'static str,
    /// What it is: "the tool `web_search_20250305`", "a picture by its address".
    pub what: String,
}

/// What the answer to a caller takes from its request and from the gate.
#[derive(Debug, Clone, Copy)]
pub struct Echo<'a> {
    /// Our name for the answer, for protocols that demand one where the upstream gave none.
    pub id: &'a str,
    /// The model that answers, by the provider's name, where the upstream does not say.
    pub model: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    /// Whether the caller asked for usage in the stream, where a dialect has it on request.
    pub asks_usage: bool,
    /// The request as the caller sent it, for dialects that answer with what was asked.
    pub body: &'a [u8],
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// It is not what it should be.
    Broken(Broken),
    /// The upstream reports a failure in it.
    Failed(UpstreamError),
}

/// Reads the events of an upstream's stream into neutral ones. One is made for each stream.
pub(crate) trait ReadStream: std::fmt::Debug + Send {
    /// Reads one event, without its empty data and comments, and appends what it says to `out` in the order and grammar
    /// of [`chat::Event`].
    fn read(&mut self, event: &sse::Event<'_>, out: &mut Vec<chat::Event>) -> Result<(), Stopped>;

    /// Whether the event that ends the answer has come. What follows is not offered.
    fn is_over(&self) -> bool;

    /// The upstream's bytes have ended: appends what is still owed (parts that end, finishes that were held back) and says
    /// whether the answer is complete.
    fn end(&mut self, out: &mut Vec<chat::Event>) -> bool;
}

/// Writes neutral events as a caller's stream. One is made for each stream.
pub(crate) trait WriteStream: std::fmt::Debug + Send {
    /// Appends whole events of the protocol to `out`; may hold back what later events decide, such as why the answer
    /// finished until usage is known.
    fn write(&mut self, event: chat::Event, out: &mut Vec<u8>);

    /// The answer is complete: appends all that is left, the protocol's own end last.
    fn finish(&mut self, out: &mut Vec<u8>);

    /// Appends the event that tells of a failure in mid-stream. Nothing follows it.
    fn fail(&mut self, error: &ErrorBody<'_>, out: &mut Vec<u8>);
}

/// Notes what the events of a stream say that is relayed as it came. No text is kept.
pub(crate) trait Notes {
    /// Notes one event that has data and is not of the kind `error`.
    fn note(&mut self, kind: &[u8], data: &[u8], meter: &mut Meter) -> Result<Said, Broken>;

    /// Whether every answer that was begun has said why it finished.
    fn finish_seen(&self) -> bool;

    /// Whether these are the last words of a stream, where its blank line is missing.
    fn is_end(&self, kind: &[u8], data: &[u8]) -> bool;

    /// What a caller needs at the end of a stream that has all but its end mark.
    fn end_mark(&self) -> &'static [u8];

    /// Whether the end is an event with facts of its own, not a mere mark.
    fn end_is_an_event(&self) -> bool;
}

/// The notes of one of the protocols.
#[derive(Debug)]
pub(crate) enum AnyNotes {
    Chat(openai::Notes),
    Responses(responses::Notes),
    Anthropic(anthropic::Notes),
    Gemini(gemini::Notes),
}

impl AnyNotes {
    /// The notes of a stream of which nothing has come yet.
    pub(crate) fn of(protocol: Protocol) -> Self {
        match protocol {
            // Nothing of Bedrock's is relayed as it came, for no caller speaks its protocol.
            Protocol::Chat | Protocol::Bedrock => Self::Chat(openai::Notes::default()),
            Protocol::Responses => Self::Responses(responses::Notes::default()),
            Protocol::Anthropic => Self::Anthropic(anthropic::Notes::default()),
            Protocol::Gemini => Self::Gemini(gemini::Notes::default()),
        }
    }

    fn get(&self) -> &dyn Notes {
        match self {
            Self::Chat(notes) => notes,
            Self::Responses(notes) => notes,
            Self::Anthropic(notes) => notes,
            Self::Gemini(notes) => notes,
        }
    }

    fn get_mut(&mut self) -> &mut dyn Notes {
        match self {
            Self::Chat(notes) => notes,
            Self::Responses(notes) => notes,
            Self::Anthropic(notes) => notes,
            Self::Gemini(notes) => notes,
        }
    }
}

impl Notes for AnyNotes {
    fn note(&mut self, kind: &[u8], data: &[u8], meter: &mut Meter) -> Result<Said, Broken> {
        self.get_mut().note(kind, data, meter)
    }

    fn finish_seen(&self) -> bool {
        self.get().finish_seen()
    }

    fn is_end(&self, kind: &[u8], data: &[u8]) -> bool {
        self.get().is_end(kind, data)
    }

    fn end_mark(&self) -> &'static [u8] {
        self.get().end_mark()
    }

    fn end_is_an_event(&self) -> bool {
        self.get().end_is_an_event()
    }
}

/// The name of a call as a caller carries it who sends back nothing else of it: with the signature that another provider
/// demands back.
pub(crate) fn carried_id(id: &str, signature: Option<&chat::Signature>) -> String {
    match signature {
        Some(signature) => chat::tool_id::with_signature(id, signature),
        None => id.to_owned(),
    }
}

/// Reads the request of a caller of `protocol`, whose facts were read before, into the neutral form.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have.
pub fn decode_request(protocol: Protocol, body: &[u8]) -> Result<chat::Request, Unreadable> {
    match protocol {
        Protocol::Chat | Protocol::Bedrock => openai::decode_request(body),
        Protocol::Responses => responses::decode_request(body),
        Protocol::Anthropic => anthropic::decode_request(body).map(showing_thoughts),
        Protocol::Gemini => gemini::decode_request(body),
    }
}

/// Whoever gives a budget for thoughts in Anthropic's protocol is shown them; others show them to those who ask.
fn showing_thoughts(mut request: chat::Request) -> chat::Request {
    if let Some(thinking) = &mut request.thinking
        && thinking.shown == chat::Shown::Default
        && thinking.budget_tokens.is_some_and(|tokens| tokens > 0)
    {
        thinking.shown = chat::Shown::Summary;
    }
    request
}

/// Writes `request` for an upstream of `protocol`.
///
/// # Errors
/// [`Inexpressible`] when it holds something that must not be dropped and that the protocol cannot say.
pub fn encode_request(
    protocol: Protocol,
    request: &chat::Request,
    target: &Target<'_>,
) -> Result<Encoded, Inexpressible> {
    match protocol {
        Protocol::Chat => openai::encode_request(request, target),
        Protocol::Responses => responses::encode_request(request, target),
        Protocol::Anthropic => anthropic::encode_request(request, target),
        Protocol::Gemini => gemini::encode_request(request, target),
        Protocol::Bedrock => bedrock::encode_request(request, target),
    }
}

/// What the gate wants to know of an upstream's answer to a call through `surface`.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn read_answer(protocol: Protocol, surface: Surface, body: &[u8]) -> Result<Answer, Malformed> {
    match protocol {
        Protocol::Chat => openai::read_answer(surface, body),
        Protocol::Responses => responses::read_answer(body),
        Protocol::Anthropic => anthropic::read_answer(body),
        Protocol::Gemini => gemini::read_answer(body),
        Protocol::Bedrock => bedrock::read_answer(body),
    }
}

/// An answer of `upstream`, as a caller of another protocol expects it.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn translate_answer(
    upstream: Protocol,
    caller: Protocol,
    body: &[u8],
    echo: &Echo<'_>,
) -> Result<Vec<u8>, Malformed> {
    let answer = match upstream {
        Protocol::Chat => openai::decode_answer(body),
        Protocol::Responses => responses::decode_answer(body),
        Protocol::Anthropic => anthropic::decode_answer(body),
        Protocol::Gemini => gemini::decode_answer(body),
        Protocol::Bedrock => bedrock::decode_answer(body),
    }?;
    Ok(match caller {
        Protocol::Chat | Protocol::Bedrock => openai::encode_answer(&answer, echo),
        Protocol::Responses => responses::encode_answer(&answer, echo),
        Protocol::Anthropic => anthropic::encode_answer(&answer, echo),
        Protocol::Gemini => gemini::encode_answer(&answer, echo),
    })
}

/// The body of an error answer in `dialect`.
#[must_use]
pub fn write_error(dialect: Dialect, error: &ErrorBody<'_>) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi => openai::write_error(error),
        Dialect::Anthropic => anthropic::write_error(error),
        Dialect::Google => gemini::write_error(error),
    }
}

/// The event that tells a caller of `protocol` of a failure in the middle of a stream, in which so many events have gone
/// before.
#[must_use]
pub(crate) fn write_error_event(protocol: Protocol, error: &ErrorBody<'_>, events: u64) -> Bytes {
    let mut out = Vec::new();
    match protocol {
        Protocol::Chat | Protocol::Bedrock => openai::write_error_event(error, events, &mut out),
        Protocol::Responses => responses::write_error_event(error, events, &mut out),
        Protocol::Anthropic => anthropic::write_error_event(error, events, &mut out),
        Protocol::Gemini => gemini::write_error_event(error, events, &mut out),
    }
    out.into()
}

/// The reader of a stream of `upstream`.
pub(crate) fn reader(upstream: Protocol) -> Box<dyn ReadStream> {
    match upstream {
        Protocol::Chat => Box::new(openai::StreamReader::default()),
        Protocol::Responses => Box::new(responses::StreamReader::default()),
        Protocol::Anthropic => Box::new(anthropic::StreamReader::default()),
        Protocol::Gemini => Box::new(gemini::StreamReader::default()),
        Protocol::Bedrock => Box::new(bedrock::StreamReader::default()),
    }
}

/// The writer of a stream for `caller`.
pub(crate) fn writer(caller: Protocol, echo: &Echo<'_>) -> Box<dyn WriteStream> {
    match caller {
        Protocol::Chat | Protocol::Bedrock => Box::new(openai::StreamWriter::new(echo)),
        Protocol::Responses => Box::new(responses::StreamWriter::new(echo)),
        Protocol::Anthropic => Box::new(anthropic::StreamWriter::new(echo)),
        Protocol::Gemini => Box::new(gemini::StreamWriter::new(echo)),
    }
}

#[cfg(test)]
mod tests;
