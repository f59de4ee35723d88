//! Refused credentials: the first at once, the rest counted, everything bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::audit::Entry;
use domain::id::{CallId, OrgId};
use domain::scope::Denied;
use domain::time::Timestamp;
use domain::token::Prefix;
use live::outbox::{Outbox, Reader, Settings};
use live::refusals::{MAX_KINDS, MAX_KINDS_OF_SOURCE, Refusals, Refused};
use tempfile::TempDir;
use uuid::Uuid;

struct World {
    refusals: Refusals,
    reader: Reader,
    dir: TempDir,
    number: u128,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (outbox, reader) = Outbox::open(dir.path(), Settings::default()).unwrap();
        Self { refusals: Refusals::new(outbox), reader, dir, number: 0 }
    }

    fn refuse(&mut self, seconds: i64, ip: impl Into<IpAddr>, reason: Denied, prefix: Option<u32>) {
        self.refuse_of(seconds, ip, reason, prefix, None);
    }

    fn refuse_of(
        &mut self,
        seconds: i64,
        ip: impl Into<IpAddr>,
        reason: Denied,
        prefix: Option<u32>,
        org: Option<OrgId>,
    ) {
        self.number += 1;
        self.refusals.note(&Refused {
            call: CallId::new(Uuid::from_u128(self.number)),
            at: Timestamp(0).plus_seconds(seconds),
            ip: ip.into(),
            reason,
            prefix: prefix.map(|number| Prefix::parse(&format!("{number:08}")).unwrap()),
            org,
            request_id: &format!("req-{}", self.number),
            user_agent: "agent/1\r\n\u{1b}[31mpc_live_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk",
        });
    }

    fn sweep(&self, seconds: i64) {
        self.refusals.sweep(Timestamp(0).plus_seconds(seconds));
    }

    fn rows(&mut self) -> Vec<Entry> {
        rows(&mut self.reader)
    }

    /// Reason and count of the rows since the last look.
    fn check(&mut self, expect: &[(&str, u64)]) {
        let told = |entry: &Entry| (text(entry, "reason"), text(entry, "count").parse().unwrap());
        let mut found: Vec<(String, u64)> = self.rows().iter().map(told).collect();
        found.sort();
        assert_eq!(
            found,
            expect.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect::<Vec<_>>()
        );
    }
}

fn rows(reader: &mut Reader) -> Vec<Entry> {
    let mut entries = vec![];
    while let Some(batch) = reader.try_next(1_000).unwrap() {
        assert!(batch.settled.is_empty());
        entries.extend(batch.noted);
        reader.confirm(&batch.positions).unwrap();
    }
    entries
}

/// A value of a detail, as text.
fn text(entry: &Entry, name: &str) -> String {
    let (_, rest) = entry.detail.split_once(&format!("\"{name}\":")).unwrap_or_default();
    rest.split([',', '}']).next().unwrap_or_default().trim_matches('"').to_owned()
}

fn v4(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + number)
}

#[test]
fn an_organization_is_told_of_its_own_keys_alone() {
    let (mut world, ip) = (World::new(), Ipv4Addr::new(192, 0, 2, 1));
    let [ours, theirs] = [1, 2].map(|number| OrgId::new(Uuid::from_u128(number)));
    for _ in 0..3 {
        world.refuse_of(0, ip, Denied::Revoked, Some(1), Some(ours));
        world.refuse_of(0, ip, Denied::Revoked, Some(1), Some(theirs));
        world.refuse_of(0, ip, Denied::Unknown, Some(1), None);
    }
    world.sweep(60);
    let mut told: Vec<_> = world.rows().iter().map(|row| (row.org.clone(), text(row, "count"))).collect();
    told.sort();
    let (ours_told, theirs_told) = (ours.to_string(), theirs.to_string());
    let expect = [
        ("", "1"),
        ("", "2"),
        (&ours_told, "1"),
        (&ours_told, "2"),
        (&theirs_told, "1"),
        (&theirs_told, "2"),
    ];
    assert_eq!(told, expect.map(|(org, count)| (org.to_owned(), count.to_owned())));
    // Too many credentials of one source are told apart no more, and then no organization is named.
    for number in 0..20 {
        world.refuse_of(100, ip, Denied::Revoked, Some(number), Some(ours));
    }
    world.sweep(200);
    let rows = world.rows();
    let many: Vec<_> = rows.iter().filter(|row| row.detail.contains("credentials")).collect();
    assert!(!many.is_empty() && many.iter().all(|row| row.org.is_empty()), "{many:?}");
}

#[test]
fn ten_thousand_from_one_source_are_two_rows_a_minute() {
    let mut world = World::new();
    for number in 0..10_000 {
        world.refuse(number * 59 / 10_000, v4(1), Denied::Unknown, Some(7));
    }
    world.check(&[("unknown", 1)]);
    world.sweep(59);
    world.check(&[]);
    world.sweep(60);
    world.check(&[("unknown", 9_999)]);
    assert_eq!(world.refusals.kinds_now(), 0);
    // The next minute begins with a row at once, swept or not.
    world.refuse(61, v4(1), Denied::Unknown, Some(7));
    world.refuse(62, v4(1), Denied::Unknown, Some(7));
    world.refuse(122, v4(1), Denied::Unknown, Some(7));
    world.check(&[("unknown", 1), ("unknown", 1), ("unknown", 1)]);
}

#[test]
fn a_row_tells_who_when_and_why_and_holds_nothing_that_harms() {
    let mut world = World::new();
    world.refuse(5, v4(1), Denied::Revoked, Some(12));
    world.refuse(6, v4(1), Denied::Revoked, Some(12));
    world.refusals.flush();
    let rows = world.rows();
    let [first, rest] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((first.actor.kind.as_str(), first.actor.prefix.as_str()), ("anonymous", "00000012"));
    assert_eq!((first.action.as_str(), first.outcome.as_str()), ("key.refused", "refused"));
    assert_eq!((first.ip.as_str(), first.request_id.as_str()), ("10.0.0.1", "req-1"));
    assert_eq!(first.user_agent, "agent/1\u{fffd}\u{fffd}\u{fffd}[31mp…ghjk");
    assert_eq!((first.at, rest.at), (Timestamp(5_000_000), Timestamp(6_000_000)));
    assert_ne!(first.event, rest.event);
    assert_eq!(rest.request_id, "req-2");
}

#[test]
fn reasons_and_credentials_are_told_apart_up_to_a_bound() {
    let mut world = World::new();
    world.refuse(0, v4(1), Denied::Missing, None);
    world.refuse(0, v4(1), Denied::Unknown, Some(1));
    world.refuse(0, v4(1), Denied::Revoked, Some(1));
    world.refuse(0, v4(2), Denied::Missing, None);
    world.check(&[("missing", 1), ("missing", 1), ("revoked", 1), ("unknown", 1)]);
    // Guessing keys: every credential is another.
    for number in 100..5_100 {
        world.refuse(1, v4(3), Denied::Unknown, Some(number));
    }
    world.refusals.flush();
    let rows = world.rows();
    assert_eq!(rows.len(), MAX_KINDS_OF_SOURCE + 2);
    let counted: u64 = rows.iter().map(|row| text(row, "count").parse::<u64>().unwrap()).sum();
    assert_eq!(counted, 5_000);
    assert_eq!(rows.iter().filter(|row| text(row, "credentials") == "many").count(), 2);
}

#[test]
fn an_ipv6_customer_is_one_source() {
    let mut world = World::new();
    for host in 0..1_000u128 {
        world.refuse(0, Ipv6Addr::from_bits((0x2001_0db8 << 96) + host), Denied::Unknown, None);
    }
    world.refuse(0, Ipv6Addr::from_bits((0x2001_0db8 << 96) + (1 << 64)), Denied::Unknown, None);
    world.refuse(0, v4(9).to_ipv6_mapped(), Denied::Missing, None);
    world.refuse(0, v4(9), Denied::Missing, None);
    world.refusals.flush();
    let rows = world.rows();
    assert_eq!(rows.len(), 5);
    let many = rows.iter().find(|row| text(row, "count") == "999").unwrap();
    assert_eq!(text(many, "network"), "2001:db8::/64");
    assert_eq!(many.ip, "2001:db8::3e7", "the row shows the last address of the network");
    assert!(rows.iter().any(|row| row.ip == "10.0.0.9" && text(row, "reason") == "missing"));
}

#[test]
fn spraying_addresses_is_bounded_and_nothing_goes_uncounted() {
    let mut world = World::new();
    for number in 0..100_000 {
        world.refuse(0, v4(number), Denied::Unknown, None);
        world.refuse(0, v4(number), Denied::Malformed, None);
    }
    assert!(world.refusals.kinds_now() <= MAX_KINDS + 2, "{}", world.refusals.kinds_now());
    world.refusals.flush();
    let rows = world.rows();
    assert!(rows.len() <= MAX_KINDS + 4, "{}", rows.len());
    let counted: u64 = rows.iter().map(|row| text(row, "count").parse::<u64>().unwrap()).sum();
    assert_eq!(counted, 200_000);
    assert_eq!(rows.iter().filter(|row| text(row, "sources") == "many").count(), 4);
}

#[test]
fn what_was_recorded_outlives_the_process_until_it_is_confirmed() {
    let mut world = World::new();
    world.refuse(0, v4(1), Denied::Unknown, Some(1));
    let batch = world.reader.try_next(10).unwrap().unwrap();
    assert_eq!(batch.noted.len(), 1, "delivered, and the process dies before it is posted");
    let World { refusals, reader, dir, .. } = world;
    drop((refusals, reader));
    let (outbox, mut reader) = Outbox::open(dir.path(), Settings::default()).unwrap();
    assert_eq!(outbox.backlog(), 1);
    assert_eq!(rows(&mut reader), batch.noted);
    assert_eq!(outbox.backlog(), 0);
    drop((outbox, reader));
    let (_outbox, mut reader) = Outbox::open(dir.path(), Settings::default()).unwrap();
    assert!(rows(&mut reader).is_empty());
}
