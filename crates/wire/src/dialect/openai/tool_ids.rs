//! Ids of tool calls in a body that goes on as it came: a conversation that another provider began may hold ids that this
//! one refuses, or that carry another one's signature. Nothing else of the body is touched.

use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use domain::chat::tool_id::{self, Grammar};
use memchr::memmem::Finder;

use crate::json::{self, Place, Reader, Scan, Shape, Stop, push_text};
use crate::request::fields::Kept;

/// Finds the beginning of both members that hold ids.
static NAMED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"tool_call"));

/// `body`, a request of this protocol that was read before, with every id of a call and of its result as `grammar` has
/// it, alike for both; and without the signatures that ids carry for callers of other protocols' models.
#[must_use]
pub fn fit_tool_ids(body: &Bytes, grammar: Grammar) -> Bytes {
    // Most bodies have neither, and are not read again.
    if NAMED.find(body).is_none() {
        return body.clone();
    }
    let mut ids = Ids::default();
    if json::read_strict(body, &mut ids).is_err() {
        return body.clone();
    }
    let mut out: Vec<u8> = Vec::new();
    let mut copied = 0;
    for (span, id) in ids.0 {
        let fitted = grammar.fit(tool_id::split(&id).0);
        if fitted == id || span.start < copied {
            continue;
        }
        out.extend_from_slice(body.get(copied..span.start).unwrap_or_default());
        push_text(&mut out, &fitted);
        copied = span.end;
    }
    if copied == 0 {
        return body.clone();
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    out.into()
}

/// The ids of a request and where they stand, in the order of the text.
#[derive(Default)]
struct Ids(Vec<(Range<usize>, String)>);

impl Ids {
    fn keep(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        let mut id = Kept::default();
        if let (Shape::Text { .. }, span) = at.spanned(object, &mut id)? {
            self.0.push((span, id.0));
        }
        Ok(())
    }
}

impl<'de> Reader<'de> for Ids {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "messages" => at.value(object, &mut Messages(self)).map(|_| ()),
            _ => at.skip(object),
        }
    }
}

struct Messages<'i>(&'i mut Ids);

impl<'de> Reader<'de> for Messages<'_> {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "tool_call_id" => self.0.keep(at, object),
            "tool_calls" => at.value(object, &mut Calls(self.0)).map(|_| ()),
            _ => at.skip(object),
        }
    }
}

struct Calls<'i>(&'i mut Ids);

impl<'de> Reader<'de> for Calls<'_> {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name == "id" { self.0.keep(at, object) } else { at.skip(object) }
    }
}

#[cfg(test)]
mod tests;
