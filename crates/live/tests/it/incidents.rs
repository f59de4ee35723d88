//! What befalls provider keys: each change at once, the same within a minute counted, a rest that goes on told once.

use domain::id::ProviderKeyId;
use domain::pool::{Fault, Told, Turned};
use domain::time::Timestamp;
use live::incidents::{Incident, Incidents};
use live::outbox::{Outbox, Reader, Settings};
use live::pool::Change;
use tempfile::TempDir;
use uuid::Uuid;

struct World {
    incidents: Incidents,
    reader: Reader,
    _dir: TempDir,
    number: u128,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (outbox, reader) = Outbox::open(dir.path(), Settings::default()).unwrap();
        Self { incidents: Incidents::new(outbox), reader, _dir: dir, number: 0 }
    }

    fn befalls(&mut self, seconds: i64, connection: u128, told: Told, change: Change) {
        self.number += 1;
        self.incidents.note(&Incident {
            id: Uuid::from_u128(self.number),
            at: at(seconds),
            connection: ProviderKeyId::new(Uuid::from_u128(connection)),
            name: "main",
            provider: "openai",
            told,
            change,
            request_id: &format!("req-{}", self.number),
        });
    }

    /// What was recorded since the last look: action, the end of its detail, request.
    fn rows(&mut self) -> Vec<(String, String, String)> {
        let rows = self.reader.try_next(1_000).unwrap().map(|batch| batch.noted).unwrap_or_default();
        let told = rows.into_iter().map(|row| {
            let about = row.detail.strip_prefix(ABOUT).unwrap_or_else(|| panic!("{}", row.detail));
            (row.action, about.to_owned(), row.request_id)
        });
        told.collect()
    }
}

/// What every detail here begins with.
const ABOUT: &str = r#"{"name":"main","provider":"openai","reason":"#;

fn at(seconds: i64) -> Timestamp {
    Timestamp(0).plus_seconds(seconds)
}

fn limited() -> (Told, Change) {
    (Told::Rest(Some(5)), Change::Connection(Turned::Limited(5)))
}

#[test]
fn each_change_is_a_row_and_a_rest_that_goes_on_is_none() {
    let mut world = World::new();
    let down = Told::Failed(Fault::Failed);
    world.befalls(0, 1, down, Change::Connection(Turned::Failing(2_000)));
    for second in 2..60 {
        world.befalls(second, 1, down, Change::Connection(Turned::StillFailing(4_000)));
    }
    world.befalls(61, 1, Told::Works, Change::Connection(Turned::Active));
    world.befalls(62, 1, Told::Exhausted, Change::Connection(Turned::Exhausted(3_600_000)));
    world.befalls(63, 1, Told::Unauthorized, Change::Connection(Turned::Broken));
    world.befalls(64, 2, down, Change::ProviderOut);
    world.befalls(65, 2, Told::Works, Change::ProviderBack);
    let rows = world.rows();
    let told: Vec<_> = rows.iter().map(|(action, about, _)| (&**action, &**about)).collect();
    assert_eq!(
        told,
        [
            ("provider_key.cooldown", r#""failed","rest_ms":2000,"count":1}"#),
            ("provider_key.back", r#""works","count":1}"#),
            ("provider_key.exhausted", r#""quota_used_up","rest_ms":3600000,"count":1}"#),
            ("provider_key.broken", r#""unauthorized","count":1}"#),
            ("provider.out", r#""failed","count":1}"#),
            ("provider.back", r#""works","count":1}"#),
        ]
    );
    world.incidents.flush();
    assert!(world.rows().is_empty(), "nothing was counted");
}

#[test]
fn an_upstream_that_changes_its_mind_all_the_time_writes_two_rows_a_minute() {
    let mut world = World::new();
    let (told, change) = limited();
    for _ in 0..10_000 {
        world.befalls(0, 1, told, change);
    }
    world.befalls(1, 2, told, change);
    let recorded = |request: &str, count: u64| {
        let about = format!(r#""asks_for_rest","rest_ms":5,"count":{count}}}"#);
        ("provider_key.cooldown".to_owned(), about, request.to_owned())
    };
    assert_eq!(world.rows(), [recorded("req-1", 1), recorded("req-10001", 1)]);
    world.incidents.sweep(at(59));
    assert!(world.rows().is_empty());
    world.incidents.sweep(at(60));
    assert_eq!(world.rows(), [recorded("req-10000", 9_999)]);
    // The next minute begins with the next change, also when nobody swept before.
    world.befalls(60, 1, told, change);
    world.befalls(60, 1, told, change);
    world.befalls(125, 1, told, change);
    let minute = [recorded("req-10002", 1), recorded("req-10003", 1), recorded("req-10004", 1)];
    assert_eq!(world.rows(), minute);
}
