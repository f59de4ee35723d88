//! A JSON value that is looked into member by member: what nobody looks into keeps its text, its order and the digits of
//! its numbers. For translation, where what is read is written again in another form.

use std::borrow::Cow;

use domain::chat::Json;

use super::scan::{Scan, Stop};

/// Members that most objects do not exceed.
const USUAL_MEMBERS: usize = 8;

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

/// One value, by its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// The one value in `body`; `None` when that is not JSON.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut scan = Scan::new(std::str::from_utf8(body).ok()?);
        let value = Self::next(&mut scan).ok()?;
        scan.end().ok()?;
        Some(value)
    }

    /// The value before which `scan` stands.
    fn next(scan: &mut Scan<'a>) -> Result<Self, Stop> {
        let start = scan.position();
        scan.skim()?;
        Ok(Self(scan.since(start)))
    }

    /// Its text as it was written.
    pub(crate) fn raw(self) -> &'a str {
        self.0
    }

    /// Its text in one line, without white space between its parts.
    pub(crate) fn compact(self) -> String {
        compact(self.raw())
    }

    /// The same, to be passed on.
    pub(crate) fn json(self) -> Json {
        Json::new(self.compact())
    }

    /// What it is.
    pub(crate) fn kind(self) -> Kind {
        match self.raw().as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub(crate) fn is_text(self) -> bool {
        self.kind() == Kind::Text
    }

    pub(crate) fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    pub(crate) fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Its characters, if it is a string.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        if !self.is_text() {
            return None;
        }
        let inner = self.raw().get(1..self.raw().len() - 1)?;
        // Without escapes the text between the quotes is what it says.
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        Scan::new(self.raw()).text().ok().map(|text| Cow::Owned(text.to_owned()))
    }

    /// Whether it says `true` or `false`.
    pub(crate) fn boolean(self) -> Option<bool> {
        serde_json::from_str(self.raw()).ok()
    }

    /// Its value, if it is an integer from 0 to 2⁶⁴−1.
    pub(crate) fn unsigned(self) -> Option<u64> {
        serde_json::from_str(self.raw()).ok()
    }

    /// Its value, if it is an integer of 64 bits.
    pub(crate) fn integer(self) -> Option<i64> {
        serde_json::from_str(self.raw()).ok()
    }

    /// Its value, if it is a number that a double can hold.
    pub(crate) fn number(self) -> Option<f64> {
        serde_json::from_str(self.raw()).ok().filter(|number: &f64| number.is_finite())
    }

    /// Its elements, if it is an array.
    pub(crate) fn items(self) -> Option<Vec<Value<'a>>> {
        if !self.is_array() {
            return None;
        }
        let mut scan = Scan::new(self.raw());
        let mut items = Vec::new();
        scan.enter();
        while scan.next_element(items.len()).ok()? {
            items.push(Self::next(&mut scan).ok()?);
        }
        Some(items)
    }

    /// Its members, if it is an object.
    pub(crate) fn object(self) -> Option<Object<'a>> {
        Object::next(&mut Scan::new(self.raw()))
    }

    /// Its members; none unless it is an object.
    pub(crate) fn members(self) -> Object<'a> {
        self.object().unwrap_or_default()
    }

    /// The value of a member, if it is an object with one of this name that is not null.
    pub(crate) fn get(self, name: &str) -> Option<Value<'a>> {
        self.object()?.get(name)
    }
}

/// The members of an object, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The members of the one object in `body`; `None` when that is something else.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut scan = Scan::new(std::str::from_utf8(body).ok()?);
        let object = Self::next(&mut scan)?;
        scan.end().ok()?;
        Some(object)
    }

    /// The members of the object before which `scan` stands.
    fn next(scan: &mut Scan<'a>) -> Option<Self> {
        if scan.byte() != Some(b'{') {
            return None;
        }
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        scan.enter();
        while let Some(name) = scan.next_name(members.len()).ok()? {
            members.push((name, Value::next(scan).ok()?));
        }
        Some(Self(members))
    }

    /// The value of the member of this name, unless it is null. Of two of one name the last counts. A name in camel case
    /// finds the same in snake case, too.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.0
            .iter()
            .rev()
            .find(|(found, _)| is_spelling(found, name))
            .map(|&(_, value)| value)
            .filter(|value| !value.is_null())
    }

    /// The characters of a member that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    /// The same, to keep, where there are any.
    pub(crate) fn words(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty()).map(Cow::into_owned)
    }

    /// The count that a member holds.
    pub(crate) fn unsigned(&self, name: &str) -> Option<u64> {
        self.get(name)?.unsigned()
    }

    /// The members of a member that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Object<'a>> {
        self.get(name)?.object()
    }

    /// The elements of a member that is an array; none where there is no such.
    pub(crate) fn items(&self, name: &str) -> Vec<Value<'a>> {
        self.get(name).and_then(Value::items).unwrap_or_default()
    }

    /// Every member that is not null.
    pub(crate) fn said(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.members().filter(|(_, value)| !value.is_null())
    }

    /// Every member.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}

/// Whether `given` is `name`, or the same in snake case where that is in camel case: Google and its clients write both.
pub(crate) fn is_spelling(given: &str, name: &str) -> bool {
    // The other spelling is longer by its underscores.
    if given.len() <= name.len() {
        return given == name;
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

/// The text of the one object in `text`, as the arguments of a call should be; `None` for anything else.
pub(crate) fn object(text: &str) -> Option<&str> {
    Value::read(text.as_bytes()).filter(|value| value.is_object()).map(Value::raw)
}

/// JSON text without the white space between its parts.
pub(crate) fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (between, after) = rest.split_at(memchr::memchr(b'"', rest.as_bytes()).unwrap_or(rest.len()));
        out.extend(between.chars().filter(|character| !matches!(character, ' ' | '\t' | '\n' | '\r')));
        let (string, after) = after.split_at(string_bytes(after.as_bytes()));
        out.push_str(string);
        rest = after;
    }
    out
}

/// The length of the string that begins `text`, with its quotes.
fn string_bytes(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        match text.get(at + found) {
            Some(b'"') => return at + found + 1,
            // What is escaped has one byte, or goes on with bytes that are neither.
            _ => at += found + 2,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_keep_their_order_and_digits() {
        let value =
            Value::read(br#" {"z": 1.50, "a" : [ 12345678901234567890 , "x y" ], "\u0061": null} "#).unwrap();
        assert_eq!(value.json().as_str(), r#"{"z":1.50,"a":[12345678901234567890,"x y"],"\u0061":null}"#);
        assert!(value.get("a").is_none(), "the last of two equal names counts");
        assert_eq!(value.get("z").and_then(Value::number), Some(1.5));
        assert!(value.get("y").is_none());
        let names: Vec<String> = value.object().unwrap().members().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["z", "a", "a"]);
    }

    #[test]
    fn a_value_says_only_what_it_is() {
        let read = |text: &'static str| Value::read(text.as_bytes()).unwrap();
        assert_eq!(read("\"a\\n\\u00e9\"").text().as_deref(), Some("a\né"));
        assert_eq!(read("\"\\ud800\"").text(), None, "half a character is none");
        assert_eq!(read("5").text(), None);
        assert_eq!(read("-5").unsigned(), None);
        assert_eq!(read("5.0").unsigned(), None);
        assert_eq!(read("true").boolean(), Some(true));
        assert!(read("{}").items().is_none() && read("[]").object().is_none());
        assert!(Value::read(b"{\"a\":}").is_none() && Value::read(b"{}{}").is_none());
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
        assert!(!is_spelling("inlineData", "inline_data"), "one way only");
    }

    #[test]
    fn blanks_go_only_between_the_parts() {
        let check = |text: &str, expect: &str| assert_eq!(compact(text), expect);
        check("{\r\n\t\"a\" : [ 1.50 , \"x y\" ] }", "{\"a\":[1.50,\"x y\"]}");
        check(r#"{"a\\" : "\" , \\" , "b":1}"#, r#"{"a\\":"\" , \\","b":1}"#);
        check("\"\\", "\"\\");
    }

    proptest! {
        #[test]
        fn compact_text_means_the_same(words in prop::collection::vec(any::<String>(), 0..6)) {
            let value = serde_json::json!({ "words": words, "more": { "n": 1 } });
            let compacted = compact(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert!(!compacted.contains(['\n', '\r']));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&compacted).unwrap(), value);
        }
    }
}
