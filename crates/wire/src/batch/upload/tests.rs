use proptest::prelude::*;

use super::*;

fn boundary() -> Boundary {
    Boundary::of("multipart/form-data; boundary=xX").unwrap()
}

/// A form of these parts, as (the rest of the head after `form-data; `, value).
fn form(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (head, value) in parts {
        body += &format!("--xX\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    }
    body + "--xX--\r\n"
}

const PURPOSE: (&str, &str) = ("name=\"purpose\"", "batch");
const FILE: (&str, &str) =
    ("name=\"file\"; filename=\"a b.jsonl\"\r\nContent-Type: application/jsonl", "{}\r\n{}\n");
const ANCHOR: (&str, &str) = ("name=\"expires_after[anchor]\"", "created_at");
const SECONDS: (&str, &str) = ("name=\"expires_after[seconds]\"", "3600");

#[track_caller]
fn check_refused(parts: &[(&str, &str)], message: &str) {
    let body = form(parts);
    assert_eq!(read(&boundary(), body.as_bytes()).unwrap_err().to_string(), message, "{body}");
}

#[test]
fn the_file_is_found_in_its_form() {
    for parts in [vec![PURPOSE, FILE], vec![FILE, PURPOSE], vec![ANCHOR, FILE, SECONDS, PURPOSE]] {
        let body = form(&parts);
        let upload = read(&boundary(), body.as_bytes()).unwrap();
        assert_eq!((upload.purpose.as_str(), upload.filename.as_str()), ("batch", "a b.jsonl"));
        assert_eq!(&body[upload.content.clone()], FILE.1);
        assert_eq!(upload.rewrite(body.as_bytes(), FILE.1.as_bytes()).unwrap(), body.as_bytes());
        let expect = body.replacen(FILE.1, "other", 1);
        assert_eq!(upload.rewrite(body.as_bytes(), b"other").unwrap(), expect.as_bytes());
    }
}

#[test]
fn a_length_that_is_told_stays_true() {
    let head = "name=\"file\"; filename=\"a\"\r\ncontent-length:  3 \r\nContent-Type: text/plain";
    let body = form(&[PURPOSE, (head, "abc")]);
    let upload = read(&boundary(), body.as_bytes()).unwrap();
    let longer = upload.rewrite(body.as_bytes(), b"abcdefghijkl").unwrap();
    let expect = body.replacen(":  3 ", ":  12 ", 1).replacen("abc", "abcdefghijkl", 1);
    assert_eq!(longer, expect.as_bytes());
    assert_eq!(&longer[read(&boundary(), &longer).unwrap().content], b"abcdefghijkl");
}

#[test]
fn a_content_that_would_leave_its_part_is_not_written() {
    let body = form(&[PURPOSE, FILE]);
    let upload = read(&boundary(), body.as_bytes()).unwrap();
    let check = |content: &str, expect: bool| {
        assert_eq!(upload.rewrite(body.as_bytes(), content.as_bytes()).is_some(), expect, "{content}");
    };
    check("", true);
    check("a--xX", true);
    check("--xX", false);
    check("a\r\n--xX--\r\n", false);
    check("a\n--xX", false);
}

#[test]
fn forms_of_another_kind_are_refused() {
    check_refused(&[FILE], "purpose is required");
    check_refused(&[PURPOSE], "file is required");
    check_refused(&[PURPOSE, ("name=\"file\"", "{}")], "file must be a file");
    check_refused(
        &[PURPOSE, ("name=\"file\"; filename=\"\"", "{}")],
        "file must have a name of 1 to 512 bytes",
    );
    check_refused(&[PURPOSE, PURPOSE, FILE], "purpose must be there only once");
    check_refused(&[PURPOSE, FILE, FILE], "file must be there only once");
    check_refused(&[("name=\"purpose\"; filename=\"p\"", "batch"), FILE], "purpose must not be a file");
    for purpose in ["", "Batch", "batch\r\n", &"a".repeat(65)] {
        check_refused(&[("name=\"purpose\"", purpose), FILE], "purpose must be a word of small letters");
    }
    check_refused(
        &[PURPOSE, FILE, ("name=\"model\"", "m")],
        "file can only go with purpose and expires_after",
    );
    let other = ("name=\"expires_after\"", "{}");
    check_refused(&[PURPOSE, FILE, other], "expires_after can have an anchor and seconds only");
    check_refused(&[PURPOSE, FILE, ANCHOR], "expires_after must have an anchor and seconds");
    check_refused(&[PURPOSE, FILE, SECONDS], "expires_after must have an anchor and seconds");
    let late = ("name=\"expires_after[anchor]\"", "last_active_at");
    check_refused(&[PURPOSE, FILE, late, SECONDS], "expires_after[anchor] must be created_at");
    for seconds in ["", "3599", "2592001", "1e4", "-1"] {
        let bad = ("name=\"expires_after[seconds]\"", seconds);
        let message = "expires_after[seconds] must be an integer from 3600 to 2592000";
        check_refused(&[PURPOSE, FILE, ANCHOR, bad], message);
    }
    assert!(read(&boundary(), b"--xX--").is_err() && read(&boundary(), b"").is_err());
}

proptest! {
    #[test]
    fn a_rewritten_form_holds_the_content(from in "[a-z\\r\\n-]{0,24}", to in prop::collection::vec(any::<u8>(), 0..40)) {
        let body = form(&[ANCHOR, (FILE.0, &from), SECONDS, PURPOSE]);
        let upload = read(&boundary(), body.as_bytes()).unwrap();
        prop_assert_eq!(&body[upload.content.clone()], &from);
        let changed = upload.rewrite(body.as_bytes(), &to).unwrap();
        let again = read(&boundary(), &changed).unwrap();
        prop_assert_eq!(&changed[again.content.clone()], &to);
        prop_assert_eq!(&changed[..again.content.start], &body.as_bytes()[..upload.content.start]);
        prop_assert_eq!(&changed[again.content.end..], &body.as_bytes()[upload.content.end..]);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&boundary(), &bytes);
    }
}
