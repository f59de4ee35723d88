//! Walking one JSON value: the parser calls, the reader takes what it wants, the rules of the reading hold
//! everywhere.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::members::{Members, Name};
use super::{Fault, MAX_DEPTH, Strict};

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
    /// Those of the parser, and what [`Place::refuse`] gives.
    fn member<A: MapAccess<'de>>(
        &mut self,
        _name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        at.skip(object)
    }

    /// The value is an array; reads its element number `index` through `at`, or gives `None` after the last.
    ///
    /// # Errors
    /// Those of the parser, and what [`Place::refuse`] gives.
    fn element<A: SeqAccess<'de>>(
        &mut self,
        _index: usize,
        at: Place<'_>,
        array: &mut A,
    ) -> Result<Option<Shape>, A::Error> {
        at.item(array, &mut Nothing)
    }
}

/// Takes nothing out of a value.
struct Nothing;

impl Reader<'_> for Nothing {}

/// Where a value stands: how deep, and under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Place<'s> {
    strict: Option<&'s Strict>,
    depth: u8,
}

impl<'s> Place<'s> {
    pub(super) fn outermost(strict: Option<&'s Strict>) -> Self {
        Self { strict, depth: 1 }
    }

    pub(super) fn of<R>(self, reader: &mut R) -> Walk<'s, '_, R> {
        Walk { at: self, reader }
    }

    /// Reads the value of the member just named into `reader`.
    ///
    /// # Errors
    /// Those of the parser.
    pub fn value<'de, A, R>(self, object: &mut A, reader: &mut R) -> Result<Shape, A::Error>
    where
        A: MapAccess<'de>,
        R: Reader<'de>,
    {
        object.next_value_seed(self.of(reader))
    }

    /// Says what the value of the member just named is, and reads nothing out of it.
    ///
    /// # Errors
    /// Those of the parser.
    pub fn shape<'de, A: MapAccess<'de>>(self, object: &mut A) -> Result<Shape, A::Error> {
        self.value(object, &mut Nothing)
    }

    /// Reads the value of the member just named; `None` when it is not an object.
    ///
    /// # Errors
    /// Those of the parser.
    pub fn object<'de, A, R>(self, object: &mut A) -> Result<Option<R>, A::Error>
    where
        A: MapAccess<'de>,
        R: Reader<'de> + Default,
    {
        let mut reader = R::default();
        let shape = self.value(object, &mut reader)?;
        Ok(matches!(shape, Shape::Object { .. }).then_some(reader))
    }

    /// Reads the next element into `reader`.
    ///
    /// # Errors
    /// Those of the parser.
    pub fn item<'de, A, R>(self, array: &mut A, reader: &mut R) -> Result<Option<Shape>, A::Error>
    where
        A: SeqAccess<'de>,
        R: Reader<'de>,
    {
        array.next_element_seed(self.of(reader))
    }

    /// Passes over the value of the member just named; in a strict reading it is still checked throughout.
    ///
    /// # Errors
    /// Those of the parser.
    pub fn skip<'de, A: MapAccess<'de>>(self, object: &mut A) -> Result<(), A::Error> {
        match self.strict {
            Some(_) => self.value(object, &mut Nothing).map(|_| ()),
            None => object.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    /// Like [`Place::value`], and also says where in the whole text the value lies (an empty range when the
    /// reading is not strict).
    ///
    /// # Errors
    /// Those of the parser.
    pub fn spanned<'de, A, R>(self, object: &mut A, reader: &mut R) -> Result<(Shape, Range<usize>), A::Error>
    where
        A: MapAccess<'de>,
        R: Reader<'de>,
    {
        let Some(strict) = self.strict else { return Ok((self.value(object, reader)?, 0..0)) };
        let raw: &'de RawValue = object.next_value()?;
        // The parser has only skimmed the value, so it is read again under the rules; a fault that is not one
        // of ours is one of grammar that skimming overlooks, such as a lone surrogate.
        let shape = self.of(reader).deserialize(raw).map_err(|_| {
            strict.note(Fault::Syntax);
            A::Error::custom("refused")
        })?;
        Ok((shape, strict.span(raw.get())))
    }

    /// Refuses `field`, naming what it must be. The first refusal of a reading stands.
    pub fn refuse<E: Error>(self, field: impl Into<String>, problem: &'static str) -> E {
        self.stop(Fault::Field(field.into(), problem))
    }

    fn stop<E: Error>(self, fault: Fault) -> E {
        if let Some(strict) = self.strict {
            strict.note(fault);
        }
        E::custom("refused")
    }

    /// The place of what lies inside an array or object that stands here.
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth > MAX_DEPTH && self.strict.is_some() {
            return Err(self.stop(Fault::TooDeep));
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }
}

/// One value about to be read.
pub(super) struct Walk<'s, 'r, R> {
    at: Place<'s>,
    reader: &'r mut R,
}

impl<'de, R: Reader<'de>> DeserializeSeed<'de> for Walk<'_, '_, R> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: Reader<'de>> Visitor<'de> for Walk<'_, '_, R> {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        self.reader.number();
        Ok(Shape::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        self.reader.number();
        Ok(Shape::Negative(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shape, E> {
        self.reader.number();
        Ok(Shape::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        self.reader.text(text);
        Ok(Shape::Text { bytes: text.len() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Shape, A::Error> {
        let inside = self.at.inside()?;
        let mut items = 0;
        while self.reader.element(items, inside, &mut array)?.is_some() {
            items += 1;
        }
        Ok(Shape::Array { items })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Shape, A::Error> {
        let inside = self.at.inside()?;
        let mut members = 0;
        if self.at.strict.is_none() {
            while let Some(name) = object.next_key_seed(Name)? {
                self.reader.member(&name, inside, &mut object)?;
                members += 1;
            }
            return Ok(Shape::Object { members });
        }
        let mut names = Members::new();
        while let Some(name) = object.next_key_seed(Name)? {
            if !names.is_new(name.clone()) {
                return Err(self.at.stop(Fault::Duplicate));
            }
            self.reader.member(&name, inside, &mut object)?;
            members += 1;
        }
        Ok(Shape::Object { members })
    }
}
