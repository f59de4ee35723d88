//! Which connection is taken, and what several of them make of a provider.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use domain::catalog::ModelFacts;
use domain::id::OrgId;
use domain::pool::Fault;
use domain::pool::quota::{Quota, Quotas};
use domain::route::{Facts, Owner, Serves};
use uuid::Uuid;

const DOWN: Told = Told::Failed(Fault::Failed);

/// A pool with these connections: identifier, owner, priority.
struct Bench {
    pool: Pool,
    offers: Vec<Offer>,
    clock: Arc<AtomicI64>,
}

fn offer(id: u128, owner: Option<u128>, priority: u16) -> Offer {
    let connection = Connection {
        id: ProviderKeyId::new(Uuid::from_u128(id)),
        owner: owner.map_or(Owner::Platform, |org| Owner::Org(OrgId::new(Uuid::from_u128(org)))),
        name: Arc::from("main"),
        provider: Arc::from("openai"),
        base_url: Arc::from("https://example.com/v1"),
        sealed: None,
        serves: Serves::Listed(vec!["m".to_owned()]),
        priority,
        fallback_to_platform: false,
        in_service: true,
        rests_until: None,
        quotas: Quotas::default(),
    };
    Offer { connection: Arc::new(connection), model: Arc::from("m"), facts: Arc::new(ModelFacts::unknown()) }
}

impl Bench {
    fn new(connections: &[(u128, Option<u128>, u16)]) -> Self {
        let clock = Arc::new(AtomicI64::new(0));
        let time = Arc::clone(&clock);
        let pool = Pool::new(Clock::new(move || Timestamp(time.load(Ordering::Relaxed))));
        let offers: Vec<Offer> =
            connections.iter().map(|&(id, owner, priority)| offer(id, owner, priority)).collect();
        let bench = Self { pool, offers, clock };
        bench.adopt();
        bench
    }

    fn adopt(&self) {
        let connections = self.offers.iter().map(|offer| (*offer.connection).clone()).collect();
        self.pool.adopt(&Routes::build(connections, Facts::default()));
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms * 1_000, Ordering::Relaxed);
    }

    /// Takes from these offers.
    fn take(&self, among: &[usize]) -> Result<(usize, Turn), Unavailable> {
        self.pool.take(&self.offers, |index| among.contains(&index), 0)
    }

    /// An attempt at this offer.
    fn told(&self, index: usize, told: Told) -> Option<Change> {
        let (_, mut turn) = self.take(&[index]).expect("an offer that can be tried");
        self.pool.told(&mut turn, told, Chance(0))
    }
}

fn cooling(remaining_ms: u64, cause: Cause) -> Unavailable {
    Unavailable::Cooling { remaining_ms, cause }
}

#[test]
fn priority_comes_before_state_and_state_before_load() {
    let bench = Bench::new(&[(1, None, 1), (2, None, 5), (3, None, 5)]);
    assert_eq!(bench.take(&[0, 1, 2]).unwrap().0, 0);
    bench.told(0, Told::Rest(Some(1_000)));
    let (first, held) = bench.take(&[0, 1, 2]).unwrap();
    let (second, held_too) = bench.take(&[0, 1, 2]).unwrap();
    assert_eq!([first, second], [1, 2], "the less busy of two equals");
    drop((held, held_too));
    bench.pass(1_000);
    assert_eq!(bench.take(&[0, 1, 2]).unwrap().0, 0);
    assert_eq!(bench.take(&[2]).unwrap().0, 2, "only what is left is taken");
}

#[test]
fn calls_in_flight_end_with_their_turn() {
    let bench = Bench::new(&[(1, None, 5), (2, None, 5)]);
    let mut taken = [0, 0];
    let turns: Vec<Turn> = (0..10)
        .map(|_| {
            let (index, turn) = bench.take(&[0, 1]).unwrap();
            taken[index] += 1;
            turn
        })
        .collect();
    assert_eq!(taken, [5, 5]);
    drop(turns);
    assert!(bench.pool.members.load().values().all(|member| member.in_flight() == 0));
}

#[test]
fn when_all_rest_the_soonest_is_told() {
    let bench = Bench::new(&[(1, None, 1), (2, None, 1), (3, None, 2)]);
    assert_eq!(bench.pool.wait(&bench.offers), None);
    bench.told(0, Told::Rest(Some(9_000)));
    bench.told(1, Told::Rest(Some(7_000)));
    bench.told(2, Told::Unauthorized);
    assert_eq!(bench.take(&[0, 1, 2]).unwrap_err(), cooling(7_000, Cause::Limit));
    assert_eq!(bench.pool.wait(&bench.offers), Some(cooling(7_000, Cause::Limit)));
    assert_eq!(bench.take(&[2]).unwrap_err(), Unavailable::Broken);
    assert_eq!(bench.pool.census(), Census { cooling: 2, broken: 1, ..Census::default() });
}

#[test]
fn a_used_up_quota_is_counted_apart_and_others_take_over() {
    let bench = Bench::new(&[(1, None, 1), (2, None, 1)]);
    let exhausted = Some(Change::Connection(Turned::Exhausted(3_600_000)));
    assert_eq!(bench.told(0, Told::Exhausted), exhausted);
    assert_eq!(bench.pool.census(), Census { active: 1, exhausted: 1, ..Census::default() });
    assert_eq!(bench.take(&[0, 1]).unwrap().0, 1);
    assert_eq!(bench.take(&[0]).unwrap_err(), cooling(3_600_000, Cause::Quota));
    bench.pool.pardon(bench.offers[0].connection.id);
    assert_eq!(bench.pool.census().active, 2);
}

#[test]
fn one_call_probes_and_its_loss_frees_the_place() {
    let bench = Bench::new(&[(1, None, 1)]);
    for _ in 0..3 {
        bench.told(0, DOWN);
    }
    assert_eq!(bench.take(&[0]).unwrap_err(), cooling(2_000, Cause::Faults));
    bench.pass(2_000);
    let (_, probe) = bench.take(&[0]).unwrap();
    assert!(probe.is_probe());
    assert_eq!(bench.take(&[0]).unwrap_err(), cooling(1_000, Cause::Faults));
    drop(probe);
    assert_eq!(bench.told(0, Told::Works), Some(Change::Connection(Turned::Active)));
    assert_eq!(bench.pool.census().active, 1);
}

#[test]
fn a_provider_that_is_out_is_skipped_and_its_keys_are_not_punished() {
    let bench = Bench::new(&[(1, None, 1), (2, None, 1), (3, None, 1), (4, Some(9), 1)]);
    for _ in 0..3 {
        bench.told(0, DOWN);
    }
    assert_eq!(bench.told(1, DOWN), None);
    let (_, mut straggler) = bench.take(&[1]).unwrap();
    assert_eq!(bench.told(2, DOWN), Some(Change::ProviderOut));
    assert_eq!(bench.take(&[0, 1, 2]).unwrap_err(), cooling(2_000, Cause::Outage));
    assert!(bench.take(&[3]).is_ok(), "another owner's keys are their own affair");
    assert_eq!(bench.pool.told(&mut straggler, DOWN, Chance(0)), None);
    assert_eq!(bench.pool.census(), Census { active: 1, cooling: 3, providers_out: 1, ..Census::default() });
    bench.pass(2_000);
    let (_, mut probe) = bench.take(&[0, 1, 2]).unwrap();
    assert!(probe.is_probe());
    assert_eq!(bench.take(&[0, 1, 2]).unwrap_err(), cooling(1_000, Cause::Outage));
    assert_eq!(bench.pool.told(&mut probe, Told::Works, Chance(0)), Some(Change::ProviderBack));
    assert_eq!(bench.pool.census(), Census { active: 4, ..Census::default() });
}

#[test]
fn keys_that_are_refused_together_are_not_broken() {
    let bench = Bench::new(&[(1, None, 1), (2, None, 1), (3, None, 1)]);
    bench.told(0, Told::Unauthorized);
    bench.told(1, Told::Unauthorized);
    assert_eq!(bench.pool.census().broken, 2);
    assert_eq!(bench.told(2, Told::Unauthorized), Some(Change::ProviderOut));
    assert_eq!(bench.pool.census(), Census { cooling: 3, providers_out: 1, ..Census::default() });
}

#[test]
fn a_busy_provider_with_a_few_failing_keys_is_not_out() {
    let bench = Bench::new(&[(1, None, 1), (2, None, 1), (3, None, 1), (4, None, 1)]);
    for _ in 0..100 {
        bench.told(3, Told::Works);
    }
    for index in 0..3 {
        assert_eq!(bench.told(index, DOWN), None);
    }
    assert_eq!(bench.pool.census().active, 4);
}

#[test]
fn a_new_table_keeps_what_is_known_and_forgets_what_is_gone() {
    let mut bench = Bench::new(&[(1, None, 1), (2, None, 1)]);
    bench.told(0, Told::Unauthorized);
    bench.told(1, Told::Unauthorized);
    let gone = bench.offers.remove(1);
    bench.adopt();
    assert_eq!(bench.pool.census(), Census { broken: 1, ..Census::default() });
    bench.offers.push(gone);
    bench.adopt();
    assert_eq!(bench.pool.census(), Census { broken: 1, active: 1, ..Census::default() });
    bench.pool.pardon(bench.offers[0].connection.id);
    assert_eq!(bench.pool.census().active, 2);
}

#[test]
fn a_call_planned_before_its_connection_went_is_still_made() {
    let bench = Bench::new(&[(1, None, 1)]);
    bench.pool.adopt(&Routes::default());
    let (_, mut turn) = bench.take(&[0]).unwrap();
    assert!(bench.pool.told(&mut turn, Told::Unauthorized, Chance(0)).is_some());
    assert_eq!(bench.pool.census(), Census::default());
}

#[test]
fn equals_are_of_one_owner() {
    let bench = Bench::new(&[(1, Some(9), 100), (2, None, 100)]);
    let held: Vec<_> = (0..4).map(|_| bench.take(&[0, 1]).unwrap()).collect();
    assert!(held.iter().all(|(index, _)| *index == 0), "an owner's own is not one of two equals");
    bench.told(0, Told::Unauthorized);
    assert_eq!(bench.take(&[0, 1]).unwrap().0, 1);
}

#[test]
fn a_person_puts_to_rest_and_ends_the_rest() {
    let mut bench = Bench::new(&[(1, None, 1), (2, None, 1)]);
    let rest = |bench: &mut Bench, until: Option<Timestamp>| {
        let mut connection = (*bench.offers[0].connection).clone();
        connection.rests_until = until;
        bench.offers[0].connection = Arc::new(connection);
        bench.adopt();
    };
    rest(&mut bench, Some(Timestamp(60_000_000)));
    assert_eq!(bench.take(&[0]).unwrap_err(), cooling(60_000, Cause::Person));
    assert_eq!(bench.take(&[0, 1]).unwrap().0, 1);
    bench.pool.pardon(bench.offers[0].connection.id);
    assert!(bench.take(&[0]).is_err(), "a pardon is for what attempts told");
    rest(&mut bench, None);
    assert!(bench.take(&[0]).is_ok());
    rest(&mut bench, Some(Timestamp(60_000_000)));
    bench.pass(60_000);
    assert!(bench.take(&[0]).is_ok(), "it ends by itself");
}

#[test]
fn a_report_says_since_when_and_why() {
    let bench = Bench::new(&[(1, None, 1)]);
    let id = bench.offers[0].connection.id;
    let check = |state: State, since_ms: i64, reason: Option<&str>, until_ms: Option<i64>| {
        let report = bench.pool.report(id).unwrap();
        let found = (report.state, report.since, report.reason, report.until);
        let at = |ms: i64| Timestamp(ms * 1_000);
        assert_eq!(found, (state, at(since_ms), reason, until_ms.map(at)));
    };
    check(State::Active, 0, None, None);
    bench.pass(500);
    bench.told(0, Told::Works);
    bench.told(0, Told::Rest(Some(7_000)));
    check(State::Cooldown, 500, Some("asks_for_rest"), Some(7_500));
    bench.pass(10_000);
    check(State::Active, 7_500, None, None);
    bench.told(0, Told::Exhausted);
    check(State::Exhausted, 10_500, Some("quota_used_up"), Some(3_610_500));
    bench.pool.pardon(id);
    bench.pass(100);
    bench.told(0, Told::Unauthorized);
    check(State::Broken, 10_600, Some("unauthorized"), None);
    let report = bench.pool.report(id).unwrap();
    assert_eq!((report.answered, report.failed, report.in_flight), (1, 3, 0));
    assert_eq!(bench.pool.report(ProviderKeyId::new(Uuid::from_u128(2))), None);
}

/// Gives the first of the connections quotas.
fn limit(bench: &mut Bench, quotas: Quotas) {
    let mut connection = (*bench.offers[0].connection).clone();
    connection.quotas = quotas;
    bench.offers[0].connection = Arc::new(connection);
    bench.adopt();
}

#[test]
fn near_its_quota_a_connection_comes_last_and_then_rests() {
    let mut bench = Bench::new(&[(1, None, 1), (2, None, 1), (3, None, 2)]);
    limit(&mut bench, Quotas { requests_per_minute: Some(5), ..Quotas::default() });
    for _ in 0..4 {
        drop(bench.take(&[0]).unwrap());
    }
    let report = bench.pool.report(bench.offers[0].connection.id).unwrap();
    assert_eq!((report.state, report.reason), (State::NearLimit, Some("requests_per_minute")));
    assert_eq!(bench.pool.census(), Census { active: 2, near_limit: 1, ..Census::default() });
    let held: Vec<_> = (0..3).map(|_| bench.take(&[0, 1, 2]).unwrap()).collect();
    assert!(held.iter().all(|(index, _)| *index == 1), "an equal that is further from its end, however busy");
    assert_eq!(bench.pool.wait(&bench.offers[..1]), None);
    assert_eq!(bench.take(&[0, 2]).unwrap().0, 0, "priority comes before state");
    let Err(Unavailable::Cooling { remaining_ms, cause }) = bench.take(&[0]) else { panic!("it rests") };
    assert_eq!(cause, Cause::OwnQuota(Quota::RequestsPerMinute));
    assert!((60_000..61_000).contains(&remaining_ms), "{remaining_ms}");
    assert_eq!(bench.take(&[0, 2]).unwrap().0, 2);
    let report = bench.pool.report(bench.offers[0].connection.id).unwrap();
    assert_eq!((report.state, report.reason), (State::Exhausted, Some("requests_per_minute")));
    assert!(report.until.is_some());
    assert_eq!(bench.pool.census(), Census { active: 2, exhausted: 1, ..Census::default() });
    // Nobody who looks at it makes room in a quota; a larger one does, and so does time.
    bench.pool.pardon(bench.offers[0].connection.id);
    assert!(bench.take(&[0]).is_err());
    limit(&mut bench, Quotas { requests_per_minute: Some(6), ..Quotas::default() });
    assert!(bench.take(&[0]).is_ok());
    assert!(bench.take(&[0]).is_err());
    bench.pass(61_000);
    assert!(bench.take(&[0]).is_ok());
}

#[test]
fn tokens_money_and_retries_count_as_well_as_what_was_before() {
    let quotas = Quotas {
        requests_per_day: Some(3),
        tokens_per_day: Some(100),
        spend_steps_per_day: Some(5),
        ..Quotas::default()
    };
    let check = |over: &dyn Fn(&Bench), quota: Quota| {
        let mut bench = Bench::new(&[(1, None, 1)]);
        limit(&mut bench, quotas);
        over(&bench);
        let Err(Unavailable::Cooling { cause, .. }) = bench.take(&[0]) else { panic!("{quota:?}") };
        assert_eq!(cause, Cause::OwnQuota(quota));
        bench.pass(86_400_000 + 700_000);
        assert!(bench.take(&[0]).is_ok(), "{quota:?}");
    };
    let turn = |bench: &Bench| bench.take(&[0]).unwrap().1;
    check(&|bench| (0..2).for_each(|_| bench.pool.again(&turn(bench))), Quota::RequestsPerDay);
    check(&|bench| bench.pool.spent(&turn(bench), 100, Money::ZERO), Quota::TokensPerDay);
    check(&|bench| bench.pool.spent(&turn(bench), 0, Money::from_nanos(5_000_000)), Quota::SpendPerDay);
    let id = ProviderKeyId::new(Uuid::from_u128(1));
    check(&|bench| bench.pool.recall(id, 3, 0, Money::ZERO, Timestamp(0)), Quota::RequestsPerDay);
}
