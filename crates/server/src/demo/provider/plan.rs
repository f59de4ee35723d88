//! What an answer will say, worked out before its first byte leaves: the choices, how each ends, and the counts that
//! its usage reports.

use super::models::ModelId;
use super::refusal::Refusal;
use super::words;

/// Most alternatives of one request.
const MAX_CHOICES: usize = 128;
/// Most stop sequences of one request.
const MAX_STOPS: usize = 4;

/// Which protocol the answer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Chat,
    Completion,
}

/// How the answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// One JSON document.
    Whole,
    /// Server-sent events, without a word of usage.
    Stream,
    /// Server-sent events with a last chunk that reports usage.
    StreamWithUsage,
}

impl Delivery {
    /// From the request's `stream` and `stream_options.include_usage`.
    pub(super) fn asked(stream: Option<bool>, options: Option<StreamOptions>) -> Result<Self, Refusal> {
        match (stream.unwrap_or(false), options) {
            (false, Some(_)) => {
                Err(Refusal::bad("stream_options", "`stream_options` goes with `stream: true`."))
            }
            (false, None) => Ok(Self::Whole),
            (true, Some(StreamOptions { include_usage: Some(true) })) => Ok(Self::StreamWithUsage),
            (true, _) => Ok(Self::Stream),
        }
    }
}

/// `stream_options` of a request.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub(super) struct StreamOptions {
    include_usage: Option<bool>,
}

/// A member that holds one text or several.
#[derive(serde::Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// What one choice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    Calls(Vec<ToolCall>),
}

/// A call of one of the client's tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) name: String,
    /// JSON text.
    pub(super) arguments: String,
}

/// Why a choice ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    ToolCalls,
}

impl Finish {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
        }
    }
}

/// One alternative of an answer.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) said: Said,
    pub(super) finish: Finish,
    pub(super) tokens: usize,
}

/// A whole answer, not yet sent.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) model: ModelId,
    pub(super) delivery: Delivery,
    pub(super) choices: Vec<Choice>,
    pub(super) prompt_tokens: usize,
}

impl Plan {
    pub(super) fn completion_tokens(&self) -> usize {
        self.choices.iter().map(|choice| choice.tokens).sum()
    }
}

/// What bounds every choice of a request.
pub(super) struct Bounds {
    pub(super) max_tokens: usize,
    pub(super) stops: Vec<String>,
}

impl Bounds {
    pub(super) fn read(
        max_tokens: Option<u64>,
        stop: Option<OneOrMany>,
        unlimited: usize,
    ) -> Result<Self, Refusal> {
        if max_tokens == Some(0) {
            return Err(Refusal::bad("max_tokens", "The number of tokens must be at least 1."));
        }
        let max_tokens = max_tokens.map_or(unlimited, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let stops = stop.map(OneOrMany::into_vec).unwrap_or_default();
        if stops.len() > MAX_STOPS || stops.iter().any(String::is_empty) {
            return Err(Refusal::bad("stop", "`stop` takes up to four texts, none of them empty."));
        }
        Ok(Self { max_tokens, stops })
    }

    /// Ends `said` where a stop sequence or the number of tokens ends it.
    pub(super) fn apply(&self, said: Said) -> Choice {
        match said {
            Said::Text(text) => self.end_text(text),
            Said::Calls(calls) => self.end_calls(calls),
        }
    }

    fn end_text(&self, mut text: String) -> Choice {
        if let Some(at) = self.stops.iter().filter_map(|stop| text.find(stop.as_str())).min() {
            text.truncate(at);
        }
        let length = text.len();
        let tokens = words::cut(&mut text, self.max_tokens);
        let finish = if text.len() < length { Finish::Length } else { Finish::Stop };
        Choice { said: Said::Text(text), finish, tokens }
    }

    /// Stop sequences end texts, never the arguments of a call.
    fn end_calls(&self, calls: Vec<ToolCall>) -> Choice {
        let (mut kept, mut tokens, mut finish) = (Vec::with_capacity(calls.len()), 0, Finish::ToolCalls);
        for mut call in calls {
            let name_tokens = words::count(&call.name);
            if tokens + name_tokens > self.max_tokens {
                finish = Finish::Length;
                break;
            }
            tokens += name_tokens;
            let length = call.arguments.len();
            tokens += words::cut(&mut call.arguments, self.max_tokens - tokens);
            let cut = call.arguments.len() < length;
            kept.push(call);
            if cut {
                finish = Finish::Length;
                break;
            }
        }
        let said = if kept.is_empty() { Said::Text(String::new()) } else { Said::Calls(kept) };
        Choice { said, finish, tokens }
    }
}

/// The number of choices asked for.
pub(super) fn choices_asked(n: Option<u64>) -> Result<usize, Refusal> {
    let n = usize::try_from(n.unwrap_or(1)).unwrap_or(usize::MAX);
    if (1..=MAX_CHOICES).contains(&n) {
        Ok(n)
    } else {
        Err(Refusal::bad("n", format!("`n` is from 1 to {MAX_CHOICES}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_at_the_first_stop_or_at_the_bound() {
        fn check(max_tokens: Option<u64>, stop: &[&str], expect: (&str, Finish, usize)) {
            let stop = OneOrMany::Many(stop.iter().map(|&text| text.to_owned()).collect());
            let bounds = Bounds::read(max_tokens, Some(stop), usize::MAX).unwrap();
            let choice = bounds.apply(Said::Text("one two, three".to_owned()));
            assert_eq!(
                (choice.said, choice.finish, choice.tokens),
                (Said::Text(expect.0.to_owned()), expect.1, expect.2)
            );
        }
        check(None, &[], ("one two, three", Finish::Stop, 4));
        check(Some(4), &[], ("one two, three", Finish::Stop, 4));
        check(Some(3), &[], ("one two,", Finish::Length, 3));
        check(None, &["thr", ","], ("one two", Finish::Stop, 2));
        check(Some(1), &[","], ("one", Finish::Length, 1));
        check(Some(9), &["one"], ("", Finish::Stop, 0));
    }

    #[test]
    fn calls_are_cut_to_the_bound_too() {
        fn check(max_tokens: u64, expect: &[&str], finish: Finish) {
            let call = ToolCall { name: "look".to_owned(), arguments: r#"{"a":1}"#.to_owned() };
            let bounds = Bounds::read(Some(max_tokens), None, 0).unwrap();
            let choice = bounds.apply(Said::Calls(vec![call.clone(), call]));
            let arguments = match &choice.said {
                Said::Calls(calls) => calls.iter().map(|call| call.arguments.as_str()).collect(),
                Said::Text(_) => Vec::new(),
            };
            assert_eq!((arguments, choice.finish), (expect.to_vec(), finish), "{max_tokens}");
            assert!(choice.tokens <= usize::try_from(max_tokens).unwrap());
        }
        check(16, &[r#"{"a":1}"#, r#"{"a":1}"#], Finish::ToolCalls);
        check(11, &[r#"{"a":1}"#, r#"{""#], Finish::Length);
        check(8, &[r#"{"a":1}"#], Finish::Length);
        check(1, &[""], Finish::Length);
    }

    #[test]
    fn bounds_out_of_range_are_refused() {
        assert!(Bounds::read(Some(0), None, 16).is_err());
        assert!(Bounds::read(None, Some(OneOrMany::One(String::new())), 16).is_err());
        assert!(Bounds::read(None, Some(OneOrMany::Many(vec!["a".to_owned(); 5])), 16).is_err());
        assert!(choices_asked(Some(0)).is_err() && choices_asked(Some(129)).is_err());
        assert_eq!(choices_asked(None).unwrap(), 1);
        assert!(Delivery::asked(None, Some(StreamOptions { include_usage: Some(true) })).is_err());
    }
}
