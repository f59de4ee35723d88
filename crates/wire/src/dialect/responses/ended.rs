//! How an answer ends in this protocol's words, and back.

use domain::chat::{Finish, Part, Reason};

/// How an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing<'r> {
    /// It is being written.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut, for this reason.
    Incomplete(&'r str),
}

impl<'r> Standing<'r> {
    /// Where an answer stands that ended so. `refused` says that it holds words by which the model declines.
    pub(super) fn of(finish: Option<&'r Finish>, refused: Refused) -> Self {
        let Some(finish) = finish else { return Self::Completed };
        match finish.reason {
            Reason::Stop | Reason::ToolCalls => Self::Completed,
            Reason::Refusal if refused == Refused::InWords => Self::Completed,
            Reason::Length => Self::Incomplete("max_output_tokens"),
            Reason::ContentFilter | Reason::Refusal => Self::Incomplete("content_filter"),
            Reason::Pause => Self::Incomplete(finish.native.as_deref().unwrap_or("pause")),
            Reason::Other => Self::Incomplete(finish.native.as_deref().unwrap_or("other")),
        }
    }

    /// `status`
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
        }
    }
}

/// Whether the model declined in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Refused {
    /// It did.
    InWords,
    /// It did not.
    #[default]
    No,
}

/// What the parts of an answer say of its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    calls: bool,
    refusal: bool,
}

impl Seen {
    pub(super) fn call(&mut self) {
        self.calls = true;
    }

    pub(super) fn refusal(&mut self) {
        self.refusal = true;
    }

    pub(super) fn of(parts: &[Part]) -> Self {
        let mut seen = Self::default();
        for part in parts {
            match part {
                Part::ToolCall(_) => seen.call(),
                Part::Refusal(_) => seen.refusal(),
                _ => {}
            }
        }
        seen
    }

    pub(super) fn refused(self) -> Refused {
        if self.refusal { Refused::InWords } else { Refused::No }
    }

    /// Why an answer of this status ended, that was cut for `reason`.
    pub(super) fn finish(self, status: &str, reason: Option<String>) -> Finish {
        let neutral = match (status, reason.as_deref()) {
            ("incomplete", Some("max_output_tokens")) => Reason::Length,
            ("incomplete", Some("content_filter")) => Reason::ContentFilter,
            ("incomplete", _) => Reason::Other,
            _ if self.calls => Reason::ToolCalls,
            _ if self.refusal => Reason::Refusal,
            _ => Reason::Stop,
        };
        let native = reason.unwrap_or_else(|| status.to_owned());
        Finish { reason: neutral, native: Some(native), stop_sequence: None }
    }
}
