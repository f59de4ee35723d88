//! Writing JSON straight into its bytes, members and elements in the order in which they are named. What is JSON already
//! passes as it is. Refuses to know what any of it means.

use std::fmt::Display;
use std::io::Write as _;

use super::push_text;

/// An object being written; its closing brace is written when it is done with.
#[derive(Debug)]
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// An array being written.
#[derive(Debug)]
pub(crate) struct ArrayWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Appends an object to `out`.
pub(crate) fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.push(b'{');
    write(&mut ObjectWriter { out, empty: true });
    out.push(b'}');
}

/// Appends an array to `out`.
pub(crate) fn array(out: &mut Vec<u8>, write: impl FnOnce(&mut ArrayWriter<'_>)) {
    out.push(b'[');
    write(&mut ArrayWriter::of(out));
    out.push(b']');
}

/// An object by itself.
pub(crate) fn object_alone(write: impl FnOnce(&mut ObjectWriter<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    object(&mut out, write);
    out
}

/// An object by itself, as text.
pub(crate) fn object_text(write: impl FnOnce(&mut ObjectWriter<'_>)) -> String {
    // What is written is JSON, and thus text.
    String::from_utf8(object_alone(write)).unwrap_or_default()
}

/// A string by itself.
pub(crate) fn text_alone(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_text(&mut out, text);
    out
}

/// Appends a value that is JSON already. A line end in it, which can only be white space, is left out, because the lines
/// of an event stream end there.
pub(crate) fn push_raw(out: &mut Vec<u8>, json: impl AsRef<[u8]>) {
    let mut rest = json.as_ref();
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        let (line, after) = rest.split_at(end);
        out.extend_from_slice(line);
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn push_plain(out: &mut Vec<u8>, value: impl Display) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends the comma before what follows something else.
fn divide(out: &mut Vec<u8>, empty: &mut bool) {
    if !std::mem::replace(empty, false) {
        out.push(b',');
    }
}

impl ObjectWriter<'_> {
    /// The place where the value of a member is to be written, by whoever knows how.
    pub(crate) fn place(&mut self, name: &str) -> &mut Vec<u8> {
        divide(self.out, &mut self.empty);
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        push_text(self.place(name), text);
    }

    /// A string, where there is one.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A string, or `null`.
    pub(crate) fn text_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.null(name),
        }
    }

    /// A value that is JSON already; see [`push_raw`].
    pub(crate) fn raw(&mut self, name: &str, json: impl AsRef<[u8]>) {
        push_raw(self.place(name), json);
    }

    /// A number, `true` or `false`: anything whose display is JSON.
    pub(crate) fn plain(&mut self, name: &str, value: impl Display) {
        push_plain(self.place(name), value);
    }

    /// The same, where there is one.
    pub(crate) fn plain_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.plain(name, value);
        }
    }

    /// A number with its point, in the shortest text that reads back as this one; nothing where there is none, or none
    /// that JSON can say.
    pub(crate) fn float_if(&mut self, name: &str, value: Option<f64>) {
        let finite = value.filter(|value| value.is_finite());
        if let Some(json) = finite.and_then(|value| serde_json::to_string(&value).ok()) {
            self.raw(name, json);
        }
    }

    /// `null`
    pub(crate) fn null(&mut self, name: &str) {
        self.place(name).extend_from_slice(b"null");
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.place(name), write);
    }

    /// An array.
    pub(crate) fn array(&mut self, name: &str, write: impl FnOnce(&mut ArrayWriter<'_>)) {
        array(self.place(name), write);
    }

    /// An array of strings.
    pub(crate) fn texts<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t str>) {
        self.array(name, |list| texts.into_iter().for_each(|text| list.text(text)));
    }

    /// An array of values that are JSON already.
    pub(crate) fn list(&mut self, name: &str, items: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        self.array(name, |list| items.into_iter().for_each(|item| list.raw(item)));
    }

    /// An array whose elements are written already, with their commas.
    pub(crate) fn elements(&mut self, name: &str, written: &[u8]) {
        let out = self.place(name);
        out.push(b'[');
        out.extend_from_slice(written);
        out.push(b']');
    }

    /// Members that are written already, with their commas: `"a":1,"b":2`.
    pub(crate) fn members(&mut self, written: &[u8]) {
        if !written.is_empty() {
            divide(self.out, &mut self.empty);
            self.out.extend_from_slice(written);
        }
    }
}

impl<'o> ArrayWriter<'o> {
    /// The elements of an array whose bracket has been written to `out`.
    pub(crate) fn of(out: &'o mut Vec<u8>) -> Self {
        Self { out, empty: true }
    }

    /// The place where the next element is to be written, by whoever knows how.
    pub(crate) fn place(&mut self) -> &mut Vec<u8> {
        divide(self.out, &mut self.empty);
        self.out
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        push_text(self.place(), text);
    }

    /// A value that is JSON already; see [`push_raw`].
    pub(crate) fn raw(&mut self, json: impl AsRef<[u8]>) {
        push_raw(self.place(), json);
    }

    /// An object.
    pub(crate) fn object(&mut self, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.place(), write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json_in_the_order_of_its_writing() {
        let written = object_text(|object| {
            object.text("z", "a\"\n");
            object.text_if("absent", None);
            object.text_or_null("unknown", None);
            object.plain("number", 0.5);
            object.float_if("whole", Some(2.0));
            object.float_if("endless", Some(f64::NAN));
            object.null("nothing");
            object.raw("raw", "{\"a\":\r\n 1}\n");
            object.object("empty", |_| {});
            object.array("list", |list| {
                list.text("one");
                list.raw("2");
                list.object(|object| object.text_if("x", Some("y")));
            });
            object.texts("texts", ["a", "b"]);
            object.list("values", ["1", "[]"]);
            object.elements("elements", b"1,2");
            object.members(b"");
            object.members(br#""a":1,"b":2"#);
        });
        let expect = concat!(
            r#"{"z":"a\"\n","unknown":null,"number":0.5,"whole":2.0,"nothing":null,"raw":{"a": 1},"empty":{},"#,
            r#""list":["one",2,{"x":"y"}],"texts":["a","b"],"values":[1,[]],"elements":[1,2],"a":1,"b":2}"#
        );
        assert_eq!(written, expect);
        let members = object_text(|object| object.members(br#""a":1"#));
        assert_eq!((members.as_str(), text_alone("\t")), (r#"{"a":1}"#, br#""\t""#.to_vec()));
    }
}
