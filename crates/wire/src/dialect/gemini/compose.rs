//! Writing JSON member by member, in the order in which members are named. Refuses to know what any member means.

use crate::json::push_text;

/// The members of an object that is being written.
#[derive(Debug)]
pub(super) struct Members<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// The elements of an array that is being written.
#[derive(Debug)]
pub(super) struct Items<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Appends an object to `out`.
pub(super) fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Members<'_>)) {
    out.push(b'{');
    write(&mut Members { out, empty: true });
    out.push(b'}');
}

/// Appends an array to `out`.
pub(super) fn array(out: &mut Vec<u8>, write: impl FnOnce(&mut Items<'_>)) {
    out.push(b'[');
    write(&mut Items { out, empty: true });
    out.push(b']');
}

impl Members<'_> {
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A member whose value is a string.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        push_text(self.name(name), value);
    }

    /// The same, if there is one.
    pub(super) fn maybe_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A member whose value is JSON already: numbers, `true`, and what is passed on as it came.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.name(name).extend_from_slice(value.as_bytes());
    }

    /// The same, of a value that was written before.
    pub(super) fn written(&mut self, name: &str, value: &[u8]) {
        self.name(name).extend_from_slice(value);
    }

    /// A member whose value is a number or a boolean.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        self.raw(name, &value.to_string());
    }

    /// A finite number; others have no form in JSON and are left out.
    pub(super) fn float(&mut self, name: &str, value: Option<f64>) {
        if let Some(text) = value.filter(|value| value.is_finite()).and_then(float) {
            self.raw(name, &text);
        }
    }

    /// A member whose value is an object.
    pub(super) fn object(&mut self, name: &str, write: impl FnOnce(&mut Members<'_>)) {
        object(self.name(name), write);
    }

    /// A member whose value is an array.
    pub(super) fn array(&mut self, name: &str, write: impl FnOnce(&mut Items<'_>)) {
        array(self.name(name), write);
    }

    /// A member whose value is an array of strings.
    pub(super) fn texts<'t>(&mut self, name: &str, values: impl IntoIterator<Item = &'t str>) {
        self.array(name, |items| values.into_iter().for_each(|value| items.text(value)));
    }
}

impl<'o> Items<'o> {
    /// The elements of an array whose bracket has been written to `out`.
    pub(super) fn of(out: &'o mut Vec<u8>) -> Self {
        Self { out, empty: true }
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.out
    }

    /// A string.
    pub(super) fn text(&mut self, value: &str) {
        push_text(self.next(), value);
    }

    /// A value that is JSON already.
    pub(super) fn raw(&mut self, value: &str) {
        self.next().extend_from_slice(value.as_bytes());
    }

    /// An object.
    pub(super) fn object(&mut self, write: impl FnOnce(&mut Members<'_>)) {
        object(self.next(), write);
    }
}

/// The shortest text that reads back as this number.
pub(super) fn float(value: f64) -> Option<String> {
    serde_json::to_string(&value).ok()
}
