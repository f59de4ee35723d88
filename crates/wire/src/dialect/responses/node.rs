//! One JSON value at a time, by the name of where it stands: a value is looked into only when somebody asks, and its text
//! can be passed on unchanged. Refuses to know what any member means.

use std::borrow::Cow;
use std::fmt;

use domain::chat::Json;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::Refused;
use crate::request::Unreadable;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    path: String,
    raw: &'a RawValue,
}

/// The members of an object that have not been taken yet.
#[derive(Debug)]
pub(super) struct Members<'a> {
    path: String,
    list: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Node<'a> {
    /// The outermost value of a text; `None` when it is not JSON.
    pub(super) fn whole(text: &'a [u8]) -> Option<Self> {
        Some(Self { path: String::new(), raw: serde_json::from_slice(text).ok()? })
    }

    /// Its text.
    pub(super) fn raw(&self) -> &'a str {
        self.raw.get()
    }

    /// Its text, to be passed on.
    pub(super) fn json(&self) -> Json {
        Json::new(self.raw.get())
    }

    /// Says that it cannot be what it is.
    pub(super) fn refuse(&self, problem: &'static str) -> Unreadable {
        Refused::Field { field: self.path.clone(), problem }.into()
    }

    pub(super) fn is_text(&self) -> bool {
        self.raw.get().starts_with('"')
    }

    pub(super) fn is_object(&self) -> bool {
        self.raw.get().starts_with('{')
    }

    pub(super) fn text(&self) -> Result<String, Unreadable> {
        self.read("must be a string")
    }

    pub(super) fn boolean(&self) -> Result<bool, Unreadable> {
        self.read("must be true or false")
    }

    pub(super) fn unsigned(&self) -> Result<u64, Unreadable> {
        self.read("must be an integer of zero or more")
    }

    /// A number; JSON has none that is not finite.
    pub(super) fn number(&self) -> Result<f64, Unreadable> {
        self.read("must be a number")
    }

    pub(super) fn items(&self) -> Result<Vec<Node<'a>>, Unreadable> {
        let list: Vec<&'a RawValue> = self.read("must be an array")?;
        let place = |(index, raw)| Node { path: format!("{}[{index}]", self.path), raw };
        Ok(list.into_iter().enumerate().map(place).collect())
    }

    pub(super) fn members(&self) -> Result<Members<'a>, Unreadable> {
        let List(list) = self.read("must be an object")?;
        Ok(Members { path: self.path.clone(), list })
    }

    fn read<T: Deserialize<'a>>(&self, problem: &'static str) -> Result<T, Unreadable> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.refuse(problem))
    }
}

impl<'a> Members<'a> {
    /// Takes a member out; `None` when it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let at = self.list.iter().position(|(known, _)| known == name)?;
        let (_, raw) = self.list.swap_remove(at);
        (raw.get() != "null").then(|| Node { path: self.path_of(name), raw })
    }

    /// Takes a member out that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<Node<'a>, Unreadable> {
        self.take(name).ok_or_else(|| self.refuse(name, "is required"))
    }

    /// Says that a member cannot be as it is.
    pub(super) fn refuse(&self, name: &str, problem: &'static str) -> Unreadable {
        Refused::Field { field: self.path_of(name), problem }.into()
    }

    /// The string that a member holds, where it holds one.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name)?.text().ok()
    }

    /// The count that a member holds, where it holds one.
    pub(super) fn unsigned(&mut self, name: &str) -> Option<u64> {
        self.take(name)?.unsigned().ok()
    }

    /// What an array holds; nothing where there is none.
    pub(super) fn items(&mut self, name: &str) -> Vec<Node<'a>> {
        self.take(name).and_then(|node| node.items().ok()).unwrap_or_default()
    }

    /// The names that are left and say something, in order.
    pub(super) fn left(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.list.iter().filter(|(_, raw)| raw.get() != "null").map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// The members of an object in the order they are written.
struct List<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect).map(List)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Name(name)) = object.next_key()? {
            list.push((name, object.next_value()?));
        }
        Ok(list)
    }
}

/// A member's name, borrowed where it holds no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Borrow).map(Name)
    }
}

struct Borrow;

impl<'de> Visitor<'de> for Borrow {
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
