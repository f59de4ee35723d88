//! What a call leaves beside the books: nothing at all where nothing may be kept, and otherwise for as long as it may,
//! in no table, file, journal or log line after that.

use std::time::Duration;

use domain::id::{CallId, JobId};
use domain::retention::Class;
use domain::usage::{CallOpened, CallSettled, Outcome, Pace, Trace};
use store::audit::AuditFilter;
use store::retention::{Cause, RunState, Whose};
use store::usage::UsageFilter;
use uuid::Uuid;

use crate::chat::ANSWER;
use crate::world::upstream::{Step, chunk, stream_head};
use crate::world::{TRACE_HOURS, World, eventually};

/// Files of the journal that are looked through quickly.
const SMALL: (&str, &str) = ("journal.segment_bytes", "65536");
const HOUR: Duration = Duration::from_secs(3_600);
const JSON: &str = "content-type: application/json\r\n";
const WHOLE: &str = r#"{"model":"openai/gpt-test","messages":[{"role":"user","content":"Hello"}]}"#;
const STREAM: &str =
    r#"{"model":"openai/gpt-test","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

const EVENT: &[u8] = b"data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";

async fn call(world: &World, request_id: &str, body: &str) -> u16 {
    let headers = format!("{JSON}x-request-id: {request_id}\r\n");
    let answer = world.caller.post_with("/v1/chat/completions", &headers, body).await;
    assert_eq!(answer.header("x-request-id"), Some(request_id));
    answer.status
}

#[tokio::test]
async fn a_call_of_which_nothing_may_be_kept_leaves_only_the_books() {
    let mut world = World::with(&[(TRACE_HOURS, "0"), SMALL, ("retries.per_target", "0")]).await;
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world, "PLANTED-whole", WHOLE).await, 200);
    world.upstream.then(vec![Step::Send(stream_head()), Step::Send(chunk(EVENT)), Step::Close]);
    assert_eq!(call(&world, "PLANTED-cut", STREAM).await, 200);
    world.upstream.says(500, "", "boom");
    assert_eq!(call(&world, "PLANTED-failed", WHOLE).await, 502);
    let refused = r#"{"model":"openai/PLANTED-model","messages":[]}"#;
    assert_ne!(call(&world, "PLANTED-refused", refused).await, 200);
    let rows = world.usage(3).await;
    let outcomes = [Outcome::Complete, Outcome::Cut, Outcome::Failed];
    assert!(rows.iter().map(|row| row.outcome).eq(outcomes), "{rows:?}");
    assert!(rows[0].tokens.total() > 0, "the books have it");
    for row in rows {
        assert_eq!(row.opened.trace, None);
        assert_eq!((row.provider.as_str(), row.model.as_str()), ("openai", "gpt-test"));
    }
    // A connection that is to rest leaves a row in the audit trail, which is kept for long.
    world.upstream.says(429, "retry-after: 60\r\n", "slow down");
    assert_eq!(call(&world, "PLANTED-limited", WHOLE).await, 429);
    world.usage(4).await;
    let rests = AuditFilter { action: Some("provider_key.cooldown".into()), ..AuditFilter::default() };
    let rested = || async { world.store().audit().fitting(&rests, 0).await.unwrap() };
    eventually("the row of the rest", || async { !rested().await.is_empty() }).await;
    assert!(rested().await[0].entry.request_id.starts_with("call_"));
    assert_eq!(world.files_with("PLANTED"), Vec::<String>::new(), "while it runs");
    let by_request = UsageFilter { request_id: Some("PLANTED-whole".into()), ..UsageFilter::default() };
    assert!(world.store().usage().list(&by_request, 9, None).await.unwrap().is_empty());
    world.restart().await;
    assert_eq!(world.files_with("PLANTED"), Vec::<String>::new(), "after a stop in order");
    let logged = world.logged();
    assert!(logged.contains("a stream was cut") && logged.contains("an upstream attempt failed"));
    assert_eq!(logged.lines().find(|line| line.contains("PLANTED-")), None);
    world.finish().await;
}

#[tokio::test]
async fn traces_leave_the_tables_the_files_and_the_journal_on_time() {
    let world = World::with(&[(TRACE_HOURS, "1"), SMALL]).await;
    world.upstream.answers(ANSWER).answers(ANSWER).answers(ANSWER);
    assert_eq!(call(&world, "PLANTED-early", WHOLE).await, 200);
    let row = world.only_usage().await;
    assert_eq!(row.opened.trace.unwrap().request_id, "PLANTED-early");
    assert_ne!(world.files_with("PLANTED-early"), Vec::<String>::new());
    world.pass(HOUR / 2);
    assert_eq!(call(&world, "PLANTED-late", WHOLE).await, 200);
    world.usage(2).await;
    world.pass(HOUR / 2 + Duration::from_secs(120));
    eventually("the end of the early trace", || async { world.files_with("PLANTED-early").is_empty() }).await;
    let kept: Vec<bool> = world.usage(2).await.iter().map(|row| row.opened.trace.is_some()).collect();
    assert_eq!(kept, [false, true]);
    // Whoever wants nothing kept any more does not wait for an hour to pass.
    let settings = world.store().retention().settings();
    settings.set(Class::TRACES, Whose::Org(world.org), Some(0), &world.act()).await.unwrap();
    world.pass(Duration::from_secs(16 * 60));
    eventually("the end of the late trace", || async { world.files_with("PLANTED").is_empty() }).await;
    assert_eq!(call(&world, "PLANTED-none", WHOLE).await, 200);
    world.usage(3).await;
    assert_eq!(world.files_with("PLANTED"), Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn a_purge_that_was_interrupted_goes_on_after_a_restart() {
    let mut world = World::with(&[SMALL]).await;
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world, "one", WHOLE).await, 200);
    let model = world.only_usage().await;
    let copies: Vec<CallSettled> = (1..=1_700u128)
        .map(|number| {
            let trace = Trace {
                request_id: format!("PLANTED-{number}"),
                model_asked: String::new(),
                streamed: false,
                pace: Pace::default(),
            };
            let call = CallId::new(Uuid::from_u128(number));
            CallSettled {
                opened: CallOpened { call, trace: Some(trace), ..model.opened.clone() },
                ..model.clone()
            }
        })
        .collect();
    world.store().usage().post(&copies, &[]).await.unwrap();
    world.pass(25 * HOUR);
    // As a process leaves it that is killed in the middle.
    let (now, id) = (world.now(), JobId::new(Uuid::from_u128(9)));
    let retention = world.store().retention();
    let run = retention.begin(id, Class::TRACES, Cause::Due, now, None).await.unwrap();
    assert!(retention.remove_batch(&run, now).await.unwrap());
    world.restart().await;
    let done = || async { world.store().retention().run(id).await.unwrap().state == RunState::Done };
    eventually("the end of the run", done).await;
    let run = world.store().retention().run(id).await.unwrap();
    assert_eq!((run.removed, &run.fault), (1_701, &None));
    assert!(run.batches >= 4, "{run:?}");
    eventually("the end of the traces", || async { world.files_with("PLANTED-").is_empty() }).await;
    world.finish().await;
}
