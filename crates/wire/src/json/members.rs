//! The names of one object's members: read without copying where they hold no escapes, and checked to be
//! distinct.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

/// Up to this many names are compared one by one; beyond, a hash set keeps the check linear.
const FEW: usize = 16;

/// The names seen so far.
pub(super) struct Members<'de> {
    few: [Cow<'de, str>; FEW],
    seen: usize,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Members<'de> {
    /// No names yet.
    pub(super) fn new() -> Self {
        Self { few: [const { Cow::Borrowed("") }; FEW], seen: 0, many: HashSet::new() }
    }

    /// Takes a name in and says whether it is new.
    pub(super) fn is_new(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.iter().take(self.seen).any(|known| *known == name) {
            return false;
        }
        let Some(free) = self.few.get_mut(self.seen) else { return self.many.insert(name) };
        *free = name;
        self.seen += 1;
        true
    }
}

/// Reads a member's name.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
