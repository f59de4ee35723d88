//! Numbers: what they are by how they are written.

use super::{Scan, Shape, Stop};

/// Digits that 64 bits hold whatever they are.
const SURE_DIGITS: usize = 19;

impl Scan<'_> {
    /// The number that stands here: an integer where it is written as one and 64 bits hold it, else a double.
    pub(in crate::json) fn number(&mut self) -> Result<Shape, Stop> {
        let start = self.at;
        let negative = self.minus();
        let integer = self.integer()?;
        if self.fraction_and_exponent()? == Parts::Integer
            && let Some(integer) = integer
        {
            match (negative, 0_i64.checked_sub_unsigned(integer)) {
                (false, _) => return Ok(Shape::Unsigned(integer)),
                // Zero below zero is one that only a double has.
                (true, Some(integer)) if integer < 0 => return Ok(Shape::Negative(integer)),
                (true, _) => {}
            }
        }
        match self.since(start).parse() {
            Ok(value) if f64::is_finite(value) => Ok(Shape::Float(value)),
            _ => Err(self.fault()),
        }
    }

    /// Passes over the number that stands here.
    pub(super) fn skim_number(&mut self) -> Result<(), Stop> {
        self.minus();
        self.integer()?;
        self.fraction_and_exponent().map(|_| ())
    }

    fn minus(&mut self) -> bool {
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        negative
    }

    /// The digits before the point; `None` when 64 bits do not hold them.
    fn integer(&mut self) -> Result<Option<u64>, Stop> {
        let start = self.at;
        let mut value = match self.take() {
            Some(b'0') if self.digit().is_some() => return Err(self.fault_ahead()),
            Some(first @ b'0'..=b'9') => u64::from(first - b'0'),
            _ => return Err(self.fault()),
        };
        while let Some(digit) = self.digit() {
            self.at += 1;
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        if self.at - start <= SURE_DIGITS {
            return Ok(Some(value));
        }
        Ok(self.since(start).parse().ok())
    }

    fn fraction_and_exponent(&mut self) -> Result<Parts, Stop> {
        let mut parts = Parts::Integer;
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digit().is_none() {
                return Err(self.fault_ahead());
            }
            self.digits();
            parts = Parts::More;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if !self.take().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.fault());
            }
            self.digits();
            parts = Parts::More;
        }
        Ok(parts)
    }

    fn digits(&mut self) {
        while self.digit().is_some() {
            self.at += 1;
        }
    }

    /// The value of the digit that comes next, not taken.
    fn digit(&self) -> Option<u8> {
        self.byte().map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
    }
}

/// What a number has.
#[derive(PartialEq, Eq)]
enum Parts {
    Integer,
    /// A point or an exponent, too.
    More,
}
