//! The audit trail as NDJSON, a page at a time: one row a line, and a last line that signs all the others, so that a
//! copy can be checked away from here with the public key and nothing else. Where the lines go is not known here.

use store::ReadFailed;
use store::audit::{AuditFilter, MAX_PAGE, Rows};
use vault::signing::SigningKeys;

use super::lines::Lines;
pub use super::lines::signed_bytes;

/// Why an export ended early; it then has no signature.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// The trail cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// A row cannot be written down, or its place does not take it.
    #[error("the export cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// An export on its way.
pub struct Export {
    filter: AuditFilter,
    last: i64,
    /// None once the signature is written.
    lines: Option<Lines>,
    rows: u64,
}

impl Export {
    /// Of the rows that fit.
    #[must_use]
    pub fn new(filter: AuditFilter) -> Self {
        Self { filter, last: 0, lines: Some(Lines::new()), rows: 0 }
    }

    /// The next lines of these rows, the signature last of all; `None` when it is written.
    ///
    /// # Errors
    /// [`NotExported`] when a row cannot be read or written down.
    pub async fn next(&mut self, of: &Rows<'_>, keys: &SigningKeys) -> Result<Option<String>, NotExported> {
        let Some(mut lines) = self.lines.take() else { return Ok(None) };
        let page = of.fitting(&self.filter, self.last, MAX_PAGE).await?;
        self.rows = lines.rows();
        let Some(end) = page.last() else {
            return Ok(Some(lines.sign(keys).map_err(std::io::Error::other)?));
        };
        self.last = end.seq;
        let text = lines.write(&page).map_err(std::io::Error::other)?;
        self.lines = Some(lines);
        Ok(Some(text))
    }

    /// How many rows were written, once there are no more lines.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// Writes the rows that fit, and the line that signs them; says how many rows there were.
///
/// # Errors
/// [`NotExported`] when a row cannot be read or a line not be written.
pub async fn export(
    of: &Rows<'_>,
    keys: &SigningKeys,
    filter: &AuditFilter,
    mut write: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<u64, NotExported> {
    let mut export = Export::new(filter.clone());
    while let Some(lines) = export.next(of, keys).await? {
        lines.split_inclusive('\n').try_for_each(&mut write)?;
    }
    Ok(export.rows())
}
