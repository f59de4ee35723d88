//! A value of a request and where it stands, so that whoever cannot read it says which one it is.

use std::borrow::Cow;

use crate::json::Refused;
use crate::json::look::{Object, Value};
use crate::request::Unreadable;

/// A value and its path: `messages[2].content[0].type`.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    pub(super) value: Value<'a>,
    path: String,
}

impl<'a> Field<'a> {
    pub(super) fn refuse(&self, problem: &'static str) -> Unreadable {
        refuse(self.path.clone(), problem)
    }

    pub(super) fn text(&self) -> Result<String, Unreadable> {
        self.value.text().map(Cow::into_owned).ok_or_else(|| self.refuse("must be a string"))
    }

    pub(super) fn boolean(&self) -> Result<bool, Unreadable> {
        self.value.boolean().ok_or_else(|| self.refuse("must be true or false"))
    }

    pub(super) fn unsigned(&self) -> Result<u64, Unreadable> {
        self.value.unsigned().ok_or_else(|| self.refuse("must be an integer of zero or more"))
    }

    pub(super) fn number(&self) -> Result<f64, Unreadable> {
        self.value.number().ok_or_else(|| self.refuse("must be a number"))
    }

    pub(super) fn items(&self) -> Result<Vec<Field<'a>>, Unreadable> {
        let items = self.value.items().ok_or_else(|| self.refuse("must be an array"))?;
        let numbered = items.into_iter().enumerate();
        Ok(numbered.map(|(index, value)| Field { value, path: format!("{}[{index}]", self.path) }).collect())
    }

    pub(super) fn object(&self) -> Result<Fields<'a>, Unreadable> {
        let object = self.value.object().ok_or_else(|| self.refuse("must be an object"))?;
        Ok(Fields { object, path: self.path.clone() })
    }
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    object: Object<'a>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The members of the whole request.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let object = Value::read(body).and_then(Value::object).ok_or(Unreadable::NotAnObject)?;
        Ok(Self { object, path: String::new() })
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        self.object.get(name).map(|value| Field { value, path: self.path(name) })
    }

    pub(super) fn need(&self, name: &str) -> Result<Field<'a>, Unreadable> {
        self.get(name).ok_or_else(|| refuse(self.path(name), "is required"))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Unreadable> {
        self.get(name).map(|field| field.text()).transpose()
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.get(name).map(|field| field.boolean()).transpose()
    }

    pub(super) fn unsigned(&self, name: &str) -> Result<Option<u64>, Unreadable> {
        self.get(name).map(|field| field.unsigned()).transpose()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Unreadable> {
        self.get(name).map(|field| field.number()).transpose()
    }

    /// The elements of a member; none where there is no such member.
    pub(super) fn items(&self, name: &str) -> Result<Vec<Field<'a>>, Unreadable> {
        self.get(name).map_or(Ok(vec![]), |field| field.items())
    }

    /// The names of all members that are not null.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.object.members().filter(|(_, value)| !value.is_null()).map(|(name, _)| name)
    }
}

fn refuse(field: String, problem: &'static str) -> Unreadable {
    Refused::Field { field, problem }.into()
}
