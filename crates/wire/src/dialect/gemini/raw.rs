//! JSON read member by member, each value kept as the text it came in, so that schemas and arguments go on unchanged. A
//! member is found by Google's name in either of its two spellings. Refuses to know what any member means.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One JSON value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a>(&'a str);

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

/// The members of an object, in order.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'a> Raw<'a> {
    /// The one value that `text` holds.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<&RawValue>(text).ok().map(|raw| Self(raw.get()))
    }

    /// The text.
    pub(super) fn json(self) -> &'a str {
        self.0
    }

    /// The same without the blanks between its words: Google sets out whole answers in many lines.
    pub(super) fn compact(self) -> String {
        let mut out = String::with_capacity(self.0.len());
        let (mut in_text, mut is_escaped) = (false, false);
        for letter in self.0.chars() {
            if in_text {
                in_text = is_escaped || letter != '"';
                is_escaped = !is_escaped && letter == '\\';
            } else if matches!(letter, ' ' | '\t' | '\r' | '\n') {
                continue;
            } else {
                in_text = letter == '"';
            }
            out.push(letter);
        }
        out
    }

    /// What it is.
    pub(super) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// A string.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if self.kind() != Kind::Text {
            return None;
        }
        let mut parser = serde_json::Deserializer::from_str(self.0);
        parser.deserialize_str(TextVisitor).ok()
    }

    /// `true` or `false`.
    pub(super) fn boolean(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A whole number: Google writes 64-bit ones as strings, and clients write 40.0 for 40.
    pub(super) fn unsigned(self) -> Option<u64> {
        let text = self.digits()?;
        text.parse().ok().or_else(|| {
            let (whole, zeros) = text.split_once('.')?;
            zeros.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok())?
        })
    }

    /// The same, of either sign.
    pub(super) fn signed(self) -> Option<i64> {
        let text = self.digits()?;
        text.parse().ok()
    }

    /// A finite number.
    pub(super) fn float(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| self.0.parse().ok())?.filter(|value: &f64| value.is_finite())
    }

    fn digits(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Number => Some(Cow::Borrowed(self.0)),
            Kind::Text => self.text(),
            _ => None,
        }
    }

    /// The elements; none unless it is an array.
    pub(super) fn items(self) -> Vec<Raw<'a>> {
        if self.kind() != Kind::Array {
            return Vec::new();
        }
        let mut parser = serde_json::Deserializer::from_str(self.0);
        parser.deserialize_seq(ItemsVisitor).unwrap_or_default()
    }

    /// The elements of an array, or the one value that stands in place of an array of one.
    pub(super) fn one_or_more(self) -> Vec<Raw<'a>> {
        match self.kind() {
            Kind::Array => self.items(),
            Kind::Null => Vec::new(),
            _ => vec![self],
        }
    }

    /// The members; none unless it is an object.
    pub(super) fn object(self) -> Object<'a> {
        if self.kind() != Kind::Object {
            return Object::default();
        }
        let mut parser = serde_json::Deserializer::from_str(self.0);
        Object(parser.deserialize_map(MembersVisitor).unwrap_or_default())
    }
}

impl<'a> Object<'a> {
    /// The member of this name, unless it is null.
    pub(super) fn get(&self, name: &str) -> Option<Raw<'a>> {
        let found = self.0.iter().find(|(given, _)| is_spelling(given, name));
        found.map(|(_, value)| *value).filter(|value| value.kind() != Kind::Null)
    }

    /// The string of this name.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    /// All members that are not null, in order.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.0
            .iter()
            .filter(|(_, value)| value.kind() != Kind::Null)
            .map(|(name, value)| (name.as_ref(), *value))
    }
}

/// Whether `given` is `name`, which is in camel case, or the same in snake case.
pub(super) fn is_spelling(given: &str, name: &str) -> bool {
    if given == name {
        return true;
    }
    let mut given = given.bytes();
    let same = name.bytes().all(|byte| {
        if byte.is_ascii_uppercase() {
            given.next() == Some(b'_') && given.next() == Some(byte.to_ascii_lowercase())
        } else {
            given.next() == Some(byte)
        }
    });
    same && given.next().is_none()
}

struct TextVisitor;

impl<'de> DeserializeSeed<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Vec<Raw<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element::<&RawValue>()? {
            items.push(Raw(item.get()));
        }
        Ok(items)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, Raw<'de>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = object.next_key_seed(TextVisitor)? {
            members.push((name, Raw(object.next_value::<&RawValue>()?.get())));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_between_words_go() {
        let check =
            |text: &str, expect: &str| assert_eq!(Raw::parse(text.as_bytes()).unwrap().compact(), expect);
        check("{\r\n\t\"a\" : [ 1.50 , \"x y\" ] }", "{\"a\":[1.50,\"x y\"]}");
        check(r#"{"a\\" : "\" , \\" , "b":1}"#, r#"{"a\\":"\" , \\","b":1}"#);
    }

    #[test]
    fn both_spellings_are_one_name() {
        let check =
            |given: &str, expect: bool| assert_eq!(is_spelling(given, "inlineData"), expect, "{given}");
        check("inlineData", true);
        check("inline_data", true);
        check("inlinedata", false);
        check("inline_data_", false);
        check("inline_Data", false);
    }
}
