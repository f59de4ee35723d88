//! How much of a request the model will read: a rough count of bytes for estimates, never for refusals, and the few
//! rules every message keeps.

use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::Kind;
use crate::request::fields::Kept;
use crate::request::references::{References, TOOL_MODEL};

/// What one picture or document counts, whatever its own size: about 750 tokens, the middle of what is charged for an
/// ordinary picture.
const MEDIA_BYTES: usize = 3_000;

/// Members of blocks that the model does not read as text.
const UNREAD: [&str; 8] = [
    "type",
    "id",
    "tool_use_id",
    "cache_control",
    "signature",
    "encrypted_content",
    "encrypted_index",
    "is_error",
];

/// `messages`: each an object with a role and content.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) bytes: usize,
    pub(super) references: References,
}

impl<'de> Reader<'de> for Messages {
    fn element(&mut self, index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut message = Message { index, role: None, has_content: false, words: Words::default() };
        let shape = at.value(array, &mut message)?;
        let lacks = match (shape, &message.role) {
            (Shape::Object { .. }, None) => Some("role"),
            (Shape::Object { .. }, Some(_)) if !message.has_content => Some("content"),
            (Shape::Object { .. }, Some(_)) => None,
            _ => return Err(at.refuse(format!("messages[{index}]"), "must be an object")),
        };
        if let Some(lacking) = lacks {
            return Err(at.refuse(format!("messages[{index}].{lacking}"), "is required"));
        }
        self.bytes = self.bytes.saturating_add(message.words.bytes);
        self.references.append(message.words.references);
        Ok(())
    }
}

struct Message {
    index: usize,
    role: Option<String>,
    has_content: bool,
    words: Words,
}

impl<'de> Reader<'de> for Message {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let index = self.index;
        match name {
            "role" => {
                let mut role = Kept::default();
                at.value(object, &mut role)?;
                if !matches!(role.0.as_str(), "user" | "assistant" | "system") {
                    let problem = "must be user, assistant or system";
                    return Err(at.refuse(format!("messages[{index}].role"), problem));
                }
                self.role = Some(role.0);
            }
            "content" => match at.value(object, &mut self.words)? {
                Shape::Text { .. } | Shape::Array { .. } => self.has_content = true,
                _ => {
                    let problem = "must be a string or an array of blocks";
                    return Err(at.refuse(format!("messages[{index}].content"), problem));
                }
            },
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// Text, or blocks.
#[derive(Default)]
pub(super) struct Words {
    pub(super) bytes: usize,
    /// Files that blocks name.
    pub(super) references: References,
}

impl Words {
    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl<'de> Reader<'de> for Words {
    fn text(&mut self, text: &str) {
        self.add(text.len());
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "source" => {
                let mut source = Source::default();
                let shape = at.value(object, &mut source)?;
                let is_media = matches!(shape, Shape::Object { .. }) && !source.is_words;
                self.add(if is_media { MEDIA_BYTES } else { source.words.bytes });
                self.references.append(source.words.references);
            }
            "file_id" => {
                self.references.read(Kind::File, "file_id", at, object)?;
            }
            "input" => {
                let mut arguments = Definitions::default();
                at.value(object, &mut arguments)?;
                self.add(arguments.bytes);
            }
            _ if UNREAD.contains(&name) => at.skip(object)?,
            _ => {
                at.value(object, self)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}

/// The `source` of a picture or a document, or the address of a search result.
#[derive(Default)]
struct Source {
    is_words: bool,
    words: Words,
}

impl<'de> Reader<'de> for Source {
    fn text(&mut self, text: &str) {
        self.words.text(text);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "type" => {
                let mut kind = Kept::default();
                at.value(object, &mut kind)?;
                self.is_words = matches!(kind.0.as_str(), "text" | "content");
            }
            "data" | "content" => {
                at.value(object, &mut self.words)?;
            }
            "file_id" => {
                self.words.references.read(Kind::File, "file_id", at, object)?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// `tools`: all of them shown to the model whole, and the models that they ask.
#[derive(Default)]
pub(super) struct Tools {
    pub(super) definitions: Definitions,
    pub(super) references: References,
}

impl<'de> Reader<'de> for Tools {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, &mut Tool(self)).map(|_| ())
    }
}

struct Tool<'t>(&'t mut Tools);

impl<'de> Reader<'de> for Tool<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name != "model" {
            return self.0.definitions.member(name, at, object);
        }
        let (kind, field) = TOOL_MODEL;
        self.0.references.read(kind, field, at, object).map(|_| ())
    }
}

/// What is shown to the model whole, with the names of members: tools, schemas and arguments.
#[derive(Default)]
pub(super) struct Definitions {
    pub(super) bytes: usize,
}

impl<'de> Reader<'de> for Definitions {
    fn text(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
    }

    fn number(&mut self) {
        self.bytes = self.bytes.saturating_add(1);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        self.bytes = self.bytes.saturating_add(name.len());
        at.value(object, self)?;
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}
