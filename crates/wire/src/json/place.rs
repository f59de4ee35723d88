//! Walking one JSON value: the scanner goes on, the reader takes what it wants, the rules of the reading hold
//! everywhere.

use std::ops::Range;

use super::scan::{Scan, Stop};
use super::{Fault, MAX_DEPTH};

/// How deep arrays and objects may lie in each other where what is read is a provider's word: as deep as the usual parsers
/// of JSON let them.
const MAX_OPEN_DEPTH: u8 = 127;

/// What a value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer from 0 to 2⁶⁴−1, written without point and exponent.
    Unsigned(u64),
    /// An integer below zero, written without point and exponent.
    Negative(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text {
        /// Its length after unescaping.
        bytes: usize,
    },
    /// An array.
    Array {
        /// How many elements it has.
        items: usize,
    },
    /// An object.
    Object {
        /// How many members it has.
        members: usize,
    },
}

/// Takes what it acts on out of a value. Each method has the default of taking nothing.
pub trait Reader<'de> {
    /// The value is this string.
    fn text(&mut self, _text: &str) {}

    /// The value is a number.
    fn number(&mut self) {}

    /// The value is an object with this member; its value must be read or skipped through `at`.
    ///
    /// # Errors
    /// Those of the grammar, and what [`Place::refuse`] gives.
    fn member(&mut self, _name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        at.skip(object)
    }

    /// The value is an array; its element number `index` must be read or skipped through `at`.
    ///
    /// # Errors
    /// Those of the grammar, and what [`Place::refuse`] gives.
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.shape(array).map(|_| ())
    }
}

/// Takes nothing out of a value.
struct Nothing;

impl Reader<'_> for Nothing {}

/// The rules of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// What two parsers could understand differently is refused, everywhere.
    Strict,
    /// What no reader takes is only skimmed.
    Open,
}

/// Where a value stands: how deep, and under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    rules: Rules,
    depth: u8,
}

impl Place {
    pub(super) fn outermost(rules: Rules) -> Self {
        Self { rules, depth: 1 }
    }

    /// Reads the value of the member just named, or the next element, into `reader`.
    ///
    /// # Errors
    /// Those of the grammar and of `reader`.
    pub fn value<'de, R: Reader<'de>>(self, scan: &mut Scan<'de>, reader: &mut R) -> Result<Shape, Stop> {
        match scan.byte() {
            Some(b'"') => {
                let text = scan.text()?;
                reader.text(text);
                Ok(Shape::Text { bytes: text.len() })
            }
            Some(b'-' | b'0'..=b'9') => {
                let shape = scan.number()?;
                reader.number();
                Ok(shape)
            }
            Some(b'{') => self.members(scan, reader),
            Some(b'[') => self.elements(scan, reader),
            _ => scan.literal(),
        }
    }

    fn members<'de, R: Reader<'de>>(self, scan: &mut Scan<'de>, reader: &mut R) -> Result<Shape, Stop> {
        let inside = self.inside(scan)?;
        let mut members = 0;
        let mut seen = scan.names.begin();
        while let Some(name) = scan.next_name(members)? {
            if self.rules == Rules::Strict && !scan.names.is_new(&mut seen, name.clone()) {
                return Err(scan.duplicate());
            }
            reader.member(&name, inside, scan)?;
            members += 1;
        }
        scan.names.end(&seen);
        Ok(Shape::Object { members })
    }

    fn elements<'de, R: Reader<'de>>(self, scan: &mut Scan<'de>, reader: &mut R) -> Result<Shape, Stop> {
        let inside = self.inside(scan)?;
        let mut items = 0;
        while scan.next_element(items)? {
            reader.element(items, inside, scan)?;
            items += 1;
        }
        Ok(Shape::Array { items })
    }

    /// Says what the value is, and reads nothing out of it.
    ///
    /// # Errors
    /// Those of the grammar.
    pub fn shape(self, scan: &mut Scan<'_>) -> Result<Shape, Stop> {
        self.value(scan, &mut Nothing)
    }

    /// Reads the value; `None` when it is not an object.
    ///
    /// # Errors
    /// Those of the grammar and of the reader.
    pub fn object<'de, R: Reader<'de> + Default>(self, scan: &mut Scan<'de>) -> Result<Option<R>, Stop> {
        let mut reader = R::default();
        let shape = self.value(scan, &mut reader)?;
        Ok(matches!(shape, Shape::Object { .. }).then_some(reader))
    }

    /// Passes over the value; in a strict reading it is still checked throughout.
    ///
    /// # Errors
    /// Those of the grammar.
    pub fn skip(self, scan: &mut Scan<'_>) -> Result<(), Stop> {
        match self.rules {
            Rules::Strict => self.value(scan, &mut Nothing).map(|_| ()),
            Rules::Open => scan.skim(),
        }
    }

    /// Like [`Place::value`], and also says where in the whole text the value lies.
    ///
    /// # Errors
    /// Those of the grammar and of `reader`.
    pub fn spanned<'de, R: Reader<'de>>(
        self,
        scan: &mut Scan<'de>,
        reader: &mut R,
    ) -> Result<(Shape, Range<usize>), Stop> {
        let start = scan.position();
        let shape = self.value(scan, reader)?;
        Ok((shape, start..scan.position()))
    }

    /// The text of the value, to be read later; of the rules only those of the grammar hold in it until then.
    ///
    /// # Errors
    /// Those of the grammar.
    pub fn raw<'de>(self, scan: &mut Scan<'de>) -> Result<&'de str, Stop> {
        let start = scan.position();
        scan.skim()?;
        Ok(scan.since(start))
    }

    /// Refuses `field`, naming what it must be.
    pub fn refuse(self, field: impl Into<String>, problem: &'static str) -> Stop {
        Stop(Box::new(Fault::Field(field.into(), problem)))
    }

    /// The place of what lies inside the array or object that stands here, which is begun.
    fn inside(self, scan: &mut Scan<'_>) -> Result<Self, Stop> {
        let most = match self.rules {
            Rules::Strict => MAX_DEPTH,
            Rules::Open => MAX_OPEN_DEPTH,
        };
        if self.depth > most {
            return Err(Stop(Box::new(Fault::TooDeep)));
        }
        scan.enter();
        Ok(Self { depth: self.depth + 1, ..self })
    }
}
