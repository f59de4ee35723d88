mod differential;

use proptest::prelude::*;
use serde_json::Value;

use std::ops::Range;

use super::*;

struct Ignoring;

impl Reader<'_> for Ignoring {}

fn strict(body: &[u8]) -> Result<Shape, Refused> {
    read_strict(body, &mut Ignoring)
}

#[track_caller]
fn check(body: &str, expect: Result<Shape, Refused>) {
    assert_eq!(strict(body.as_bytes()), expect, "{body}");
}

fn syntax(column: usize) -> Result<Shape, Refused> {
    Err(Refused::Syntax { line: 1, column })
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn shapes() {
    check("null", Ok(Shape::Null));
    check(" true\n", Ok(Shape::Bool(true)));
    check("5", Ok(Shape::Unsigned(5)));
    check("-5", Ok(Shape::Negative(-5)));
    check("1e2", Ok(Shape::Float(100.0)));
    check("18446744073709551616", Ok(Shape::Float(18_446_744_073_709_551_616.0)));
    check("\"\\u00e9\\ud83d\\ude00\"", Ok(Shape::Text { bytes: 6 }));
    check("[1,[2,3]]", Ok(Shape::Array { items: 2 }));
    check("{\"a\":{\"b\":1},\"c\":2}", Ok(Shape::Object { members: 2 }));
}

#[test]
fn grammar() {
    for body in [
        "",
        " ",
        "nul",
        "[1,]",
        "{\"a\":1,}",
        "{'a':1}",
        "// x\n1",
        "\"a\u{1}\"",
        "\"\\x41\"",
        "01",
        "+1",
        ".5",
    ] {
        assert!(matches!(strict(body.as_bytes()), Err(Refused::Syntax { .. })), "{body}");
    }
    check("{\"a\":1}x", syntax(8));
    check("{\"a\":1}{\"a\":1}", syntax(8));
    check("1e999999999", syntax(11));
    check("\u{feff}{}", syntax(1));
    assert_eq!(strict(b"\"\xff\""), Err(Refused::NotUtf8));
}

#[test]
fn lone_surrogates_are_refused_even_where_nobody_reads() {
    for text in ["\\ud800", "\\ud800a", "\\ud800\\n", "\\udc00", "\\ud800\\ud800"] {
        let body = format!("{{\"a\":[\"{text}\"]}}");
        assert!(matches!(strict(body.as_bytes()), Err(Refused::Syntax { .. })), "{text}");
    }
}

#[test]
fn sixty_four_levels_and_no_more() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let levels = open.matches(['[', '{']).count();
        assert!(strict(nested(open, close, 64 / levels).as_bytes()).is_ok());
        assert_eq!(strict(nested(open, close, 64 / levels + 1).as_bytes()), Err(Refused::TooDeep));
    }
    assert_eq!(strict("[".repeat(1_000_000).as_bytes()), Err(Refused::TooDeep));
}

#[test]
fn duplicates_are_found_at_every_depth_and_however_written() {
    let duplicate = |column| Err(Refused::Duplicate { line: 1, column });
    check("{\"a\":1,\"a\":1}", duplicate(10));
    check("{\"a\":1,\"\\u0061\":2}", duplicate(15));
    check("[[{\"x\":{\"b\":1,\"b\":2}}]]", duplicate(17));
    check("{\"a\":1,\"A\":2,\"a \":3}", Ok(Shape::Object { members: 3 }));
    for members in [1, 15, 16, 17, 100] {
        let names: Vec<String> = (0..members).map(|number| format!("\"m{number}\":{number}")).collect();
        let all = names.join(",");
        assert_eq!(strict(format!("{{{all}}}").as_bytes()), Ok(Shape::Object { members }));
        for again in [0, members / 2, members - 1] {
            let body = format!("{{{all},\"m{again}\":0}}");
            assert!(
                matches!(strict(body.as_bytes()), Err(Refused::Duplicate { .. })),
                "{again} of {members}"
            );
        }
    }
}

#[test]
fn open_reading_forgives_what_strict_reading_refuses() {
    let read = |text: &str| read_open(text.as_bytes(), &mut Ignoring);
    assert_eq!(read("{\"a\":1,\"a\":2}"), Ok(Shape::Object { members: 2 }));
    assert_eq!(read(&format!("{{\"a\":{}}}", nested("[", "]", 100))), Ok(Shape::Object { members: 1 }));
    assert_eq!(read("{} x"), Err(NotJson));
    assert_eq!(read("{bad}"), Err(NotJson));
    assert_eq!(read(&"[".repeat(1_000_000)), Err(NotJson));
}

/// Reads the spans of the members called `here`, at any depth.
#[derive(Default)]
struct Spans(Vec<(Shape, Range<usize>)>);

impl<'de> Reader<'de> for Spans {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name == "here" {
            let mut inner = Spans::default();
            let found = at.spanned(object, &mut inner)?;
            self.0.push(found);
            self.0.append(&mut inner.0);
            return Ok(());
        }
        at.value(object, self).map(|_| ())
    }
}

#[test]
fn spans_are_those_of_the_whole_text() {
    let body = "{ \"a\" : {\"here\" :  {\"here\":\"x\\n\"} } , \"here\":[1 , 2] }";
    let mut spans = Spans::default();
    read_strict(body.as_bytes(), &mut spans).unwrap();
    let texts: Vec<&str> = spans.0.iter().map(|(_, span)| &body[span.clone()]).collect();
    assert_eq!(texts, ["{\"here\":\"x\\n\"}", "\"x\\n\"", "[1 , 2]"]);
    assert_eq!(spans.0[1].0, Shape::Text { bytes: 2 });
}

#[test]
fn the_rules_hold_within_spans() {
    let refused = |body: &str| read_strict(body.as_bytes(), &mut Spans::default()).unwrap_err();
    assert!(matches!(refused("{\"here\":{\"a\":1,\"a\":2}}"), Refused::Duplicate { .. }));
    assert!(matches!(refused("{\"here\":\"\\ud800\"}"), Refused::Syntax { .. }));
    assert!(matches!(refused("{\"here\":[1e999]}"), Refused::Syntax { .. }));
    assert_eq!(refused(&format!("{{\"here\":{}}}", nested("[", "]", 64))), Refused::TooDeep);
    assert!(
        read_strict(format!("{{\"here\":{}}}", nested("[", "]", 63)).as_bytes(), &mut Spans::default())
            .is_ok()
    );
}

/// Any JSON value whose objects have distinct names.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 24, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..24)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Puts a second member of the same name into each object in turn and gives the texts.
fn with_a_duplicate(value: &Value) -> Vec<String> {
    let text = value.to_string();
    let mut out = Vec::new();
    if let Value::Object(members) = value {
        if let Some(name) = members.keys().next() {
            let name = Value::from(name.as_str()).to_string();
            out.push(format!("{},{name}:null}}", text.strip_suffix('}').unwrap()));
        }
        for (name, inner) in members {
            let name = Value::from(name.as_str()).to_string();
            out.extend(with_a_duplicate(inner).into_iter().map(|inner| format!("{{{name}:{inner}}}")));
        }
    }
    if let Value::Array(items) = value {
        out.extend(items.iter().flat_map(with_a_duplicate).map(|inner| format!("[{inner}]")));
    }
    out
}

proptest! {
    #[test]
    fn good_json_is_taken_and_its_duplicates_are_refused(value in value()) {
        prop_assert!(strict(value.to_string().as_bytes()).is_ok());
        for text in with_a_duplicate(&value) {
            prop_assert!(matches!(strict(text.as_bytes()), Err(Refused::Duplicate { .. })), "{text}");
        }
    }

    #[test]
    fn any_bytes_end_in_an_answer_and_what_is_taken_is_json(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if strict(&body).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
        }
        let open = read_open(&body, &mut Ignoring).is_ok();
        prop_assert!(open || serde_json::from_slice::<Value>(&body).is_err());
    }

    #[test]
    fn written_text_reads_back(text in any::<String>()) {
        let mut out = Vec::new();
        push_text(&mut out, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }
}
