//! Comma-separated values as RFC 4180 has them, and PostgreSQL's way to write a list into one of them.

/// A file that breaks the grammar.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Malformed {
    /// A quoted value that does not end.
    #[error("a quote is not closed")]
    Unclosed,
    /// Something between the end of a quoted value and the next comma.
    #[error("line {0}: text after a closing quote")]
    AfterQuote(usize),
    /// A record with more or fewer values than the first one.
    #[error("record {0} has another number of values than the first line")]
    Uneven(usize),
}

/// The records of a file, the first of which names the columns.
pub(super) fn records(text: &str) -> Result<Vec<Vec<String>>, Malformed> {
    let (mut records, mut record) = (vec![], vec![]);
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = until_quote(quoted)?;
                line += value.matches('\n').count();
                (value, after)
            }
            None => {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                (rest[..end].trim_end_matches('\r').to_owned(), &rest[end..])
            }
        };
        record.push(value);
        let after = after.strip_prefix('\r').unwrap_or(after);
        rest = match after.chars().next() {
            Some(',') if after.len() > 1 => &after[1..],
            // A comma at the very end: one more value, which is empty.
            Some(',') => {
                record.push(String::new());
                ""
            }
            Some('\n') => &after[1..],
            None => "",
            Some(_) => return Err(Malformed::AfterQuote(line)),
        };
        if !after.starts_with(',') || rest.is_empty() {
            line += 1;
            let ended = std::mem::take(&mut record);
            // An empty line is no record.
            if ended.iter().any(|value| !value.is_empty()) {
                records.push(ended);
            }
        } else if rest.starts_with('\n') || rest.starts_with("\r\n") {
            // The last value of this line is empty.
            continue;
        }
    }
    let columns = records.first().map_or(0, Vec::len);
    match records.iter().position(|record| record.len() != columns) {
        Some(index) => Err(Malformed::Uneven(index + 1)),
        None => Ok(records),
    }
}

/// A quoted value, whose quotes are doubled, and what follows it.
fn until_quote(text: &str) -> Result<(String, &str), Malformed> {
    let (mut value, mut rest) = (String::new(), text);
    loop {
        let end = rest.find('"').ok_or(Malformed::Unclosed)?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Ok((value, rest)),
        }
    }
}

/// The elements of `{one,"the other"}`; `None` when it is no such list.
pub(super) fn array(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let (mut elements, mut element, mut quoted, mut seen) = (vec![], String::new(), false, false);
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => (quoted, seen) = (!quoted, true),
            '\\' => element.push(characters.next()?),
            ',' if !quoted => {
                elements.push(std::mem::take(&mut element));
                seen = false;
            }
            '{' | '}' if !quoted => return None,
            other => element.push(other),
        }
    }
    if quoted {
        return None;
    }
    if !inner.is_empty() && (seen || !element.is_empty() || !elements.is_empty()) {
        elements.push(element);
    }
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<&[&[&str]], Malformed>) {
        let expect = expect.map(|records| {
            records.iter().map(|record| record.iter().map(|value| (*value).to_owned()).collect()).collect()
        });
        assert_eq!(records(text), expect as Result<Vec<Vec<String>>, Malformed>, "{text:?}");
    }

    #[test]
    fn records_are_read_as_rfc_4180_has_them() {
        check("", Ok(&[]));
        check("a,b\n1,2\n", Ok(&[&["a", "b"], &["1", "2"]]));
        check("a,b\r\n1,2", Ok(&[&["a", "b"], &["1", "2"]]));
        check("a,b\n1,\n,2\n", Ok(&[&["a", "b"], &["1", ""], &["", "2"]]));
        check("a,b\n1,", Ok(&[&["a", "b"], &["1", ""]]));
        check("a,b\n\n1,2\n", Ok(&[&["a", "b"], &["1", "2"]]));
        check("a,b\n\"x,\ny\",\"he said \"\"no\"\"\"\n", Ok(&[&["a", "b"], &["x,\ny", "he said \"no\""]]));
        check("a,b\r\n\"1\",\"\"\r\n", Ok(&[&["a", "b"], &["1", ""]]));
        check("a\n\"x", Err(Malformed::Unclosed));
        check("a\n\"x\"y\n", Err(Malformed::AfterQuote(2)));
        check("a,b\n1\n", Err(Malformed::Uneven(2)));
    }

    #[test]
    fn lists_are_read_as_postgresql_writes_them() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let expect = expect.map(|list| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
            assert_eq!(array(text), expect, "{text}");
        };
        check("{}", Some(&[]));
        check("{gpt-4o}", Some(&["gpt-4o"]));
        check("{gpt-4o,openai/*}", Some(&["gpt-4o", "openai/*"]));
        check(r#"{"a b","c\"d,e",""}"#, Some(&["a b", "c\"d,e", ""]));
        check("gpt-4o", None);
        check("{\"a}", None);
        check("{{a},{b}}", None);
    }

    proptest! {
        #[test]
        fn quoted_values_read_back(values in proptest::collection::vec("[a-c\",\n]{1,6}", 1..5)) {
            let line: Vec<_> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            prop_assert_eq!(records(&line.join(",")), Ok(vec![values]));
        }

        #[test]
        fn no_text_panics(text in "[a\",\r\n{}\\\\]{0,20}") {
            let _ = (records(&text), array(&text));
        }
    }
}
