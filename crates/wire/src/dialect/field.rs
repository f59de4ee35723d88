//! A value of a request and where it stands, so that whoever cannot read it says which one it is: how every dialect reads
//! what callers send. Refuses to know what any member means.

use std::borrow::Cow;

use crate::json::Refused;
use crate::json::look::{Object, Value};
use crate::request::Unreadable;

/// A value and its path: `messages[2].content[0].type`.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    pub(crate) value: Value<'a>,
    path: String,
}

/// The members of an object, and its path.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) object: Object<'a>,
    path: String,
}

impl<'a> Field<'a> {
    /// A value that nobody is told of, with this name for what is refused in it.
    pub(crate) fn of(value: Value<'a>, path: impl Into<String>) -> Self {
        Self { value, path: path.into() }
    }

    /// Says that it cannot be what it is.
    pub(crate) fn refuse(&self, problem: &'static str) -> Unreadable {
        refuse(self.path.clone(), problem)
    }

    pub(crate) fn text(&self) -> Result<String, Unreadable> {
        self.value.text().map(Cow::into_owned).ok_or_else(|| self.refuse("must be a string"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, Unreadable> {
        self.value.boolean().ok_or_else(|| self.refuse("must be true or false"))
    }

    pub(crate) fn unsigned(&self) -> Result<u64, Unreadable> {
        self.value.unsigned().ok_or_else(|| self.refuse("must be an integer of zero or more"))
    }

    pub(crate) fn number(&self) -> Result<f64, Unreadable> {
        self.value.number().ok_or_else(|| self.refuse("must be a number"))
    }

    pub(crate) fn items(&self) -> Result<Vec<Field<'a>>, Unreadable> {
        let items = self.value.items().ok_or_else(|| self.refuse("must be an array"))?;
        let numbered = items.into_iter().enumerate();
        Ok(numbered.map(|(index, value)| Field { value, path: format!("{}[{index}]", self.path) }).collect())
    }

    pub(crate) fn object(&self) -> Result<Fields<'a>, Unreadable> {
        let object = self.value.object().ok_or_else(|| self.refuse("must be an object"))?;
        Ok(Fields { object, path: self.path.clone() })
    }
}

impl<'a> Fields<'a> {
    /// The members of the whole request.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let object = Object::read(body).ok_or(Unreadable::NotAnObject)?;
        Ok(Self { object, path: String::new() })
    }

    fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Says that a member cannot be as it is.
    pub(crate) fn refuse(&self, name: &str, problem: &'static str) -> Unreadable {
        refuse(self.place(name), problem)
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<Field<'a>> {
        self.object.get(name).map(|value| Field { value, path: self.place(name) })
    }

    /// A member that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<Field<'a>, Unreadable> {
        self.get(name).ok_or_else(|| self.refuse(name, "is required"))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Unreadable> {
        self.get(name).map(|field| field.text()).transpose()
    }

    /// A string that must be there.
    pub(crate) fn needed_text(&self, name: &str) -> Result<String, Unreadable> {
        self.need(name)?.text()
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.get(name).map(|field| field.boolean()).transpose()
    }

    pub(crate) fn unsigned(&self, name: &str) -> Result<Option<u64>, Unreadable> {
        self.get(name).map(|field| field.unsigned()).transpose()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Unreadable> {
        self.get(name).map(|field| field.number()).transpose()
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, Unreadable> {
        self.get(name).map(|field| field.object()).transpose()
    }

    /// The elements of a member; none where there is no such member.
    pub(crate) fn items(&self, name: &str) -> Result<Vec<Field<'a>>, Unreadable> {
        self.get(name).map_or(Ok(vec![]), |field| field.items())
    }

    /// The names of all members that are not null, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.object.said().map(|(name, _)| name)
    }
}

fn refuse(field: String, problem: &'static str) -> Unreadable {
    Refused::Field { field, problem }.into()
}
