//! Every event is one line that says what was said and does nothing else.

use std::io::Write;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Sink;
    fn make_writer(&'a self) -> Sink {
        self.clone()
    }
}

/// What is written while `speak` speaks.
fn written(format: LogFormat, speak: impl FnOnce()) -> String {
    let sink = Sink::default();
    let subscriber =
        tracing_subscriber::fmt().event_format(Line::new(format)).with_writer(sink.clone()).finish();
    tracing::subscriber::with_default(subscriber, speak);
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// `text` in every place where an event can hold text.
fn everywhere(text: &str) {
    let failed = std::io::Error::other(text.to_owned());
    tracing::warn!(text, shown = %text, told = ?text, failed = &failed as &dyn std::error::Error, "as a field");
    tracing::warn!("{text}");
}

fn harmless(written: &str) {
    let lines: Vec<&str> = written.strip_suffix('\n').unwrap().split('\n').collect();
    assert_eq!(lines.len(), 2, "{written:?}");
    assert!(!lines.concat().chars().any(is_hidden), "{written:?}");
}

#[test]
fn the_two_formats_look_like_this() {
    let speak =
        || tracing::info!(address = "127.0.0.1:1", count = 7, good = true, share = 0.5, "serving \"it\"");
    let text = written(LogFormat::Text, speak);
    let (_, rest) = text.split_once("Z  INFO ").unwrap();
    assert_eq!(
        rest,
        "server::logs::line::tests: serving \"it\" address=\"127.0.0.1:1\" count=7 good=true share=0.5\n"
    );
    let json: serde_json::Value = serde_json::from_str(&written(LogFormat::Json, speak)).unwrap();
    assert_eq!((&json["level"], &json["message"]), (&"INFO".into(), &"serving \"it\"".into()));
    assert_eq!(
        (&json["address"], &json["count"], &json["good"]),
        (&"127.0.0.1:1".into(), &7.into(), &true.into())
    );
    assert!(json["timestamp"].as_str().unwrap().ends_with('Z') && json["target"].is_string());
}

#[test]
fn a_field_cannot_imitate_another() {
    let forged = "x\" level=\"ERROR";
    let text = written(LogFormat::Text, || tracing::info!(model = forged, "asked"));
    assert!(text.ends_with("asked model=\"x\\\" level=\\\"ERROR\"\n"), "{text}");
}

#[test]
fn fields_are_bounded_and_secrets_at_the_cut_are_covered() {
    let key = format!("pc_live_{}", "0123456789abc".repeat(4));
    for before in [0, MAX_FIELD_BYTES - 30, MAX_FIELD_BYTES - 5, MAX_FIELD_BYTES, 2 * MAX_FIELD_BYTES - 20] {
        let long = format!("{} {key} {}", "é".repeat(before / 2), "y".repeat(3 * MAX_FIELD_BYTES));
        let line = written(LogFormat::Json, || tracing::info!(long, "long"));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(json["long"].as_str().unwrap().len() <= MAX_FIELD_BYTES);
        assert!(!line.contains(&key[8..24]), "{before}");
    }
}

#[test]
fn what_is_not_a_number_is_still_json() {
    let line = written(LogFormat::Json, || tracing::info!(share = f64::NAN, "odd"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["share"], "NaN");
}

proptest! {
    #[test]
    fn any_text_anywhere_is_one_line_that_reads_back(
        text in prop_oneof![
            any::<String>(),
            "[a-z\\r\\n\\t\\x00\\x1b\u{2028}\u{2029}\u{202e}\u{9b}\u{e0041}\"\\\\{}<%]{0,40}",
        ],
    ) {
        harmless(&written(LogFormat::Text, || everywhere(&text)));
        let json = written(LogFormat::Json, || everywhere(&text));
        harmless(&json);
        let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expect = bounded(&veil(bounded_for_veil(&text)));
        prop_assert_eq!(rows[0]["text"].as_str(), Some(&*expect));
        prop_assert_eq!(rows[0]["shown"].as_str(), Some(&*expect));
        prop_assert_eq!(rows[1]["message"].as_str(), Some(&*expect));
    }
}

#[test]
fn a_flood_of_one_kind_leaves_room_for_the_others() {
    let sink = Sink::default();
    let lines =
        tracing_subscriber::fmt::layer().event_format(Line::new(LogFormat::Text)).with_writer(sink.clone());
    let all = tracing_subscriber::registry().with(lines).with(flood::Flood);
    tracing::subscriber::with_default(all, || {
        for number in 0..10_000 {
            tracing::info!(number, "refused");
            tracing::error!(number, "lost");
        }
        tracing::warn!("another");
    });
    let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let count = |what: &str| written.lines().filter(|line| line.contains(what)).count();
    // A slow machine may need more than one second for all of them.
    let refused = count("refused");
    assert!((50..5_000).contains(&refused), "{refused}");
    assert_eq!((count("lost"), count("another")), (10_000, 1));
}
