//! Segments that leave the disk before they are full.

use live::outbox::{Position, Reader, Settings};

use crate::calls::{copy_of, drain, eventually, open, segments, settle, small};
use crate::outbox::{complete, start};

#[test]
fn what_is_posted_leaves_the_disk_once_a_new_segment_is_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = start(dir.path(), Settings { lanes: 2, ..small() });
    open(&outbox, 1);
    settle(&outbox, 1);
    open(&outbox, 2);
    let holds = |word: &str| {
        let mut files = segments(dir.path()).into_iter();
        files.any(|name| {
            let bytes = std::fs::read(dir.path().join(name)).unwrap_or_default();
            bytes.windows(word.len()).any(|window| window == word.as_bytes())
        })
    };
    let positions: Vec<Position> = drain(&mut reader).1.into_values().collect();
    reader.confirm(&positions).unwrap();
    assert!(holds("request-1"), "a posted record stays where it is");
    // There may be no spare segment yet to begin.
    let until = |what: &str, reader: &mut Reader, gone: &dyn Fn() -> bool| {
        eventually(what, || {
            outbox.begin_anew();
            assert!(reader.try_next(9).unwrap().is_none());
            gone()
        });
    };
    until("beginning anew", &mut reader, &|| segments(dir.path()).len() > 4);
    assert!(holds("request-2"), "an open call holds its segment");
    settle(&outbox, 2);
    let positions: Vec<Position> = drain(&mut reader).1.into_values().collect();
    reader.confirm(&positions).unwrap();
    until("removing what is posted", &mut reader, &|| !holds("request-1"));
    until("removing the rest", &mut reader, &|| !holds("request-"));
    assert_eq!(outbox.backlog(), 0);
    settle(&outbox, 3);
    let copy = copy_of(dir.path());
    let (_outbox, mut reader) = start(copy.path(), Settings { lanes: 2, confirmed: positions, ..small() });
    assert_eq!(drain(&mut reader).0, complete([3]), "a run goes on behind segments that are gone");
}

#[test]
fn nothing_new_is_begun_while_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, _reader) = start(dir.path(), small());
    eventually("the spare segment", || segments(dir.path()).len() == 2);
    let before = segments(dir.path());
    outbox.begin_anew();
    assert_eq!(segments(dir.path()), before);
}
