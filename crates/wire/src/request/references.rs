//! Names of things that a provider's account keeps, where a request holds them: whoever shares the account could name what
//! is another's. Refuses to know whose they are.

use crate::json::{Place, Reader, Refused, Scan, Shape, Stop};

/// Kept things one request may name.
pub const MAX_REFERENCES: usize = 1_000;

/// What kind of thing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file.
    File,
    /// A part of an earlier conversation: an item, or what a model said aloud.
    Item,
    /// A prompt.
    Prompt,
    /// A store of texts to be searched.
    VectorStore,
    /// A container in which code runs.
    Container,
    /// The beginning of a prompt that was read before.
    CachedContent,
    /// A skill: instructions and code for a container.
    Skill,
    /// Not kept, but named all the same: another model, which a tool asks.
    Model,
}

/// Where a tool names the model that it asks.
pub(crate) const TOOL_MODEL: (Kind, &str) = (Kind::Model, "tools.model");

/// The name of one kept thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it is.
    pub kind: Kind,
    /// Its name, as the caller wrote it.
    pub id: String,
    /// The member that names it, for `error.param`.
    pub field: &'static str,
}

/// Members whose texts name kept things wherever they stand in messages, items and tools.
const NAMING: [(&str, Kind); 8] = [
    ("file_id", Kind::File),
    ("file_ids", Kind::File),
    ("container", Kind::Container),
    ("container_id", Kind::Container),
    ("vector_store_ids", Kind::VectorStore),
    ("skill_id", Kind::Skill),
    ("fileSearchStoreNames", Kind::VectorStore),
    ("file_search_store_names", Kind::VectorStore),
];

/// Members that describe what values look like, in which a name is only a name.
const DESCRIBING: [&str; 5] = ["parameters", "input_schema", "output_schema", "json_schema", "schema"];

/// What a member of this name names, and the name itself.
pub(crate) fn named(member: &str) -> Option<(Kind, &'static str)> {
    NAMING.into_iter().find(|(name, _)| *name == member).map(|(name, kind)| (kind, name))
}

/// Whether a member of this name holds a description of values.
pub(crate) fn describes(member: &str) -> bool {
    DESCRIBING.contains(&member)
}

/// The names found so far.
#[derive(Debug, Default)]
pub(crate) struct References(Vec<Reference>);

impl References {
    /// Notes one.
    pub(crate) fn add(&mut self, kind: Kind, field: &'static str, id: &str) {
        // One more than allowed is enough to know that there are too many.
        if !id.is_empty() && self.0.len() <= MAX_REFERENCES {
            self.0.push(Reference { kind, id: id.to_owned(), field });
        }
    }

    /// Reads the value of the member just named: a name, or an array of names.
    pub(crate) fn read(
        &mut self,
        kind: Kind,
        field: &'static str,
        at: Place,
        object: &mut Scan<'_>,
    ) -> Result<Shape, Stop> {
        at.value(object, &mut Names { into: self, kind, field })
    }

    /// Adds those that were found elsewhere in the request.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// All of them.
    ///
    /// # Errors
    /// [`Refused`] when there are too many.
    pub(crate) fn all(self) -> Result<Vec<Reference>, Refused> {
        match self.0.get(MAX_REFERENCES) {
            None => Ok(self.0),
            Some(last) => Err(Refused::Field {
                field: last.field.to_owned(),
                problem: "is one kept thing too many: a request names at most 1000",
            }),
        }
    }
}

struct Names<'r> {
    into: &'r mut References,
    kind: Kind,
    field: &'static str,
}

impl<'de> Reader<'de> for Names<'_> {
    fn text(&mut self, text: &str) {
        self.into.add(self.kind, self.field, text);
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
