//! Writing JSON member by member, in the order in which it is written down here, and the events of a stream around it.
//! Refuses to know what any of it means.

use std::fmt::Display;
use std::io::Write as _;

use crate::json::push_text;

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    has_members: bool,
}

/// Writes an object whose members `fill` adds.
pub(super) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out: &mut *out, has_members: false });
    out.push(b'}');
}

/// Writes an array, each element by `write`.
pub(super) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Writes one event of a stream: its name stands before its data and again in it.
pub(super) fn event(out: &mut Vec<u8>, kind: &str, sequence: u64, fill: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    object(out, |event| {
        event.text("type", kind);
        event.number("sequence_number", sequence);
        fill(event);
    });
    out.extend_from_slice(b"\n\n");
}

impl Object<'_> {
    /// The place where the value of a member is to be written.
    pub(super) fn value(&mut self, name: &str) -> &mut Vec<u8> {
        if std::mem::replace(&mut self.has_members, true) {
            self.out.push(b',');
        }
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        push_text(self.value(name), value);
    }

    pub(super) fn text_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(super) fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.json(name, "null"),
        }
    }

    /// A number that JSON can say.
    pub(super) fn number(&mut self, name: &str, value: impl Display) {
        // Writing to memory does not fail.
        let _ = write!(self.value(name), "{value}");
    }

    pub(super) fn number_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    /// A value that is JSON already.
    pub(super) fn json(&mut self, name: &str, text: &str) {
        push_json(self.value(name), text);
    }

    pub(super) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.value(name), fill);
    }

    pub(super) fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        array(self.value(name), items, write);
    }

    /// Members that are written already: `"a":1,"b":2`.
    pub(super) fn members(&mut self, written: &[u8]) {
        if written.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.has_members, true) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(written);
    }
}

/// Appends a JSON text without the blanks between its parts: a line feed in it would end the line of an event.
pub(super) fn push_json(out: &mut Vec<u8>, text: &str) {
    let (mut in_string, mut escaped) = (false, false);
    for &byte in text.as_bytes() {
        if !in_string && matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            continue;
        }
        out.push(byte);
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::push_json;

    #[test]
    fn blanks_go_only_between_the_parts() {
        let check = |text: &str, expect: &str| {
            let mut out = Vec::new();
            push_json(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check("{ \"a b\" :\r\n\t[1, 2] }", r#"{"a b":[1,2]}"#);
        check(r#"{ "a\" b" : "\\" , "c" : "d e" }"#, r#"{"a\" b":"\\","c":"d e"}"#);
    }
}
