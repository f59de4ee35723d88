//! Money: integer nano-dollars (1e-9 USD), checked, never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const NANOS_PER_USD: i64 = 1_000_000_000;
/// Digits of a nanodollar after the point.
const NANOS_DIGITS: usize = 9;

/// An amount of US dollars in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotMoney {
    /// Something other than digits, one point and an optional leading minus.
    #[error("an amount is digits with at most one decimal point")]
    Malformed,
    /// More than nine decimal places.
    #[error("an amount has at most nine decimal places")]
    TooFine,
    /// Beyond what 64 bits of nano-dollars hold (about 9.2 billion USD).
    #[error("an amount is below 9.2 billion USD")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of nano-dollars.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The sum, or `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Money {
    /// A decimal of US dollars without trailing zeros: `0.00000015`, `-1.5`, `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (whole, part) = (nanos / NANOS_PER_USD.unsigned_abs(), nanos % NANOS_PER_USD.unsigned_abs());
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let (mut part, mut digits) = (part, NANOS_DIGITS);
        while part.is_multiple_of(10) {
            (part, digits) = (part / 10, digits - 1);
        }
        write!(f, "{sign}{whole}.{part:0digits$}")
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |s: &str| !s.is_empty() && s.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole) || !numeric(part) {
            return Err(NotMoney::Malformed);
        }
        if part.len() > 9 {
            return Err(NotMoney::TooFine);
        }
        let whole: i64 = whole.parse().map_err(|_| NotMoney::TooLarge)?;
        let part: i64 = format!("{part:0<9}").parse().map_err(|_| NotMoney::Malformed)?;
        let nanos = whole
            .checked_mul(NANOS_PER_USD)
            .and_then(|nanos| nanos.checked_add(part))
            .ok_or(NotMoney::TooLarge)?;
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!("0.15".parse(), Ok(Money(150_000_000)));
        assert_eq!("3.333333".parse::<Money>().unwrap().to_string(), "3.333333");
        assert_eq!("1e3".parse::<Money>(), Err(NotMoney::Malformed));
        assert_eq!("NaN".parse::<Money>(), Err(NotMoney::Malformed));
        assert_eq!(".5".parse::<Money>(), Err(NotMoney::Malformed));
        assert_eq!("0.0000000001".parse::<Money>(), Err(NotMoney::TooFine));
        assert_eq!("9999999999999".parse::<Money>(), Err(NotMoney::TooLarge));
    }

    proptest! {
        #[test]
        fn text_round_trips(nanos in i64::MIN + 1..i64::MAX) {
            prop_assert_eq!(Money(nanos).to_string().parse(), Ok(Money(nanos)));
        }
    }
}
