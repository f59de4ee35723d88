//! What is no conversation: whatever comes is read or refused; a form that is sent on reads back the same but for the model;
//! however a stream is cut, the same comes out. The first byte chooses the endpoint, the second what the rest is.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use domain::usage::Surface;
use fuzz::allowance;
use fuzz::script::Script;
use libfuzzer_sys::fuzz_target;
use wire::flow::Flow;
use wire::surfaces::{self, Boundary};

/// Memory that a piece of work may take beside what is in proportion to its input.
const BYTES_AT_LEAST: usize = 256 << 10;
/// Times the input: a body is read, rewritten and read again.
const TIMES: usize = 64;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let surface = Surface::ALL[usize::from(script.byte()) % Surface::ALL.len()];
    let choice = script.byte() % 4;
    let cut = usize::from(script.byte()).max(1);
    let rest = script.rest();
    allowance::within(BYTES_AT_LEAST + TIMES * input.len(), || match choice {
        0 => {
            if let Ok(asked) = surfaces::read(surface, rest) {
                assert!(asked.request.input_bytes <= rest.len().saturating_mul(4_096));
            }
        }
        1 => {
            let _ = surfaces::read_answer(surface, rest);
            let _ = Boundary::of(&String::from_utf8_lossy(rest));
        }
        2 => form(surface, rest),
        _ => assert_eq!(stream(surface, rest, cut), stream(surface, rest, rest.len().max(1))),
    });
});

fn form(surface: Surface, body: &[u8]) {
    let boundary = Boundary::of("multipart/form-data; boundary=x").expect("a boundary");
    let Ok(form) = surfaces::read_form(surface, &boundary, body) else { return };
    let same = form.rewrite(body, &form.asked.request.model).expect("a model that was read");
    assert_eq!(same, body);
    let other = form.rewrite(body, "other").expect("a plain name");
    let again = surfaces::read_form(surface, &boundary, &other).expect("a form with another model");
    assert_eq!(again.asked.request.model, "other");
    assert_eq!(again.asked.units, form.asked.units);
}

/// What passes of the stream when it comes in pieces of so many bytes, but for the line feed of the very last line end.
fn stream(surface: Surface, body: &[u8], cut: usize) -> (Vec<u8>, u64, bool) {
    let (mut flow, mut out) = (Flow::of_events(surface), VecDeque::new());
    let mut broken = false;
    for piece in body.chunks(cut) {
        broken |= flow.feed(Bytes::copy_from_slice(piece), &mut out).is_err();
    }
    let mut passed: Vec<u8> = out.into_iter().flatten().collect();
    while passed.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        passed.pop();
    }
    (passed, flow.events(), broken)
}
