//! The members of one JSON object, each as the text it was written in, so that schemas and arguments pass unchanged.
//! Knows where the object stands, for the message of a refusal; refuses to know what a member means.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::Refused;
use crate::request::Unreadable;

/// One object.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// Where it stands: `messages[2].content[0]`; empty for the body itself.
    path: String,
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Object<'a> {
    /// Reads the object that stands at `path`.
    pub(super) fn read(raw: &'a str, path: impl Into<String>) -> Result<Self, Unreadable> {
        let path = path.into();
        match serde_json::from_str::<Members<'a>>(raw) {
            Ok(Members(members)) => Ok(Self { path, members }),
            Err(_) if path.is_empty() => Err(Unreadable::NotAnObject),
            Err(_) => Err(refused(path, "must be an object")),
        }
    }

    /// The value of a member; none where it is absent or `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let found = self.members.iter().rev().find(|(known, _)| known == name);
        found.map(|&(_, raw)| raw).filter(|&raw| raw != "null")
    }

    /// The members, in order.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members.iter().map(|(name, raw)| (name.as_ref(), *raw))
    }

    /// The names of the members that are not `null`.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members().filter(|(_, raw)| *raw != "null").map(|(name, _)| name)
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Unreadable> {
        self.value(name, "must be a string")
    }

    /// A string that must be there.
    pub(super) fn needed_text(&self, name: &str) -> Result<String, Unreadable> {
        self.text(name)?.ok_or_else(|| self.refuse(name, "is required"))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.value(name, "must be true or false")
    }

    /// An integer of zero or more.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, Unreadable> {
        self.value(name, "must be an integer of zero or more")
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Unreadable> {
        self.value(name, "must be a number")
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Object<'a>>, Unreadable> {
        self.raw(name).map(|raw| Object::read(raw, self.place(name))).transpose()
    }

    /// The elements of an array.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<&'a str>>, Unreadable> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        elements(raw).map(Some).ok_or_else(|| self.refuse(name, "must be an array"))
    }

    /// Where a member stands.
    pub(super) fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Refuses a member.
    pub(super) fn refuse(&self, name: &str, problem: &'static str) -> Unreadable {
        refused(self.place(name), problem)
    }

    fn value<T: Deserialize<'a>>(&self, name: &str, problem: &'static str) -> Result<Option<T>, Unreadable> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw).map(Some).map_err(|_| self.refuse(name, problem))
    }
}

/// Refuses what stands at `path`.
pub(super) fn refused(path: impl Into<String>, problem: &'static str) -> Unreadable {
    Refused::Field { field: path.into(), problem }.into()
}

/// The elements of an array; none when it is something else.
pub(super) fn elements(raw: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// The string that a value is.
pub(super) fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Gather)
    }
}

struct Gather;

impl<'de> Visitor<'de> for Gather {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), raw)) = object.next_entry::<Name<'de>, &'de RawValue>()? {
            members.push((name, raw.get()));
        }
        Ok(Members(members))
    }
}
