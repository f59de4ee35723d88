//! JSON written piece by piece, so that members stand in the order in which they are written and texts that are JSON
//! already pass as they are. Refuses to know what a member means.

use crate::json::push_text;

/// The members of an object that is being written.
pub(super) struct Fields<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Fields<'_> {
    /// A string.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        push_text(self.name(name), value);
    }

    /// A string, or nothing.
    pub(super) fn some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A string or `null`.
    pub(super) fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, b"null"),
        }
    }

    /// A value that is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: impl AsRef<[u8]>) {
        self.name(name).extend_from_slice(json.as_ref());
    }

    /// An integer.
    pub(super) fn count(&mut self, name: &str, value: u64) {
        self.raw(name, value.to_string());
    }

    /// A finite number, or nothing.
    pub(super) fn some_number(&mut self, name: &str, value: Option<f64>) {
        if let Some(written) = value.and_then(|value| serde_json::to_string(&value).ok()) {
            self.raw(name, written);
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str, write: impl FnOnce(&mut Fields<'_>)) {
        object_into(self.name(name), write);
    }

    /// An array of values that are JSON already.
    pub(super) fn list(&mut self, name: &str, items: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        let out = self.name(name);
        out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(item.as_ref());
        }
        out.push(b']');
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }
}

/// Appends an object to `out`.
pub(super) fn object_into(out: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
    out.push(b'{');
    write(&mut Fields { out, first: true });
    out.push(b'}');
}

/// An object.
pub(super) fn object(write: impl FnOnce(&mut Fields<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    object_into(&mut out, write);
    out
}

/// A string.
pub(super) fn text(value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 2);
    push_text(&mut out, value);
    out
}

/// Arguments that are a JSON object, as this protocol demands; `None` for any other text.
pub(super) fn arguments(arguments: &str) -> Option<&str> {
    let raw: &serde_json::value::RawValue = serde_json::from_str(arguments).ok()?;
    raw.get().starts_with('{').then(|| raw.get())
}
