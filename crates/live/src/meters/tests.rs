//! Every figure as a scraper reads it, and that nothing of a caller becomes one of its labels.

use super::*;
use domain::id::{CallId, KeyId, OrgId, ProjectId};
use domain::money::Money;
use domain::time::Timestamp;
use domain::usage::{CallOpened, Trace, UsageSource};
use uuid::Uuid;

const PACE: Pace = Pace { attempts: 1, first_byte_ms: 30, total_ms: 1_500 };

fn call() -> CallSettled {
    let id = Uuid::from_u128(0xfeed_beef);
    CallSettled {
        opened: CallOpened {
            call: CallId::new(id),
            org: OrgId::new(id),
            project: ProjectId::new(id),
            key: KeyId::new(id),
            surface: Surface::Embeddings,
            started_at: Timestamp(0),
            trace: Some(Trace {
                request_id: "request-of-a-caller".to_owned(),
                model_asked: "model-of-a-caller".to_owned(),
                streamed: false,
                pace: PACE,
            }),
        },
        provider_key: None,
        route_mode: None,
        provider: "openai".to_owned(),
        model: "model-upstream".to_owned(),
        outcome: Outcome::Cut,
        tokens: Tokens { input: 11, reasoning: 4, image: 2, ..Tokens::default() },
        units: Units { pictures: 3, ..Units::default() },
        source: UsageSource::Provider,
        cost: Money::from_nanos(1_234),
        pricing: "priced".to_owned(),
        price_version: "1".to_owned(),
    }
}

fn check(record: impl Fn(&Meters), expect: &[&str]) {
    let meters = Meters::new();
    record(&meters);
    let text = meters.render().unwrap();
    for line in expect {
        assert!(text.lines().any(|found| found == *line), "{line} is missing from\n{text}");
    }
}

#[test]
fn the_order_of_every_enum_is_the_order_of_its_handles() {
    assert!(DENIALS.iter().enumerate().all(|(index, denied)| *denied as usize == index));
    assert!(Attempt::WORDS.iter().enumerate().all(|(index, row)| row.0 as usize == index));
    assert!(Surface::ALL.iter().enumerate().all(|(index, surface)| *surface as usize == index));
    assert!(Outcome::ALL.iter().enumerate().all(|(index, outcome)| *outcome as usize == index));
}

#[test]
fn a_settled_call_shows_in_every_figure() {
    check(
        |meters| meters.settled(&call(), &PACE, 200),
        &[
            "portcullis_requests_total{surface=\"embeddings\",outcome=\"cut\",status=\"2xx\"} 1",
            "portcullis_requests_total{surface=\"chat\",outcome=\"complete\",status=\"2xx\"} 0",
            "portcullis_tokens_total{kind=\"input\"} 11",
            "portcullis_tokens_total{kind=\"reasoning\"} 4",
            "portcullis_tokens_total{kind=\"image\"} 2",
            "portcullis_units_total{unit=\"picture\"} 3",
            "portcullis_cost_nanos_total 1234",
            "portcullis_request_seconds_sum 1.5",
            "portcullis_request_seconds_bucket{le=\"1.0\"} 0",
            "portcullis_request_seconds_bucket{le=\"2.5\"} 1",
            "portcullis_request_seconds_bucket{le=\"+Inf\"} 1",
            "portcullis_first_byte_seconds_count 1",
        ],
    );
}

#[test]
fn any_status_has_a_class() {
    for (status, class) in [(0, "none"), (99, "none"), (404, "4xx"), (599, "5xx"), (u16::MAX, "none")] {
        let line = format!(
            "portcullis_requests_total{{surface=\"embeddings\",outcome=\"cut\",status=\"{class}\"}} 1"
        );
        check(|meters| meters.settled(&call(), &PACE, status), &[&line]);
    }
}

#[test]
fn refusals_and_attempts_are_counted_by_word() {
    check(
        |meters| {
            meters.refused(Code::NotFound);
            meters.refused(Code::ModelNotFound);
            meters.denied(Denied::Revoked);
            meters.attempted(Attempt::TimedOut);
            meters.streamed(12);
            meters.set_backlog(7);
            meters.set_pool(&Census {
                active: 4,
                near_limit: 6,
                exhausted: 5,
                cooling: 3,
                broken: 2,
                providers_out: 1,
            });
            meters.damaged(1);
            meters.removed("traces", 9);
            meters.removed("unheard of", 5);
            meters.set_canary(1, Timestamp(1_700_000_000_000_000));
            meters.overhead(Duration::from_micros(300));
        },
        &[
            "portcullis_refusals_total{code=\"not_found\"} 2",
            "portcullis_credentials_refused_total{reason=\"revoked\"} 1",
            "portcullis_upstream_attempts_total{result=\"timed_out\"} 1",
            "portcullis_stream_events_total 12",
            "portcullis_outbox_backlog 7",
            "portcullis_provider_keys{state=\"active\"} 4",
            "portcullis_provider_keys{state=\"exhausted\"} 5",
            "portcullis_provider_keys{state=\"cooldown\"} 3",
            "portcullis_provider_keys{state=\"broken\"} 2",
            "portcullis_providers_out 1",
            "portcullis_outbox_damaged_total 1",
            "portcullis_retention_removed_total{class=\"traces\"} 9",
            "portcullis_retention_removed_total{class=\"audit\"} 0",
            "portcullis_retention_overdue 1",
            "portcullis_retention_canary_timestamp_seconds 1700000000",
            "portcullis_overhead_seconds_bucket{le=\"0.00025\"} 0",
            "portcullis_overhead_seconds_bucket{le=\"0.0005\"} 1",
        ],
    );
}

#[test]
fn a_request_is_in_flight_until_dropped() {
    let meters = Meters::new();
    let first = meters.enter();
    let second = meters.enter();
    drop(first);
    assert!(meters.render().unwrap().contains("portcullis_in_flight 1\n"));
    drop(second);
    assert!(meters.render().unwrap().contains("portcullis_in_flight 0\n"));
}

#[test]
fn nothing_of_a_caller_becomes_a_label() {
    let meters = Meters::new();
    let before = meters.render().unwrap().lines().count();
    meters.settled(&call(), &PACE, 200);
    let text = meters.render().unwrap();
    assert_eq!(text.lines().count(), before, "recording makes no new series");
    for word in ["-of-a-caller", "model-upstream", "openai", "feedbeef"] {
        assert!(!text.contains(word), "{word} became visible");
    }
}
