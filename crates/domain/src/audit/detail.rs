//! What else matters about an act, as one flat JSON object. Every text in it is made plain and short, so that a row is
//! one line wherever it is shown.

use std::fmt::{Display, Write as _};

use super::plain::plain;

/// Most characters of one text of a detail.
pub const TEXT_CHARS: usize = 256;

/// A detail in the making.
#[derive(Debug, Clone, Default)]
pub struct Detail(String);

impl Detail {
    /// Nothing more to say.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A text under a name of ours.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: impl Display) -> Self {
        self.name(name);
        let value = plain(&value.to_string(), TEXT_CHARS);
        // Plain text holds no control character: two characters are all that JSON still asks to be escaped.
        self.0.push('"');
        for character in value.chars() {
            if matches!(character, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0.push('"');
        self
    }

    /// A number under a name of ours.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: u64) -> Self {
        self.name(name);
        // Writing into a text cannot fail.
        let _ = write!(self.0, "{value}");
        self
    }

    /// The object.
    #[must_use]
    pub fn json(self) -> String {
        format!("{{{}}}", self.0)
    }

    fn name(&mut self, name: &'static str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}\"{name}\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_json_on_one_line_whatever_it_is_given() {
        let detail = Detail::none().text("name", "a\"b\\c\r\nd\u{202e}").number("count", 7);
        assert_eq!(detail.json(), "{\"name\":\"a\\\"b\\\\c\u{fffd}\u{fffd}d\u{fffd}\",\"count\":7}");
        assert_eq!(Detail::none().json(), "{}");
    }
}
