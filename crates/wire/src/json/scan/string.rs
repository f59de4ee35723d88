//! Strings: as they stand, unescaped, or passed over.

use super::run::{few_plain_bytes, plain_bytes};
use super::{Scan, Stop};

impl<'de> Scan<'de> {
    /// Takes a string whose opening quote has been taken, as it stands; `None`, with nothing taken, when it is not plain.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Option<&'de str> {
        match few_plain_bytes(self.rest()) {
            Some(length) => self.plain_until(length),
            None => self.long_string(),
        }
    }

    #[inline(never)]
    fn long_string(&mut self) -> Option<&'de str> {
        self.plain_until(plain_bytes(self.rest()))
    }

    fn plain_until(&mut self, length: usize) -> Option<&'de str> {
        let (plain, after) = self.text.get(self.at..)?.split_at_checked(length)?;
        if !after.starts_with('"') {
            return None;
        }
        self.at += length + 1;
        Some(plain)
    }

    /// Takes a string whose opening quote has been taken, and puts what it says into the buffer.
    #[inline(never)]
    pub(super) fn unescape(&mut self) -> Result<(), Stop> {
        self.unescaped.clear();
        loop {
            let plain = self.at;
            self.at += plain_bytes(self.rest());
            self.unescaped.push_str(self.since(plain));
            match self.take() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => {
                    let character = self.escaped()?;
                    self.unescaped.push(character);
                }
                // A control character, or the end of the text.
                _ => return Err(self.fault()),
            }
        }
    }

    /// Passes over a string whose opening quote has been taken.
    pub(super) fn skim_string(&mut self) -> Result<(), Stop> {
        loop {
            let rest = self.rest();
            self.at += few_plain_bytes(rest).unwrap_or_else(|| plain_bytes(rest));
            match self.take() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => {
                    if self.short_escape()?.is_none() {
                        self.four_digits()?;
                    }
                }
                _ => return Err(self.fault()),
            }
        }
    }

    /// The character of an escape whose backslash has been taken.
    fn escaped(&mut self) -> Result<char, Stop> {
        if let Some(character) = self.short_escape()? {
            return Ok(character);
        }
        let unit = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&unit) {
            // None for the second half of a pair.
            return char::from_u32(unit).ok_or_else(|| self.fault());
        }
        for expect in [b'\\', b'u'] {
            if self.take() != Some(expect) {
                return Err(self.fault());
            }
        }
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.fault());
        }
        let pair = 0x1_0000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(pair).ok_or_else(|| self.fault())
    }

    /// The character of an escape of one letter; `None` for `u`, which four digits follow.
    fn short_escape(&mut self) -> Result<Option<char>, Stop> {
        Ok(Some(match self.take() {
            Some(b'n') => '\n',
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'u') => return Ok(None),
            Some(b't') => '\t',
            Some(b'/') => '/',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            _ => return Err(self.fault()),
        }))
    }

    fn four_digits(&mut self) -> Result<u32, Stop> {
        let Some(digits) = self.rest().first_chunk::<4>() else {
            self.at = self.text.len();
            return Err(self.fault());
        };
        self.at += digits.len();
        let value =
            digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?));
        value.ok_or_else(|| self.fault())
    }
}
