//! Where in a request a value stands, for messages to callers.

use std::fmt;

use crate::json::Refused;
use crate::request::Unreadable;

/// The way to a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'p> {
    /// The request itself.
    Root,
    /// A member of what stands there.
    Member(&'p Path<'p>, &'p str),
    /// An element of what stands there.
    Item(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    /// The member of this name.
    pub(super) fn member(&'p self, name: &'p str) -> Self {
        Path::Member(self, name)
    }

    /// The element of this number.
    pub(super) fn item(&'p self, index: usize) -> Self {
        Path::Item(self, index)
    }

    /// Refuses the value that stands here, naming what it must be.
    pub(super) fn refuse(&self, problem: &'static str) -> Unreadable {
        Refused::Field { field: self.to_string(), problem }.into()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Member(Path::Root, name) => formatter.write_str(name),
            Path::Member(of, name) => write!(formatter, "{of}.{name}"),
            Path::Item(of, index) => write!(formatter, "{of}[{index}]"),
        }
    }
}
