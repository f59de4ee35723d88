//! Requests, forms, answers and streams of what is no conversation.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::price::{Tokens, Units};
use proptest::prelude::*;

use super::*;
use crate::catalog::StreamUsage;
use crate::tap::{Ending, State};

const ALL: [Surface; 4] = [Surface::Moderations, Surface::Images, Surface::Speech, Surface::Rerank];

#[track_caller]
fn asks(surface: Surface, body: &str, stream: bool, units: Units) {
    let asked = read(surface, body.as_bytes()).unwrap();
    assert_eq!(
        (asked.request.model.as_str(), asked.request.stream, asked.units),
        ("m", stream, units),
        "{body}"
    );
    let body = Bytes::from(body.to_owned());
    let changed = asked.request.rewrite(&body, "up/stream", StreamUsage::OnRequest);
    let expect = String::from_utf8(body.to_vec()).unwrap().replace(r#""m""#, r#""up/stream""#);
    assert_eq!(changed, expect.as_bytes());
}

#[test]
fn requests_say_what_they_ask_for() {
    let none = Units::default();
    asks(Surface::Moderations, r#"{"model": "m", "input": "text", "other": {"a": [1]}}"#, false, none);
    asks(Surface::Moderations, r#"{"input": [{"type":"text","text":"t"}], "model":"m"}"#, false, none);
    let pictures = |pictures| Units { pictures, ..none };
    asks(Surface::Images, r#"{"model":"m","prompt":"p"}"#, false, pictures(1));
    asks(Surface::Images, r#"{"model":"m","prompt":"p","n":4,"size":"1024x1024"}"#, false, pictures(4));
    asks(Surface::Images, r#"{"model":"m","prompt":"p","n":null,"stream":true}"#, true, pictures(1));
    let characters = |characters| Units { characters, ..none };
    asks(Surface::Speech, r#"{"model":"m","input":"Grüße 🙂","voice":"alloy"}"#, false, characters(7));
    asks(Surface::Speech, r#"{"model":"m","input":"a","stream_format":"sse"}"#, true, characters(1));
    asks(Surface::Speech, r#"{"model":"m","input":"a","stream_format":"audio"}"#, false, characters(1));
    let searches = |searches| Units { searches, ..none };
    asks(Surface::Rerank, r#"{"model":"m","query":"q","documents":["a",{"text":"b"}]}"#, false, searches(1));
    let many = format!(r#"{{"model":"m","query":"q","documents":[{}"a"]}}"#, r#""a","#.repeat(100));
    asks(Surface::Rerank, &many, false, searches(2));
}

#[test]
fn requests_that_are_refused_name_the_member() {
    let check = |surface, body: &str, field: &str| {
        let refused = read(surface, body.as_bytes()).unwrap_err();
        assert_eq!(refused.field(), Some(field), "{body}: {refused}");
    };
    for surface in ALL {
        check(surface, r"{}", "model");
        check(surface, r#"{"model":7}"#, "model");
        assert_eq!(read(surface, b"[]").unwrap_err().field(), None);
        assert_eq!(read(surface, br#"{"model":"m","model":"m"}"#).unwrap_err().field(), None);
    }
    check(Surface::Moderations, r#"{"model":"m","input":[]}"#, "input");
    check(Surface::Images, r#"{"model":"m"}"#, "prompt");
    check(Surface::Images, r#"{"model":"m","prompt":"p","n":1000}"#, "n");
    check(Surface::Images, r#"{"model":"m","prompt":"p","n":-1}"#, "n");
    check(Surface::Images, r#"{"model":"m","prompt":"p","n":2,"stream":true}"#, "n");
    check(Surface::Speech, r#"{"model":"m","input":["a"]}"#, "input");
    check(Surface::Speech, r#"{"model":"m","input":"a","stream_format":"mp3"}"#, "stream_format");
    check(Surface::Rerank, r#"{"model":"m","query":"q"}"#, "documents");
    check(Surface::Rerank, r#"{"model":"m","query":"q","documents":[]}"#, "documents");
    check(Surface::Rerank, r#"{"model":"m","documents":["a"]}"#, "query");
}

#[test]
fn answers_say_what_was_used() {
    let none = Tokens::default();
    let check = |surface, body: &str, tokens: Option<Tokens>, units: Option<Units>| {
        let reported = read_answer(surface, body.as_bytes()).unwrap();
        assert_eq!(
            (reported.answer.error, reported.answer.tokens, reported.units),
            (None, tokens, units),
            "{body}"
        );
    };
    check(Surface::Moderations, r#"{"id":"modr-1","results":[{"flagged":false}]}"#, None, None);
    let pictures = Some(Units { pictures: 2, ..Units::default() });
    check(Surface::Images, r#"{"created":1,"data":[{"url":"u"},{"url":"v"}]}"#, None, pictures);
    check(
        Surface::ImageEdits,
        r#"{"data":[{"b64_json":"QQ=="},{}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,
           "input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
        Some(Tokens { input: 10, image: 40, output: 50, ..none }),
        pictures,
    );
    check(
        Surface::Transcriptions,
        r#"{"text":"hello","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,
           "audio_tokens":10},"output_tokens":101,"total_tokens":115}}"#,
        Some(Tokens { input: 4, audio: 10, output: 101, ..none }),
        None,
    );
    let seconds = |sound_ms| Some(Units { sound_ms, ..Units::default() });
    check(
        Surface::Transcriptions,
        r#"{"text":"","usage":{"type":"duration","seconds":3}}"#,
        None,
        seconds(3_000),
    );
    check(Surface::Transcriptions, r#"{"text":"a","duration":8.4701,"segments":[]}"#, None, seconds(8_471));
    check(Surface::Transcriptions, r#"{"text":"a","duration":"0.5"}"#, None, seconds(500));
    check(Surface::Transcriptions, r#"{"text":"a","duration":-1}"#, None, None);
    let searches = Some(Units { searches: 3, ..Units::default() });
    check(
        Surface::Rerank,
        r#"{"results":[{"index":0}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":3}}}"#,
        None,
        searches,
    );
    check(
        Surface::Rerank,
        r#"{"model":"j","usage":{"total_tokens":815},"results":[]}"#,
        Some(Tokens { input: 815, ..none }),
        None,
    );
    check(Surface::Rerank, r#"[{"index":0,"score":0.9}]"#, None, None);
    check(Surface::Images, r#"{"data":[],"usage":{"input_tokens":-1}}"#, None, Some(Units::default()));
}

#[test]
fn what_is_no_answer_is_told_apart() {
    for surface in [Surface::Moderations, Surface::Images, Surface::Transcriptions, Surface::Rerank] {
        assert!(read_answer(surface, b"{}").is_err());
        assert!(read_answer(surface, b"<html>").is_err());
        let failed = read_answer(surface, br#"{"error":{"message":"no"}}"#).unwrap();
        assert!(failed.answer.error.is_some());
    }
}

fn run(events: &mut Events, text: &str, size: usize) -> (String, Ending) {
    let (mut out, mut passed) = (VecDeque::new(), Vec::new());
    for piece in text.as_bytes().chunks(size) {
        events.feed(Bytes::copy_from_slice(piece), &mut out).unwrap();
        passed.extend(out.drain(..).flatten());
    }
    (String::from_utf8(passed).unwrap(), events.end())
}

#[test]
fn streams_pass_byte_for_byte_however_they_are_cut() {
    let speech = "data: {\"type\":\"speech.audio.delta\",\"audio\":\"QUJD\"}\n\n\
        data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":3,\"output_tokens\":9,\"total_tokens\":12}}\n\n";
    let heard = "event: transcript.text.delta\r\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"Gr\u{fc}n\"}\r\n\r\n\
        data: {\"type\":\"transcript.text.done\",\"text\":\"Gr\u{fc}n\",\"usage\":{\"type\":\"duration\",\"seconds\":2}}\r\n\r\n";
    let picture = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"QQ==\"}\n\n\
        event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"QQ==\",\"usage\":{\"total_tokens\":9,\
        \"input_tokens\":4,\"output_tokens\":5,\"input_tokens_details\":{\"text_tokens\":4,\"image_tokens\":0}}}\n\n";
    let spoken = Some(Tokens { input: 3, audio: 9, ..Tokens::default() });
    let drawn = Some(Tokens { input: 4, output: 5, ..Tokens::default() });
    for (surface, text, tokens, sound_ms) in [
        (Surface::Speech, speech, spoken, None),
        (Surface::Transcriptions, heard, None, Some(2_000)),
        (Surface::Images, picture, drawn, None),
    ] {
        for size in [1, 2, 7, text.len()] {
            let mut events = Events::new(surface);
            let (passed, ending) = run(&mut events, text, size);
            // The line feed of the very last line end says nothing any more, and may come too late.
            assert_eq!(passed.trim_end(), text.trim_end(), "{size}");
            assert!(passed.ends_with(['\r', '\n']) && ending == Ending::Done { owed: b"" }, "{size}");
            assert_eq!((events.tokens(), events.sound_ms(), events.events()), (tokens, sound_ms, 2));
        }
    }
}

#[test]
fn a_stream_without_its_last_event_has_not_ended() {
    let mut events = Events::new(Surface::Speech);
    let (_, ending) = run(&mut events, "data: {\"type\":\"speech.audio.delta\",\"audio\":\"QUJD\"}\n\n", 10);
    assert_eq!((ending, events.state()), (Ending::NoTerminal, State::Failed));
    let mut events = Events::new(Surface::Images);
    let mut out = VecDeque::new();
    let error =
        Bytes::from_static(b"event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"m\"}}\n\n");
    events.feed(error, &mut out).unwrap();
    assert!(out.is_empty() && events.state() == State::Failed && events.take_error().is_some());
}

/// A form of these parts, as (head after the colon of the disposition, value).
fn form(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (head, value) in parts {
        body += &format!("--xX\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    }
    body + "--xX--\r\n"
}

const MODEL: (&str, &str) = ("name=\"model\"", "whisper-1");
const SOUND: (&str, &str) =
    ("name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav", "RIFF\r\n--x\r\n\r\n\u{1}");

fn read_sound(body: &str) -> Result<Form, BadForm> {
    read_form(Surface::Transcriptions, &boundary(), body.as_bytes())
}

fn boundary() -> Boundary {
    Boundary::of("multipart/form-data; boundary=xX").unwrap()
}

#[test]
fn the_model_is_replaced_within_a_form() {
    let body = form(&[SOUND, MODEL, ("name=\"stream\"", "true"), ("name=\"other[]\"", "whisper-1")]);
    let read = read_sound(&body).unwrap();
    assert_eq!((read.asked.request.model.as_str(), read.asked.request.stream), ("whisper-1", true));
    let changed = read.rewrite(body.as_bytes(), "local/w").unwrap();
    assert_eq!(changed, body.replacen("\r\nwhisper-1", "\r\nlocal/w", 1).as_bytes());
    assert_eq!(read.rewrite(body.as_bytes(), "a\r\n--xX--"), None);
    let bare = body.trim_end();
    assert!(read_sound(bare).is_ok(), "the last line end may be missing");
    let edit = form(&[
        ("name=\"image[]\"; filename=\"a.png\"", "P"),
        ("name=\"image[]\"; filename=\"b.png\"", "Q"),
        MODEL,
        ("name=\"n\"", "3"),
        ("name=\"prompt\"", "a hat"),
    ]);
    let read = read_form(Surface::ImageEdits, &boundary(), edit.as_bytes()).unwrap();
    assert_eq!((read.asked.units.pictures, read.asked.request.input_bytes), (3, 5));
}

#[test]
fn forms_that_can_be_read_in_two_ways_are_refused() {
    let good = form(&[SOUND, MODEL]);
    assert!(read_sound(&good).is_ok());
    let check = |body: &str, field: Option<&str>| {
        let refused = read_sound(body).unwrap_err();
        assert_eq!(refused.field(), field, "{body}: {refused}");
    };
    check(&form(&[SOUND]), Some("model"));
    check(&form(&[MODEL]), Some("file"));
    check(&form(&[SOUND, SOUND, MODEL]), Some("file"));
    check(&form(&[SOUND, MODEL, MODEL]), Some("model"));
    check(&form(&[SOUND, ("name=\"model\"; filename=\"m\"", "whisper-1")]), Some("model"));
    check(&form(&[SOUND, ("name=\"model\"", "")]), Some("model"));
    check(&form(&[SOUND, MODEL, ("name=\"stream\"", "yes")]), Some("stream"));
    for (from, to) in [
        ("--xX\r\nContent-D", "preamble\r\n--xX\r\nContent-D"),
        ("--xX--\r\n", "--xX--\r\nmore"),
        ("--xX--\r\n", "--xX"),
        ("--xX--\r\n", ""),
        ("--xX\r\n", "--xX \r\n"),
        ("name=\"model\"", "name=\"model\"; name=\"other\""),
        ("name=\"model\"", "name*=utf-8''model"),
        ("name=\"model\"", "name=\"mod\\\"el\""),
        ("name=\"model\"", "name=\"model\"\r\nContent-Disposition: form-data; name=\"x\""),
        ("name=\"model\"", "name=\"model\"\r\nContent-Transfer-Encoding: base64"),
        ("name=\"model\"", "name=\"model\"\r\n folded"),
        ("name=\"model\"", "name=\"model\"\r\nContent-Length: 3"),
        ("name=\"model\"", "name=\"model\"\nContent-Type: text/plain"),
        ("form-data; name=\"model\"", "attachment; name=\"model\""),
    ] {
        assert!(good.contains(from), "{from}");
        check(&good.replacen(from, to, 1), None);
    }
    let sized = good.replacen("name=\"model\"", "name=\"model\"\r\nContent-Length: 9", 1);
    assert!(read_sound(&sized).is_ok());
    let long = "a".repeat(5_000);
    check(&good.replacen("a.wav", &long, 1), None);
    check(&form(&vec![MODEL; 200]), None);
}

#[test]
fn boundaries_are_read_strictly() {
    let check = |media_type: &str, expect: bool| {
        assert_eq!(Boundary::of(media_type).is_some(), expect, "{media_type}")
    };
    check("multipart/form-data; boundary=abc", true);
    check("Multipart/Form-Data; boundary=\"a:b=c\"", true);
    check("multipart/form-data; charset=utf-8; boundary=abc", true);
    check("multipart/form-data", false);
    check("multipart/form-data; boundary=", false);
    check("multipart/form-data; boundary=abc; boundary=abd", false);
    check("multipart/form-data; boundary=\"abc", false);
    check("multipart/form-data; boundary=a\u{e9}", false);
    check("multipart/mixed; boundary=abc", false);
    check(&format!("multipart/form-data; boundary={}", "a".repeat(71)), false);
    let named = Boundary::of("multipart/form-data; boundary=\"a:b\"").unwrap();
    assert_eq!(Boundary::of(&named.media_type()), Some(named));
}

#[test]
fn only_known_media_types_pass() {
    let check =
        |media_type: &str, expect: Option<Content>| assert_eq!(content(media_type), expect, "{media_type}");
    check("audio/mpeg", Some(Content::Sound("audio/mpeg")));
    check("Audio/WAV; codecs=1", Some(Content::Sound("audio/wav")));
    check("application/json; charset=utf-8", Some(Content::Json));
    check("text/plain", Some(Content::Text("text/plain; charset=utf-8")));
    check("text/event-stream", Some(Content::Events));
    check("text/html", None);
    check("image/svg+xml", None);
    check("", None);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 1usize..9) {
        for surface in Surface::ALL {
            let _ = read(surface, &bytes);
            let _ = read_answer(surface, &bytes);
            let _ = read_form(surface, &boundary(), &bytes);
            let (mut events, mut out) = (Events::new(surface), VecDeque::new());
            for piece in bytes.chunks(cut) {
                let _ = events.feed(Bytes::copy_from_slice(piece), &mut out);
            }
        }
        let _ = Boundary::of(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_form_gives_back_its_parts(
        values in proptest::collection::vec("[a-z\\r\\n-]{0,12}", 0..6), model in "[a-z]{1,8}", to in "[a-z]{1,8}"
    ) {
        let mut parts: Vec<(&str, &str)> = vec![SOUND, ("name=\"model\"", &model)];
        parts.extend(values.iter().map(|value| ("name=\"v\"", value.as_str())));
        let body = form(&parts);
        let read = read_sound(&body).unwrap();
        prop_assert_eq!(&read.asked.request.model, &model);
        parts[1].1 = &to;
        let expect = form(&parts);
        prop_assert_eq!(read.rewrite(body.as_bytes(), &to).unwrap(), expect.as_bytes());
    }
}
