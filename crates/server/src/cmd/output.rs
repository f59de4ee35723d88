//! What a command prints: one JSON document, or tables and sentences for people. Control characters never reach a
//! terminal. It knows no command.

use std::collections::BTreeMap;
use std::io::{self, Write};

use domain::audit::plain::is_hidden;
use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

/// For whom to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// A thing that is listed and shown.
pub trait Row: Serialize {
    /// Titles of the columns.
    const HEAD: &'static [&'static str];

    /// One text per column.
    fn cells(&self) -> Vec<String>;
}

impl Output {
    /// Prints a list: `{"<name>": [...]}`, or a table, or `empty` when there is nothing.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn list<R: Row>(self, name: &str, rows: &[R], empty: &str) -> io::Result<()> {
        match self {
            Self::Json => self.document(&BTreeMap::from([(name, rows)])),
            Self::Text if rows.is_empty() => line(empty),
            Self::Text => table(R::HEAD, rows.iter().map(Row::cells)),
        }
    }

    /// Prints one thing: a JSON object, or a line per column.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn show<R: Row>(self, row: &R) -> io::Result<()> {
        match self {
            Self::Json => self.document(row),
            Self::Text => {
                let width = R::HEAD.iter().map(|title| title.len()).max().unwrap_or(0);
                let cells = row.cells();
                R::HEAD
                    .iter()
                    .zip(cells)
                    .try_for_each(|(title, cell)| line(&format!("{title:width$}  {cell}")))
            }
        }
    }

    /// Prints one JSON document on one line, whoever reads it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn document(self, value: &impl Serialize) -> io::Result<()> {
        print(&format!("{}\n", serde_json::to_string(value).map_err(io::Error::other)?))
    }

    /// Prints a sentence for people; nothing for programs.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn say(self, text: &str) -> io::Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Text => line(text),
        }
    }
}

/// Prints a text as it is.
///
/// # Errors
/// When standard output cannot be written; a reader that left early (`| head`) is no error.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints to standard error, for what must not mix with the result.
pub fn complain(text: &str) {
    // When standard error itself is gone there is nowhere left to say so.
    let _ = io::stderr().lock().write_all(format!("{}\n", plain(text)).as_bytes());
}

/// Prints a table.
///
/// # Errors
/// When standard output cannot be written.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> io::Result<()> {
    let mut builder = Builder::default();
    builder.push_record(head.iter().map(|title| title.to_uppercase()));
    rows.for_each(|cells| builder.push_record(cells.iter().map(|cell| plain(cell).replace('\n', " "))));
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    table.to_string().lines().try_for_each(|row| print(&format!("{}\n", row.trim_end())))
}

/// Prints one line, or several.
///
/// # Errors
/// When standard output cannot be written.
pub fn line(text: &str) -> io::Result<()> {
    print(&format!("{}\n", plain(text)))
}

/// The text without characters that could rewrite or hide what a terminal shows.
fn plain(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\u{202e}"), "a\u{fffd}[2Jb\u{fffd}\nc\u{fffd}");
    }
}
