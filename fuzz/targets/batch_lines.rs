//! Files and batches: whatever comes is read or refused; a file of requests that is sent on says the same but for the model,
//! line by line; a form with a file holds what it is given; results add up to the same however they are cut. The first byte
//! chooses what the rest is, the second the endpoint.

#![no_main]

use domain::usage::Surface;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::batch::results::{Reader, Results};
use wire::batch::{create, is_name, object, requests, upload};
use wire::surfaces::Boundary;

/// Memory that a piece of work may take beside what is in proportion to its input.
const BYTES_AT_LEAST: usize = 256 << 10;
/// Times the input: a file is read, rewritten and read again.
const TIMES: usize = 128;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let choice = script.byte() % 5;
    let surface = Surface::ALL[usize::from(script.byte()) % Surface::ALL.len()];
    let cuts: Vec<usize> = (0..script.byte() & 7).map(|_| script.number()).collect();
    let rest = script.rest();
    allowance::within(BYTES_AT_LEAST + TIMES * input.len(), || match choice {
        0 => lines(rest),
        1 => assert_eq!(results(surface, rest, &cuts), results(surface, rest, &[])),
        2 => form(rest),
        3 => objects(rest),
        _ => {
            if let Ok(asked) = create::read(rest) {
                assert!(is_name(&asked.input_file));
            }
        }
    });
});

fn lines(file: &[u8]) {
    let Ok(lines) = requests::read(file) else { return };
    let changed = lines.rewrite(file, "an/other \"model\"");
    let again = requests::read(&changed).expect("a file with another model");
    assert_eq!(again.model, "an/other \"model\"");
    assert_eq!(
        (again.surface, again.count, again.input_bytes),
        (lines.surface, lines.count, lines.input_bytes)
    );
    assert_eq!(again.references, lines.references);
    assert_eq!(again.rewrite(&changed, &lines.model).len(), lines.rewrite(file, &lines.model).len());
    let pairs = file.split(|&byte| byte == b'\n').zip(changed.split(|&byte| byte == b'\n'));
    for (before, after) in pairs.take(usize::try_from(lines.count).expect("a count")) {
        let (mut before, mut after) = (value(before), value(after));
        assert_eq!(before["body"]["model"].take(), lines.model.as_str());
        assert_eq!(after["body"]["model"].take(), again.model.as_str());
        assert!(before == after, "something else was touched");
    }
}

fn value(line: &[u8]) -> Value {
    serde_json::from_slice(line).expect("JSON")
}

fn results(surface: Surface, file: &[u8], cuts: &[usize]) -> Results {
    let (mut reader, mut rest) = (Reader::new(surface), file);
    for &cut in cuts {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        reader.feed(piece);
        rest = after;
    }
    reader.feed(rest);
    let results = reader.finish();
    let lines = file.split(|&byte| byte == b'\n').count();
    assert!(results.answered + results.failed + results.unreadable <= u64::try_from(lines).expect("a count"));
    assert!(results.uncounted <= results.answered);
    results
}

fn form(body: &[u8]) {
    let boundary = Boundary::of("multipart/form-data; boundary=x").expect("a boundary");
    let Ok(form) = upload::read(&boundary, body) else { return };
    let content = &body[form.content.clone()];
    if let Some(same) = form.rewrite(body, content) {
        let again = upload::read(&boundary, &same).expect("a form that was written");
        assert_eq!(&same[again.content.clone()], content);
    }
    let other = form.rewrite(body, b"{}\r\n--y").expect("a content without the boundary");
    let again = upload::read(&boundary, &other).expect("a form with another content");
    assert_eq!(&other[again.content.clone()], b"{}\r\n--y");
    assert_eq!((again.purpose, again.filename), (form.purpose, form.filename));
}

fn objects(body: &[u8]) {
    if let Ok(file) = object::read_file(body) {
        assert!(is_name(&file.id));
    }
    if let Ok(batch) = object::read_batch(body) {
        let names = [batch.input_file, batch.output_file, batch.error_file];
        assert!(names.iter().flatten().all(|name| is_name(name)) && is_name(&batch.id));
    }
    if let Ok(list) = object::read_batches(body) {
        assert!(list.batches.iter().all(|batch| is_name(&batch.id)));
    }
}
