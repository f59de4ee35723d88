//! The names of members, checked to be distinct in each object.

use std::borrow::Cow;
use std::collections::HashSet;

/// Up to this many names of one object are compared one by one; beyond, a hash set keeps the check linear.
const FEW: usize = 16;
/// Names for which there is room from the beginning: those of a usual request and one of its messages.
const USUAL: usize = 24;

/// The first names of all objects around what is being read, those of the innermost last.
#[derive(Debug, Default)]
pub(super) struct Names<'de>(Vec<Cow<'de, str>>);

/// The names of one object that have come.
pub(super) struct Members<'de> {
    /// Where its names begin among those of all.
    first: usize,
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    /// An object of which no name has come.
    pub(super) fn begin(&self) -> Members<'de> {
        Members { first: self.0.len(), many: None }
    }

    /// Takes in a name of the innermost object and says whether it is new.
    pub(super) fn is_new(&mut self, members: &mut Members<'de>, name: Cow<'de, str>) -> bool {
        let known = self.0.get(members.first..).unwrap_or_default();
        if known.contains(&name) {
            return false;
        }
        if known.len() == FEW {
            return members.many.get_or_insert_default().insert(name);
        }
        if self.0.capacity() == 0 {
            self.0.reserve_exact(USUAL);
        }
        self.0.push(name);
        true
    }

    /// The innermost object has ended.
    pub(super) fn end(&mut self, members: &Members<'de>) {
        self.0.truncate(members.first);
    }
}
