//! Writing JSON straight into its bytes, members in the order in which they are named.

use std::io::Write as _;

use super::push_text;

/// An object being written; its closing brace is written when it is done with.
#[derive(Debug)]
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Writes an object.
pub(crate) fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.push(b'{');
    write(&mut ObjectWriter { out, empty: true });
    out.push(b'}');
}

impl ObjectWriter<'_> {
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        push_text(self.name(name), text);
    }

    /// A string, where there is one.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A value that is JSON already. A line end in it, which can only be white space, is left out, because the lines of
    /// an event stream end there.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        push_raw(self.name(name), json);
    }

    /// A number, `true` or `false`: anything whose display is JSON.
    pub(crate) fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        push_plain(self.name(name), value);
    }

    /// The same, where there is one.
    pub(crate) fn plain_if(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.plain(name, value);
        }
    }

    /// `null`
    pub(crate) fn null(&mut self, name: &str) {
        self.name(name).extend_from_slice(b"null");
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.name(name), write);
    }

    /// An array.
    pub(crate) fn array(&mut self, name: &str, write: impl FnOnce(&mut ArrayWriter<'_>)) {
        array(self.name(name), write);
    }
}

/// An array being written.
#[derive(Debug)]
pub(crate) struct ArrayWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Writes an array.
pub(crate) fn array(out: &mut Vec<u8>, write: impl FnOnce(&mut ArrayWriter<'_>)) {
    out.push(b'[');
    write(&mut ArrayWriter { out, empty: true });
    out.push(b']');
}

impl ArrayWriter<'_> {
    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        push_text(self.next(), text);
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        push_raw(self.next(), json);
    }

    /// An object.
    pub(crate) fn object(&mut self, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.next(), write);
    }
}

fn push_raw(out: &mut Vec<u8>, json: &str) {
    out.extend(json.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
}

fn push_plain(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json_in_the_order_of_its_writing() {
        let mut out = Vec::new();
        object(&mut out, |object| {
            object.text("z", "a\"\n");
            object.plain("number", 0.5);
            object.plain_if("none", None::<u8>);
            object.null("nothing");
            object.raw("raw", "{\"a\":\n 1}");
            object.object("empty", |_| {});
            object.array("list", |list| {
                list.text("one");
                list.raw("2");
                list.object(|object| object.text_if("x", Some("y")));
            });
        });
        let expect = r#"{"z":"a\"\n","number":0.5,"nothing":null,"raw":{"a": 1},"empty":{},"list":["one",2,{"x":"y"}]}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }
}
