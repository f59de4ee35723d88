//! The reader of JSON against a parser by others: both take a text or both refuse it, a strict reading at the same place,
//! and what they read is the same.

#![no_main]

use fuzz::allowance;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Number, Value};
use wire::json::{MAX_DEPTH, Place, Reader, Refused, Scan, Shape, Stop, read_open, read_strict};

/// Memory that a reading may take: the tree that is made here, and names that are kept until their object ends.
const BYTES_PER_BYTE: usize = 256;
const BYTES_AT_LEAST: usize = 64 << 10;

fuzz_target!(|text: &[u8]| {
    let most = BYTES_AT_LEAST + BYTES_PER_BYTE * text.len();
    let (strict, open, skimmed) = allowance::within(most, || {
        let (mut strict, mut open) = (Growing::default(), Growing::default());
        let strict = read_strict(text, &mut strict).map(|shape| (strict.repeats, strict.grown(shape)));
        let open = read_open(text, &mut open).map(|shape| open.grown(shape));
        (strict, open, read_open(text, &mut Skimming))
    });
    let expect = serde_json::from_slice::<Value>(text);
    assert_eq!(open.as_ref().ok(), expect.as_ref().ok(), "open");
    assert!(skimmed.is_ok() || open.is_err(), "what is skimmed is forgiven more");
    match (strict, expect) {
        (Ok((repeats, strict)), Ok(expect)) => {
            assert_eq!(strict, expect, "strict");
            assert!(!repeats && depth(&strict) <= usize::from(MAX_DEPTH));
        }
        // The other parser does not look at all digits of an exponent when it knows already that there are too many.
        (Err(Refused::Syntax { line, .. }), Err(fault)) if fault.to_string().contains("out of range") => {
            assert_eq!(line, fault.line(), "{fault}");
        }
        (Err(Refused::Syntax { line, column }), Err(fault)) => {
            assert_eq!((line, column), (fault.line(), fault.column()), "{fault}");
        }
        (Err(Refused::NotUtf8), Err(_)) => assert!(std::str::from_utf8(text).is_err()),
        (Err(Refused::Duplicate { .. } | Refused::TooDeep), _) => {
            let mut open = Growing::default();
            // An open reading goes on to the end, or to what is wrong for both.
            let taken = read_open(text, &mut open).map(|shape| (open.repeats, depth(&open.grown(shape))));
            assert!(
                taken.is_err()
                    || taken.is_ok_and(|(repeats, depth)| repeats || depth > usize::from(MAX_DEPTH))
            );
        }
        (strict, expect) => panic!("{strict:?}, not {expect:?}"),
    }
});

/// Reads a whole value.
#[derive(Default)]
struct Growing {
    text: String,
    items: Vec<Value>,
    members: Map<String, Value>,
    /// Whether some object had a name twice.
    repeats: bool,
}

impl Growing {
    fn grow(&mut self, at: Place, scan: &mut Scan<'_>) -> Result<Value, Stop> {
        let mut inner = Growing::default();
        let shape = at.value(scan, &mut inner)?;
        self.repeats |= inner.repeats;
        Ok(inner.grown(shape))
    }

    fn grown(self, shape: Shape) -> Value {
        match shape {
            Shape::Null => Value::Null,
            Shape::Bool(value) => Value::Bool(value),
            Shape::Unsigned(value) => Value::from(value),
            Shape::Negative(value) => Value::from(value),
            Shape::Float(value) => Value::Number(Number::from_f64(value).expect("a number")),
            Shape::Text { bytes } => {
                assert_eq!(bytes, self.text.len());
                Value::String(self.text)
            }
            Shape::Array { items } => {
                assert_eq!(items, self.items.len());
                Value::Array(self.items)
            }
            Shape::Object { members } => {
                assert!(members == self.members.len() || self.repeats);
                Value::Object(self.members)
            }
        }
    }
}

impl<'de> Reader<'de> for Growing {
    fn text(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let value = self.grow(at, object)?;
        self.repeats |= self.members.insert(name.to_owned(), value).is_some();
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let value = self.grow(at, array)?;
        self.items.push(value);
        Ok(())
    }
}

/// Takes nothing, so that all is skimmed.
struct Skimming;

impl Reader<'_> for Skimming {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'_>) -> Result<(), Stop> {
        at.skip(array)
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
