//! Files and batches as a provider shows them, and as the gate shows them: what it must know of them is read strictly, all
//! else is left alone.

mod written;

use domain::price::Tokens;
use domain::usage::Surface;

use super::{endpoint, is_name};
use crate::dialect::openai::Usage;
use crate::json::{self, Place, Reader, Scan, Shape, Stop};
use crate::request::fields::Kept;

pub use written::{Page, write_batches, write_file, write_files, write_removed};

/// A file as its provider shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileObject {
    /// Its name.
    pub id: String,
    /// Its size, where that is said.
    pub bytes: Option<u64>,
    /// What its sender called it.
    pub filename: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: Option<u64>,
}

/// A batch as its provider shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchObject {
    /// Its name.
    pub id: String,
    /// How far it is.
    pub status: Status,
    /// The file with its requests.
    pub input_file: Option<String>,
    /// The file with its answers, once there are any.
    pub output_file: Option<String>,
    /// The file with its failures, once there are any.
    pub error_file: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: Option<u64>,
    /// What it used as a whole, where the provider says so.
    pub usage: Option<Tokens>,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its requests are being looked at.
    Validating,
    /// Its requests were refused.
    Failed,
    /// It is worked through.
    InProgress,
    /// Its results are being written.
    Finalizing,
    /// It is done.
    Completed,
    /// It ran out of time; what was done by then is there.
    Expired,
    /// It is being stopped.
    Cancelling,
    /// It was stopped; what was done by then is there.
    Cancelled,
    /// A word that is not known here, or none.
    Other,
}

/// One page of a provider's list of batches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchList {
    /// The batches on it that can be read.
    pub batches: Vec<BatchObject>,
    /// Whether another page follows.
    pub has_more: bool,
    /// After which the next page begins.
    pub last_id: Option<String>,
}

/// Not what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer is not the object that was asked for")]
pub struct NotTheObject;

impl Status {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "validating" => Self::Validating,
            "failed" => Self::Failed,
            "in_progress" => Self::InProgress,
            "finalizing" => Self::Finalizing,
            "completed" => Self::Completed,
            "expired" => Self::Expired,
            "cancelling" => Self::Cancelling,
            "cancelled" => Self::Cancelled,
            _ => Self::Other,
        }
    }

    /// Whether nothing more will happen to the batch.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Completed | Self::Expired | Self::Cancelled)
    }
}

/// Reads a file's object.
///
/// # Errors
/// [`NotTheObject`] when it is none, or has no name that can be used as one.
pub fn read_file(body: &[u8]) -> Result<FileObject, NotTheObject> {
    let mut file = FileFacts(FileObject::default());
    json::read_open(body, &mut file).map_err(|_| NotTheObject)?;
    if is_name(&file.0.id) { Ok(file.0) } else { Err(NotTheObject) }
}

/// Reads a batch's object.
///
/// # Errors
/// [`NotTheObject`] when it is none, or has a name that cannot be used as one.
pub fn read_batch(body: &[u8]) -> Result<BatchObject, NotTheObject> {
    let mut batch = BatchFacts::default();
    json::read_open(body, &mut batch).map_err(|_| NotTheObject)?;
    batch.object().ok_or(NotTheObject)
}

/// Reads a page of a list of batches. What on it is no batch is passed over.
///
/// # Errors
/// [`NotTheObject`] when it is no list.
pub fn read_batches(body: &[u8]) -> Result<BatchList, NotTheObject> {
    let mut list = ListFacts::default();
    json::read_open(body, &mut list).map_err(|_| NotTheObject)?;
    if list.has_data { Ok(list.list) } else { Err(NotTheObject) }
}

/// The text of the member just named, if it is one.
fn text(at: Place, object: &mut Scan<'_>) -> Result<Option<String>, Stop> {
    let mut text = Kept::default();
    let shape = at.value(object, &mut text)?;
    Ok(matches!(shape, Shape::Text { .. }).then_some(text.0))
}

/// The count in the member just named, if it is one.
fn count(at: Place, object: &mut Scan<'_>) -> Result<Option<u64>, Stop> {
    match at.value(object, &mut Kept::default())? {
        Shape::Unsigned(count) => Ok(Some(count)),
        _ => Ok(None),
    }
}

struct FileFacts(FileObject);

impl<'de> Reader<'de> for FileFacts {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "id" => self.0.id = text(at, object)?.unwrap_or_default(),
            "bytes" => self.0.bytes = count(at, object)?,
            "filename" => self.0.filename = text(at, object)?,
            "purpose" => self.0.purpose = text(at, object)?,
            "created_at" => self.0.created_at = count(at, object)?,
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// The members of a batch as they were written; what is not there is empty.
#[derive(Default)]
struct BatchFacts {
    id: String,
    status: String,
    endpoint: String,
    input_file: String,
    output_file: String,
    error_file: String,
    created_at: Option<u64>,
    usage: Option<Usage>,
}

impl BatchFacts {
    /// The batch; `None` when one of its names is none.
    fn object(self) -> Option<BatchObject> {
        // Until there is a file, some providers write an empty name.
        let file = |name: String| match name.as_str() {
            "" => Some(None),
            _ => is_name(&name).then_some(Some(name)),
        };
        let surface = endpoint(&self.endpoint).unwrap_or(Surface::Chat);
        Some(BatchObject {
            status: Status::of(&self.status),
            input_file: file(self.input_file)?,
            output_file: file(self.output_file)?,
            error_file: file(self.error_file)?,
            created_at: self.created_at,
            usage: self.usage.and_then(|usage| usage.tokens(surface)),
            id: is_name(&self.id).then_some(self.id)?,
        })
    }
}

impl<'de> Reader<'de> for BatchFacts {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let place = match name {
            "id" => &mut self.id,
            "status" => &mut self.status,
            "endpoint" => &mut self.endpoint,
            "input_file_id" => &mut self.input_file,
            "output_file_id" => &mut self.output_file,
            "error_file_id" => &mut self.error_file,
            "created_at" => {
                self.created_at = count(at, object)?;
                return Ok(());
            }
            "usage" => {
                self.usage = Usage::read(at, object)?;
                return Ok(());
            }
            _ => return at.skip(object),
        };
        *place = text(at, object)?.unwrap_or_default();
        Ok(())
    }
}

#[derive(Default)]
struct ListFacts {
    list: BatchList,
    has_data: bool,
}

impl<'de> Reader<'de> for ListFacts {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "data" => {
                let shape = at.value(object, &mut Rows(&mut self.list.batches))?;
                self.has_data = matches!(shape, Shape::Array { .. });
            }
            "has_more" => {
                self.list.has_more = at.value(object, &mut Kept::default())? == Shape::Bool(true);
            }
            "last_id" => self.list.last_id = text(at, object)?.filter(|id| is_name(id)),
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

struct Rows<'r>(&'r mut Vec<BatchObject>);

impl<'de> Reader<'de> for Rows<'_> {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut batch = BatchFacts::default();
        at.value(array, &mut batch)?;
        self.0.extend(batch.object());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
