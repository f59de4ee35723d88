use super::*;

const GOOD: &str = r#"{"input_file_id":"file-1","endpoint":"/v1/embeddings","completion_window":"24h"}"#;

/// The good body with one more member.
fn with(member: &str) -> String {
    GOOD.replace('}', &format!(",{member}}}"))
}

#[test]
fn what_is_asked_for_is_read() {
    let expect = Create { input_file: "file-1".to_owned(), surface: Surface::Embeddings };
    for body in [
        GOOD.to_owned(),
        GOOD.replace("24h", "7d"),
        with(r#""metadata":null"#),
        with(r#""metadata":{"a":"b"}"#),
        with(r#""output_expires_after":null"#),
        with(r#""output_expires_after":{"seconds":3600,"anchor":"created_at"}"#),
    ] {
        assert_eq!(read(body.as_bytes()).unwrap(), expect, "{body}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let check = |body: &str, field: Option<&str>| {
        assert_eq!(read(body.as_bytes()).unwrap_err().field(), field, "{body}");
    };
    check("[]", None);
    check(&GOOD.replace("endpoint", "input_file_id"), None);
    check(&GOOD.replace(r#""input_file_id":"file-1","#, ""), Some("input_file_id"));
    for id in [r#""""#, r#""a/../b""#, "7", "null", r#""a b""#] {
        check(&GOOD.replace(r#""file-1""#, id), Some("input_file_id"));
    }
    check(&GOOD.replace(r#""endpoint":"/v1/embeddings","#, ""), Some("endpoint"));
    for path in [r#""/v1/images/generations""#, r#""v1/embeddings""#, "7"] {
        check(&GOOD.replace(r#""/v1/embeddings""#, path), Some("endpoint"));
    }
    check(&GOOD.replace(r#","completion_window":"24h""#, ""), Some("completion_window"));
    for window in ["", "h", "24", "24 h", "99999999h", "-1h"] {
        check(&GOOD.replace("24h", window), Some("completion_window"));
    }
    check(&with(r#""metadata":[]"#), Some("metadata"));
    check(&with(r#""metadata":{"a":1}"#), Some("metadata"));
    check(&with(&format!(r#""metadata":{{"{}":"x"}}"#, "a".repeat(65))), Some("metadata"));
    let many: Vec<String> = (0..17).map(|number| format!(r#""{number}":"x""#)).collect();
    check(&with(&format!(r#""metadata":{{{}}}"#, many.join(","))), Some("metadata"));
    check(&with(r#""output_expires_after":{}"#), Some("output_expires_after"));
    check(&with(r#""output_expires_after":{"anchor":"created_at"}"#), Some("output_expires_after"));
    check(&with(r#""output_expires_after":{"x":1}"#), Some("output_expires_after"));
    check(
        &with(r#""output_expires_after":{"anchor":"x","seconds":3600}"#),
        Some("output_expires_after.anchor"),
    );
    check(&with(r#""output_expires_after":{"seconds":9}"#), Some("output_expires_after.seconds"));
    check(&with(r#""input_files":["a"]"#), Some("body"));
}
