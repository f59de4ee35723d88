//! The scanner against a parser by others: whatever the text, both take it or both refuse it, at the same place, and what
//! they read is the same.

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value;
use crate::json::*;

/// A whole value, its members in order and those of one name side by side.
#[derive(Debug, Clone, Default)]
enum Tree {
    #[default]
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Tree::Null, Tree::Null) => true,
            (Tree::Bool(one), Tree::Bool(other)) => one == other,
            (Tree::Unsigned(one), Tree::Unsigned(other)) => one == other,
            (Tree::Negative(one), Tree::Negative(other)) => one == other,
            // The other parser rounds several times.
            (Tree::Float(one), Tree::Float(other)) => {
                one.is_sign_negative() == other.is_sign_negative()
                    && (one - other).abs() <= one.abs() * 1e-12 + 1e-300
            }
            (Tree::Text(one), Tree::Text(other)) => one == other,
            (Tree::Array(one), Tree::Array(other)) => one == other,
            (Tree::Object(one), Tree::Object(other)) => one == other,
            _ => false,
        }
    }
}

impl Tree {
    fn depth(&self) -> usize {
        match self {
            Tree::Array(items) => 1 + items.iter().map(Tree::depth).max().unwrap_or(0),
            Tree::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn repeats_a_name(&self) -> bool {
        match self {
            Tree::Array(items) => items.iter().any(Tree::repeats_a_name),
            Tree::Object(members) => members.iter().enumerate().any(|(index, (name, value))| {
                value.repeats_a_name() || members[..index].iter().any(|(earlier, _)| earlier == name)
            }),
            _ => false,
        }
    }
}

/// How the scanner reads one.
#[derive(Default)]
struct Growing(Tree, Vec<Tree>, Vec<String>);

impl Growing {
    fn grow(at: Place, scan: &mut Scan<'_>) -> Result<Tree, Stop> {
        let mut growing = Growing::default();
        let shape = at.value(scan, &mut growing)?;
        Ok(growing.grown(shape))
    }

    fn grown(self, shape: Shape) -> Tree {
        let Growing(text, values, names) = self;
        match shape {
            Shape::Null => Tree::Null,
            Shape::Bool(value) => Tree::Bool(value),
            Shape::Unsigned(value) => Tree::Unsigned(value),
            Shape::Negative(value) => Tree::Negative(value),
            Shape::Float(value) => Tree::Float(value),
            Shape::Text { .. } => text,
            Shape::Array { items } => {
                assert_eq!(items, values.len());
                Tree::Array(values)
            }
            Shape::Object { members } => {
                assert_eq!(members, names.len());
                Tree::Object(names.into_iter().zip(values).collect())
            }
        }
    }
}

impl<'de> Reader<'de> for Growing {
    fn text(&mut self, text: &str) {
        self.0 = Tree::Text(text.to_owned());
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        self.2.push(name.to_owned());
        self.1.push(Growing::grow(at, object)?);
        Ok(())
    }

    fn element(&mut self, index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        assert_eq!(index, self.1.len());
        self.1.push(Growing::grow(at, array)?);
        Ok(())
    }
}

/// How the other parser does.
impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Planting)
    }
}

struct Planting;

impl<'de> Visitor<'de> for Planting {
    type Value = Tree;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Negative(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}

/// Both parsers' word on one text.
#[track_caller]
fn check(text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let expect = serde_json::from_slice::<Tree>(text);

    let mut open = Growing::default();
    let read = read_open(text, &mut open).map(|shape| open.grown(shape));
    assert_eq!(read.as_ref().ok(), expect.as_ref().ok(), "open: {shown}");

    let mut strict = Growing::default();
    match (read_strict(text, &mut strict).map(|shape| strict.grown(shape)), &expect) {
        (Ok(read), Ok(expect)) => {
            assert_eq!(&read, expect, "{shown}");
            assert!(!read.repeats_a_name() && read.depth() <= usize::from(MAX_DEPTH), "{shown}");
        }
        // The other parser does not look at all digits of an exponent when it knows already that there are too many.
        (Err(Refused::Syntax { line, column }), Err(fault)) if fault.to_string().contains("out of range") => {
            assert!(line == fault.line() && column >= fault.column(), "{shown}: {fault}");
        }
        (Err(Refused::Syntax { line, column }), Err(fault)) => {
            assert_eq!((line, column), (fault.line(), fault.column()), "{shown}: {fault}");
        }
        (Err(Refused::Duplicate { .. }), Ok(expect)) => assert!(expect.repeats_a_name(), "{shown}"),
        (Err(Refused::TooDeep), Ok(expect)) => assert!(expect.depth() > usize::from(MAX_DEPTH), "{shown}"),
        (Err(Refused::NotUtf8), Err(_)) => assert!(std::str::from_utf8(text).is_err()),
        // What one is refused for may come before what is wrong for both.
        (Err(Refused::Duplicate { .. } | Refused::TooDeep), Err(_)) => {}
        (read, expect) => panic!("{shown}: {read:?}, not {expect:?}"),
    }

    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut scan = Scan::new(text);
    let skimmed = scan.skim().and_then(|()| scan.end());
    assert_eq!(skimmed.is_ok(), serde_json::from_str::<IgnoredAny>(text).is_ok(), "skimmed: {shown}");
}

#[test]
fn what_stands_at_the_edges() {
    let numbers = "0 -0 00 - -01 1. .1 1.0 1e 1e+ 1E-7 1e5.0 0e0 -0.0 -0e5 +1 1_0 18446744073709551615 \
        18446744073709551616 -9223372036854775808 -9223372036854775809 99999999999999999999999999999999 \
        1e308 1e309 -1e309 1e-400 0e999 0.1e-5 1.5E+3 0x1 1a NaN Infinity -Infinity 9007199254740993 \
        0.30000000000000004 1.7976931348623157e308";
    for number in numbers.split(' ') {
        check(number.as_bytes());
        check(format!("[{number}, {{\"a\":{number}}}]").as_bytes());
    }
    let escapes = "\\ \\\\ \\\" \\/ \\b\\f\\n\\r\\t \\a \\U0041 \\u \\u0 \\u00e \\u00e9 \\u00E9x \\u00g0 \\u+123 \
        \\u0000 \\uffff \\ud83d\\ude00 \\ud83d \\ud83dx \\ud83d\\n \\ud83d\\u0041 \\ude00 \
        \\ud83d\\ud83d\\ude00 \\ud83d\\u \\ud83d\\ \\ud83d\\ude0";
    let others = ["", "a", "\u{1}", "\u{7f}", "\n", "\t", "\u{e9}\u{1f600}"];
    for inner in escapes.split(' ').chain(others) {
        for text in [
            format!("\"{inner}\""),
            format!("{{\"{inner}\":1}}"),
            format!("[\"long enough for a block of words {inner} and more\"]"),
            format!("\"{inner}"),
            format!("{{\"{inner}\" : [\n1 ,2]\r,\t\"{inner}\":2}} "),
        ] {
            check(text.as_bytes());
        }
    }
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "nule",
        "True",
        "t",
        "[",
        "]",
        "[]",
        "[ ]",
        "[,]",
        "[1,]",
        "[1 2]",
        "[1,,2]",
        "{",
        "}",
        "{}",
        "{ }",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1]",
        "[1}",
        "[[[]]",
        "\u{feff}1",
        "1 2",
        "{}{}",
        "// 1",
        "[\n1,\n\n  x]",
        "\u{a0}1",
        "[[],{},[{}],{\"a\":{}}]",
        "\n\n{\n\"a\"\n:\n}",
        "null x",
        "\"a\" ,",
    ] {
        check(text.as_bytes());
    }
    check(b"\"\xff\"");
    check(b"{\"\xc3\":1}");
    check(b"[1]\xff");
}

#[test]
fn depth_is_bounded_alike() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [63, 64, 65, 126, 127, 128, 129, 300] {
            check(format!("{}1{}", open.repeat(depth), close.repeat(depth)).as_bytes());
            check(open.repeat(depth).as_bytes());
        }
    }
}

/// What JSON is made of, and what it is not.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", " ", "\n"]).prop_map(str::to_owned),
        4 => prop::sample::select(vec!["null", "true", "false", "\"a\":", "\"a\"", "\"b\":", "1"])
            .prop_map(str::to_owned),
        1 => "\"[ -~]{0,40}\"",
        1 => "\"(\\\\u[0-9a-fdD]{3,4}|\\\\.|[a-z\u{e9}\u{1f600}]){0,12}\"",
        1 => "-?[0-9]{1,22}(\\.[0-9]{0,22})?([eE][-+]?[0-9]{0,3})?",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn texts_cut_at_every_byte(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let text: String = text.chars().take(600).collect();
        for end in 0..=text.len() {
            check(&text.as_bytes()[..end]);
        }
    }
}

proptest! {
    #[test]
    fn pieces_in_any_order(text in pieces()) {
        check(text.as_bytes());
    }

    #[test]
    fn texts_with_a_byte_that_is_another(
        value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>(), insert in any::<bool>(),
    ) {
        let mut text = value.to_string().into_bytes();
        let at = at.index(text.len());
        text.splice(at..at + usize::from(!insert), [byte]);
        check(&text);
    }

    #[test]
    fn numbers(text in "-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?") {
        check(text.as_bytes());
    }
}
