//! A stream on its way from an upstream to a caller, as it is or translated, in the framing that the caller reads.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::price::{Tokens, Units};
use domain::protocol::Protocol;
use domain::usage::Surface;

use crate::answer::Advice;
use crate::dialect::gemini::JsonArray;
use crate::dialect::{self, Echo};
use crate::failure::{ErrorBody, UpstreamError};
use crate::surfaces::{Events, Sound};
use crate::tap::{Broken, Ending, State, Tap, UsageChunk};
use crate::translate::Translator;

/// How a caller reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// As an event stream.
    Events,
    /// As one JSON array (Google's clients without `alt=sse`).
    Array,
}

/// A stream on its way.
#[derive(Debug)]
pub struct Flow {
    way: Way,
    caller: Protocol,
    array: Option<JsonArray>,
}

#[derive(Debug)]
enum Way {
    /// Both sides speak the same protocol: bytes pass.
    Same(Protocol, Box<Tap>),
    /// They do not.
    Translated(Box<Translator>),
    /// There is no conversation: events of a maker of pictures, speech or transcripts.
    Beside(Box<Events>),
    /// Sound without any framing.
    Sound(Sound),
}

impl Flow {
    /// A stream of which nothing has come yet.
    #[must_use]
    pub fn new(upstream: Protocol, caller: Protocol, framing: Framing, echo: &Echo<'_>) -> Self {
        let array = (framing == Framing::Array).then(JsonArray::default);
        if upstream != caller {
            let way = Way::Translated(Box::new(Translator::new(upstream, caller, echo)));
            return Self { way, caller, array };
        }
        let usage = if echo.asks_usage { UsageChunk::Keep } else { UsageChunk::Hide };
        Self { way: Way::Same(upstream, Box::new(Tap::new(upstream, usage))), caller, array }
    }

    /// A stream of events of an endpoint without conversations.
    #[must_use]
    pub fn of_events(surface: Surface) -> Self {
        Self { way: Way::Beside(Box::new(Events::new(surface))), caller: Protocol::Chat, array: None }
    }

    /// A stream of sound of this media type.
    #[must_use]
    pub fn of_sound(media_type: &'static str) -> Self {
        Self { way: Way::Sound(Sound::new(media_type)), caller: Protocol::Chat, array: None }
    }

    /// Whether the caller can be told of a failure in the stream itself.
    #[must_use]
    pub fn has_words(&self) -> bool {
        !matches!(self.way, Way::Sound(_))
    }

    /// Takes the next bytes from the upstream and puts those for the caller into `out`.
    ///
    /// # Errors
    /// [`Broken`], again at each later call.
    pub fn feed(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        let Some(array) = &mut self.array else { return self.way.feed(chunk, out) };
        let mut events = VecDeque::new();
        let fed = self.way.feed(chunk, &mut events);
        events.into_iter().try_for_each(|event| array.feed(event, out)).and(fed)
    }

    /// Says how the upstream's end is to be understood, and puts what the caller still gets into `out`.
    pub fn end(&mut self, out: &mut VecDeque<Bytes>) -> Ending {
        let mut events = VecDeque::new();
        let ending = match &mut self.way {
            Way::Same(_, tap) => tap.end(&mut events),
            Way::Translated(translator) => translator.end(&mut events),
            Way::Beside(stream) => stream.end(),
            Way::Sound(sound) => sound.end(),
        };
        if let Ending::Done { owed } = ending
            && !owed.is_empty()
        {
            events.push_back(Bytes::from_static(owed));
        }
        let Some(array) = &mut self.array else {
            out.append(&mut events);
            return ending;
        };
        // What a writer of ours made are events.
        match events.into_iter().try_for_each(|event| array.feed(event, out)) {
            Ok(()) => ending,
            Err(_) => Ending::NoTerminal,
        }
    }

    /// A comment of the gate's own; none where the framing has no comments, nor for Google's clients: the official ones take
    /// every line that is not data for a part of an error.
    #[must_use]
    pub fn comment(&self, text: &str) -> Option<Bytes> {
        let reads_comments = self.has_words() && self.array.is_none() && self.caller != Protocol::Gemini;
        reads_comments.then(|| Bytes::from(format!(": {text}\n\n")))
    }

    /// What keeps a silent stream open: a comment, or an empty line for those that read none.
    #[must_use]
    pub fn sign_of_life(&self) -> Option<Bytes> {
        match (&self.array, self.caller) {
            (Some(_), _) => None,
            (None, Protocol::Gemini) => Some(Bytes::from_static(b"\r\n")),
            (None, _) => self.comment("keep-alive"),
        }
    }

    /// What the framing needs after all else, however the stream has ended.
    #[must_use]
    pub fn close(&self) -> Option<Bytes> {
        self.array.as_ref().map(|array| Bytes::from_static(array.end()))
    }

    /// The media type of the whole.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match (&self.way, &self.array) {
            (Way::Sound(sound), _) => sound.media_type(),
            (_, Some(_)) => "application/json; charset=utf-8",
            (_, None) => "text/event-stream; charset=utf-8",
        }
    }

    /// Where the stream stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.way {
            Way::Same(_, tap) => tap.state(),
            Way::Translated(translator) => translator.state(),
            Way::Beside(stream) => stream.state(),
            Way::Sound(sound) => sound.state(),
        }
    }

    /// The usage last reported.
    #[must_use]
    pub fn tokens(&self) -> Option<Tokens> {
        match &self.way {
            Way::Same(_, tap) => tap.tokens(),
            Way::Translated(translator) => translator.tokens(),
            Way::Beside(stream) => stream.tokens(),
            Way::Sound(_) => None,
        }
    }

    /// The part of it that another model used. Nobody is translated who could have asked for it.
    #[must_use]
    pub fn advice(&self) -> Option<&Advice> {
        match &self.way {
            Way::Same(_, tap) => tap.advice(),
            Way::Translated(_) | Way::Beside(_) | Way::Sound(_) => None,
        }
    }

    /// What was used and is not counted in tokens, where the upstream said so.
    #[must_use]
    pub fn units(&self) -> Option<Units> {
        match &self.way {
            Way::Beside(stream) => stream.sound_ms().map(|sound_ms| Units { sound_ms, ..Units::default() }),
            Way::Same(..) | Way::Translated(_) | Way::Sound(_) => None,
        }
    }

    /// Bytes of text, tool arguments and reasoning that have passed, for an estimate.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        match &self.way {
            Way::Same(_, tap) => tap.output_bytes(),
            Way::Translated(translator) => translator.output_bytes(),
            Way::Beside(stream) => stream.output_bytes(),
            Way::Sound(_) => 0,
        }
    }

    /// The name under which the provider keeps the answer, where the caller was told of it in the provider's own words.
    #[must_use]
    pub fn kept_as(&self) -> Option<&str> {
        match &self.way {
            Way::Same(_, tap) => tap.kept_as(),
            _ => None,
        }
    }

    /// Events of the upstream that have come, end marks and errors left out.
    #[must_use]
    pub fn events(&self) -> u64 {
        match &self.way {
            Way::Same(_, tap) => tap.events(),
            Way::Translated(translator) => translator.events(),
            Way::Beside(stream) => stream.events(),
            Way::Sound(sound) => u64::from(sound.started()),
        }
    }

    /// Whether the model has begun to speak.
    #[must_use]
    pub fn started(&self) -> bool {
        match &self.way {
            Way::Same(_, tap) => tap.started(),
            Way::Translated(translator) => translator.started(),
            Way::Beside(stream) => stream.events() > 0,
            Way::Sound(sound) => sound.started(),
        }
    }

    /// The error that came in the stream, once.
    pub fn take_error(&mut self) -> Option<UpstreamError> {
        match &mut self.way {
            Way::Same(_, tap) => tap.take_error(),
            Way::Translated(translator) => translator.take_error(),
            Way::Beside(stream) => stream.take_error(),
            Way::Sound(_) => None,
        }
    }

    /// Puts the event that tells the caller of a failure in mid-stream into `out`.
    pub fn fail(&mut self, error: &ErrorBody<'_>, out: &mut VecDeque<Bytes>) {
        let event = match &mut self.way {
            Way::Same(protocol, tap) => dialect::write_error_event(*protocol, error, tap.events()),
            Way::Translated(translator) => translator.fail(error),
            Way::Beside(stream) => dialect::write_error_event(Protocol::Chat, error, stream.events()),
            Way::Sound(_) => return,
        };
        let event = match &mut self.array {
            Some(array) => array.feed(event.clone(), out).err().map(|_| event),
            None => Some(event),
        };
        out.extend(event);
    }
}

impl Way {
    fn feed(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        match self {
            Way::Same(_, tap) => tap.feed(chunk, out),
            Way::Translated(translator) => translator.feed(chunk, out),
            Way::Beside(stream) => stream.feed(chunk, out),
            Way::Sound(sound) => {
                sound.feed(chunk, out);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
