use domain::file::File;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_file_is_read_whatever_else_it_has() {
    let body = br#"{"object":"file","id":"file-1","purpose":"batch","filename":"a.jsonl","bytes":120000,
        "created_at":1677610602,"expires_at":null,"status":"processed","status_details":{"x":[1]}}"#;
    let expect = FileObject {
        id: "file-1".to_owned(),
        bytes: Some(120_000),
        filename: Some("a.jsonl".to_owned()),
        purpose: Some("batch".to_owned()),
        created_at: Some(1_677_610_602),
    };
    assert_eq!(read_file(body), Ok(expect));
    let bare = read_file(br#"{"id":"f","bytes":null,"created_at":"yesterday","filename":7}"#).unwrap();
    assert_eq!(bare, FileObject { id: "f".to_owned(), ..FileObject::default() });
}

#[test]
fn what_has_no_usable_name_is_no_object() {
    for body in
        ["{}", "[]", "<html>", "", r#"{"id":7}"#, r#"{"id":""}"#, r#"{"id":"../x"}"#, r#"{"error":{}}"#]
    {
        assert_eq!(read_file(body.as_bytes()), Err(NotTheObject), "{body}");
        assert_eq!(read_batch(body.as_bytes()), Err(NotTheObject), "{body}");
        assert_eq!(read_batches(body.as_bytes()), Err(NotTheObject), "{body}");
    }
    for member in ["input_file_id", "output_file_id", "error_file_id"] {
        let body = format!(r#"{{"id":"b","{member}":"a/b"}}"#);
        assert_eq!(read_batch(body.as_bytes()), Err(NotTheObject), "{body}");
    }
}

fn batch(id: &str) -> BatchObject {
    BatchObject {
        id: id.to_owned(),
        status: Status::Other,
        input_file: None,
        output_file: None,
        error_file: None,
        created_at: None,
        usage: None,
    }
}

#[test]
fn a_batch_is_read_whatever_else_it_has() {
    let body = br#"{"id":"batch_1","object":"batch","endpoint":"/v1/chat/completions","errors":null,
        "input_file_id":"file-1","completion_window":"24h","status":"completed","output_file_id":"file-2",
        "error_file_id":"","created_at":1711471533,"in_progress_at":1711471538,
        "request_counts":{"total":100,"completed":95,"failed":5},"metadata":{"id":"note"},
        "usage":{"input_tokens":50,"input_tokens_details":{"cached_tokens":20},"output_tokens":30,
        "output_tokens_details":{"reasoning_tokens":10},"total_tokens":80}}"#;
    let used = Tokens { input: 30, cache_read: 20, output: 20, reasoning: 10, ..Tokens::default() };
    let expect = BatchObject {
        status: Status::Completed,
        input_file: Some("file-1".to_owned()),
        output_file: Some("file-2".to_owned()),
        created_at: Some(1_711_471_533),
        usage: Some(used),
        ..batch("batch_1")
    };
    assert_eq!(read_batch(body), Ok(expect));
    assert_eq!(read_batch(br#"{"id":"b"}"#), Ok(batch("b")));
    assert_eq!(read_batch(br#"{"id":"b","output_file_id":null,"usage":null,"status":null}"#), Ok(batch("b")));
}

#[test]
fn every_status_is_known_by_its_word() {
    let check = |word: &str, status: Status, is_final: bool| {
        let read = read_batch(format!(r#"{{"id":"b","status":"{word}"}}"#).as_bytes()).unwrap();
        assert_eq!((read.status, read.status.is_final()), (status, is_final), "{word}");
    };
    check("validating", Status::Validating, false);
    check("failed", Status::Failed, true);
    check("in_progress", Status::InProgress, false);
    check("finalizing", Status::Finalizing, false);
    check("completed", Status::Completed, true);
    check("COMPLETED", Status::Completed, true);
    check("expired", Status::Expired, true);
    check("cancelling", Status::Cancelling, false);
    check("cancelled", Status::Cancelled, true);
    check("paused", Status::Other, false);
}

#[test]
fn a_list_is_read_without_what_is_no_batch() {
    let body = br#"{"object":"list","data":[{"id":"b1","status":"failed"},7,{"id":"a/b"},{"id":"b2"}],
        "first_id":"b1","last_id":"b2","has_more":true}"#;
    let expect = BatchList {
        batches: vec![BatchObject { status: Status::Failed, ..batch("b1") }, batch("b2")],
        has_more: true,
        last_id: Some("b2".to_owned()),
    };
    assert_eq!(read_batches(body), Ok(expect));
    assert_eq!(read_batches(br#"{"data":[],"last_id":null}"#), Ok(BatchList::default()));
}

fn file(name: &str) -> File {
    let id = "00000000-0000-7000-8000-000000000000";
    serde_json::from_value(json!({
        "org": id, "project": id, "key": id, "connection": id, "name": name, "filename": "a \"b\".pdf",
        "purpose": "user_data", "bytes": 7, "at": 1_700_000_000_999_999_i64, "content": "opaque",
    }))
    .unwrap()
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[test]
fn what_is_written_is_what_clients_read() {
    let one = json!({"id": "f1", "object": "file", "bytes": 7, "created_at": 1_700_000_000,
        "filename": "a \"b\".pdf", "purpose": "user_data", "status": "processed"});
    assert_eq!(parsed(&write_file(&file("f1"))), one);
    assert_eq!(parsed(&write_removed("f\"1")), json!({"id": "f\"1", "object": "file", "deleted": true}));
    let mut other = one.clone();
    other["id"] = "f2".into();
    assert_eq!(
        parsed(&write_files(&[file("f1"), file("f2")], Page::MoreFollows)),
        json!({"object": "list", "data": [one, other], "first_id": "f1", "last_id": "f2", "has_more": true})
    );
    let empty = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false});
    assert_eq!(parsed(&write_files(&[], Page::Last)), empty);
    assert_eq!(parsed(&write_batches(&[], Page::Last)), empty);
    let batches: [(&str, &[u8]); 2] = [("b1", br#"{"id":"b1","n":1.50}"#), ("b2", br#"{"id":"b2"}"#)];
    let expect = r#"{"object":"list","data":[{"id":"b1","n":1.50},{"id":"b2"}],"first_id":"b1","last_id":"b2","has_more":false}"#;
    assert_eq!(write_batches(&batches, Page::Last), expect.as_bytes());
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_names_are_names(body in prop::collection::vec(any::<u8>(), 0..200), id in any::<String>()) {
        let _ = (read_file(&body), read_batch(&body), read_batches(&body));
        let object = json!({ "id": id }).to_string();
        prop_assert_eq!(read_file(object.as_bytes()).is_ok(), is_name(&id));
    }
}
