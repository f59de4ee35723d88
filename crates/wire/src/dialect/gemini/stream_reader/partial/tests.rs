//! Arguments leaf by leaf.

use super::*;

fn check(leaves: &[(&str, Leaf<'_>)], expect: Result<&str, OutOfOrder>) {
    let mut partial = Partial::default();
    let mut out = Vec::new();
    let grown = leaves.iter().try_for_each(|(path, leaf)| partial.grow(path, *leaf, &mut out));
    partial.finish(&mut out);
    assert_eq!(grown.map(|()| String::from_utf8(out).unwrap()), expect.map(str::to_owned), "{leaves:?}");
}

#[test]
fn leaves_make_the_text_they_stand_for() {
    use Leaf::{Plain, Text};
    check(&[], Ok(""));
    check(
        &[("$.city", Text("Kö")), ("$.city", Text("ln\n\"")), ("$.days", Plain("2"))],
        Ok(r#"{"city":"Köln\n\"","days":2}"#),
    );
    check(
        &[
            ("$.places[0].name", Text("a")),
            ("$.places[0].open", Plain("true")),
            ("$.places[1].name", Text("b")),
            ("$.note", Plain("null")),
        ],
        Ok(r#"{"places":[{"name":"a","open":true},{"name":"b"}],"note":null}"#),
    );
    check(&[("$.grid[0][1]", Plain("1")), ("$.grid[1][0]", Plain("2"))], Ok(r#"{"grid":[[null,1],[2]]}"#));
    check(&[("$['a.b']", Plain("1")), ("$[\"it's\"].x", Plain("2"))], Ok(r#"{"a.b":1,"it's":{"x":2}}"#));
    check(&[("$.a.b.c", Text("")), ("$.a.d", Text("x"))], Ok(r#"{"a":{"b":{"c":""},"d":"x"}}"#));
}

#[test]
fn what_leads_back_or_nowhere_is_refused() {
    let leaf = Leaf::Plain("1");
    for paths in [
        &["$.a.b", "$.c", "$.a.d"][..],
        &["$.a", "$.a"],
        &["$.a[1]", "$.a[0]"],
        &["$.a[0]", "$.a.b"],
        &["$[0]"],
        &["$"],
        &["a"],
        &["$..a"],
        &["$.a[9999]"],
        &["$.a[x]"],
        &["$['a"],
    ] {
        let leaves: Vec<_> = paths.iter().map(|path| (*path, leaf)).collect();
        check(&leaves, Err(OutOfOrder));
    }
    let deep = format!("${}", ".a".repeat(MOST_LEVELS));
    check(&[(&deep, leaf)], Err(OutOfOrder));
    let long = format!("$.{}", "a".repeat(MOST_NAME_BYTES + 1));
    check(&[(&long, leaf)], Err(OutOfOrder));
}
