//! One event, one line, whatever is in it: text of others cannot end a line, begin another, drive a terminal or hide.
//! Fields are bounded. It writes events alone; spans belong to traces.

use std::fmt::{self, Debug};

use domain::audit::plain::is_hidden;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::flood;
use super::veil::veil;
use crate::config::LogFormat;

/// Most bytes of one field, before what is escaped in it makes it longer.
pub const MAX_FIELD_BYTES: usize = 4_096;
/// Ends a field that was longer.
const CUT: char = '…';

/// Writes events as lines of one format.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    format: LogFormat,
}

impl Line {
    /// Lines of this format.
    #[must_use]
    pub fn new(format: LogFormat) -> Self {
        Self { format }
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut seen = Seen::default();
        event.record(&mut seen);
        match flood::left_out() {
            0 => {}
            left_out => seen.fields.push(("lines_left_out", Value::Plain(left_out.to_string()))),
        }
        let (level, target) = (event.metadata().level(), event.metadata().target());
        match self.format {
            LogFormat::Json => {
                write!(writer, "{{\"timestamp\":\"{time}\",\"level\":\"{level}\",\"target\":")?;
                json(&mut writer, target)?;
                writer.write_str(",\"message\":")?;
                json(&mut writer, &seen.message)?;
                for (name, value) in &seen.fields {
                    write!(writer, ",\"{name}\":")?;
                    match value {
                        Value::Text(text) => json(&mut writer, text)?,
                        Value::Plain(plain) => writer.write_str(plain)?,
                    }
                }
                writer.write_str("}\n")
            }
            LogFormat::Text => {
                write!(writer, "{time} {level:>5} {target}: ")?;
                escaped(&mut writer, &seen.message, Quotes::None)?;
                for (name, value) in &seen.fields {
                    write!(writer, " {name}=")?;
                    match value {
                        Value::Text(text) => escaped(&mut writer, text, Quotes::Double)?,
                        Value::Plain(plain) => writer.write_str(plain)?,
                    }
                }
                writer.write_str("\n")
            }
        }
    }
}

/// A field's value.
enum Value {
    /// May hold anything.
    Text(String),
    /// A number or a truth value: valid JSON as it stands.
    Plain(String),
}

/// What an event said.
#[derive(Default)]
struct Seen {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Seen {
    fn text(&mut self, field: &Field, text: &str) {
        let text = bounded(&veil(bounded_for_veil(text)));
        match field.name() {
            "message" => self.message = text,
            name => self.fields.push((name, Value::Text(text))),
        }
    }

    fn plain(&mut self, field: &Field, value: impl ToString) {
        self.fields.push((field.name(), Value::Plain(value.to_string())));
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, &value.to_string());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is not a number.
        if value.is_finite() { self.plain(field, value) } else { self.text(field, &value.to_string()) }
    }
}

/// Twice what is kept: a secret that reaches over the cut is seen whole, or its cut-off rest is dropped with it.
fn bounded_for_veil(text: &str) -> &str {
    &text[..text.floor_char_boundary(2 * MAX_FIELD_BYTES)]
}

fn bounded(text: &str) -> String {
    if text.len() <= MAX_FIELD_BYTES {
        return text.to_owned();
    }
    let mut kept = text[..text.floor_char_boundary(MAX_FIELD_BYTES - CUT.len_utf8())].to_owned();
    kept.push(CUT);
    kept
}

/// A JSON string (RFC 8259, section 7) in which nothing hides.
fn json(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    if is_plain(text) {
        return write!(writer, "\"{text}\"");
    }
    writer.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(writer, "\\{character}")?,
            hidden if is_hidden(hidden) => {
                for unit in hidden.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            other => writer.write_char(other)?,
        }
    }
    writer.write_char('"')
}

/// Whether nothing in a text needs care, whatever it stands in. Most texts are so.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// Whether a text stands in quotes, so that it cannot be taken for several fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Double,
}

fn escaped(writer: &mut Writer<'_>, text: &str, quotes: Quotes) -> fmt::Result {
    let quote = if quotes == Quotes::Double { "\"" } else { "" };
    if is_plain(text) {
        return write!(writer, "{quote}{text}{quote}");
    }
    writer.write_str(quote)?;
    for character in text.chars() {
        match character {
            '"' | '\\' if quotes == Quotes::Double => write!(writer, "\\{character}")?,
            hidden if is_hidden(hidden) => write!(writer, "{}", hidden.escape_unicode())?,
            other => writer.write_char(other)?,
        }
    }
    writer.write_str(quote)
}

#[cfg(test)]
mod tests;
