//! The rules as sentences.

use super::*;
use proptest::prelude::*;

const DOWN: Told = Told::Failed(Fault::Failed);

fn at(ms: i64) -> Timestamp {
    Timestamp(ms * 1_000)
}

/// A connection that was told these things at these milliseconds.
fn after(told: &[(i64, Told)]) -> Health {
    let mut health = Health::default();
    for &(ms, told) in told {
        health.told(told, Role::Ordinary, at(ms), Chance(0));
    }
    health
}

fn cooling(remaining_ms: u64, cause: Cause) -> Standing {
    Standing::Cooling { remaining_ms, cause }
}

#[track_caller]
fn check(told: &[(i64, Told)], now_ms: i64, expect: Standing) {
    assert_eq!(after(told).standing(at(now_ms)), expect);
}

#[test]
fn a_rate_limit_rests_as_long_as_advised_and_five_minutes_without_advice() {
    check(&[(0, Told::Rest(Some(7_000)))], 0, cooling(7_000, Cause::Limit));
    check(&[(0, Told::Rest(Some(7_000)))], 6_999, cooling(1, Cause::Limit));
    check(&[(0, Told::Rest(Some(7_000)))], 7_000, Standing::Active);
    check(&[(0, Told::Rest(None))], 0, cooling(300_000, Cause::Limit));
    check(&[(0, Told::Rest(Some(u64::MAX)))], 0, cooling(3_600_000, Cause::Limit));
    check(&[(0, Told::Rest(Some(0)))], 0, Standing::Active);
    check(&[(0, Told::Rest(Some(9_000))), (10, Told::Rest(Some(0)))], 1_000, cooling(8_000, Cause::Limit));
    check(&[(0, Told::Rest(Some(9_000))), (0, Told::Rest(Some(1_000)))], 0, cooling(9_000, Cause::Limit));
}

#[test]
fn three_failures_in_a_row_within_thirty_seconds_open_the_breaker() {
    check(&[(0, DOWN), (1, DOWN)], 2, Standing::Active);
    check(&[(0, DOWN), (1, DOWN), (2, DOWN)], 2, cooling(2_000, Cause::Faults));
    check(
        &[(0, DOWN), (1, Told::Failed(Fault::TimedOut)), (29_999, DOWN)],
        29_999,
        cooling(2_000, Cause::Faults),
    );
    check(&[(0, DOWN), (1, DOWN), (30_000, DOWN)], 30_000, Standing::Active);
    check(&[(0, DOWN), (1, DOWN), (2, Told::Works), (3, DOWN), (4, DOWN)], 4, Standing::Active);
    check(&[(0, DOWN), (1, DOWN), (2, Told::Nothing), (3, DOWN)], 3, cooling(2_000, Cause::Faults));
}

#[test]
fn a_busy_connection_that_fails_now_and_then_stays_in_service() {
    let mut health = Health::default();
    for call in 0..300 {
        let told = if call > 20 && call % 10 < 3 { DOWN } else { Told::Works };
        health.told(told, Role::Ordinary, at(call * 3), Chance(0));
        assert_eq!(health.standing(at(call * 3)), Standing::Active, "call {call}");
    }
    // When it goes down, it is soon found out.
    for call in 300..1_000 {
        health.told(DOWN, Role::Ordinary, at(call * 3), Chance(0));
    }
    assert!(matches!(health.standing(at(3_000)), Standing::Cooling { .. } | Standing::ProbeDue));
}

#[test]
fn one_probe_decides_after_the_rest() {
    let mut health = after(&[(0, DOWN), (0, DOWN), (0, DOWN)]);
    assert_eq!(health.standing(at(2_000)), Standing::ProbeDue);
    health.begin_probe();
    assert_eq!(health.standing(at(2_000)), cooling(1_000, Cause::Faults), "the others wait");
    assert_eq!(
        health.told(Told::Works, Role::Ordinary, at(2_001), Chance(0)),
        None,
        "a straggler decides nothing"
    );
    let turned = health.told(DOWN, Role::Probe, at(2_002), Chance(0));
    assert_eq!(turned, Some(Turned::StillFailing(4_000)));
    assert_eq!(health.standing(at(6_002)), Standing::ProbeDue);
    health.begin_probe();
    health.told(Told::Nothing, Role::Probe, at(6_003), Chance(0));
    assert_eq!(health.standing(at(6_003)), Standing::ProbeDue, "a probe whose caller left leaves its place");
    health.begin_probe();
    assert_eq!(health.told(Told::Works, Role::Probe, at(6_004), Chance(0)), Some(Turned::Active));
    assert_eq!(health.standing(at(6_004)), Standing::Active);
    // The next rest begins with two seconds again.
    for _ in 0..3 {
        health.told(DOWN, Role::Ordinary, at(7_000), Chance(0));
    }
    assert_eq!(health.standing(at(7_000)), cooling(2_000, Cause::Faults));
}

#[test]
fn a_used_up_quota_rests_for_an_hour_and_one_probe_finds_whether_it_is_back() {
    let mut health = Health::default();
    let quota = |remaining_ms| cooling(remaining_ms, Cause::Quota);
    let told = |health: &mut Health, told, role, ms| health.told(told, role, at(ms), Chance(0));
    assert_eq!(told(&mut health, Told::Exhausted, Role::Ordinary, 0), Some(Turned::Exhausted(3_600_000)));
    // Calls that began before say nothing of the present.
    for straggler in [Told::Works, Told::Exhausted, Told::Rest(Some(1)), DOWN, DOWN, DOWN] {
        assert_eq!(told(&mut health, straggler, Role::Ordinary, 1), None, "{straggler:?}");
    }
    assert_eq!(health.standing(at(1)), quota(3_599_999));
    assert_eq!(health.standing(at(3_600_000)), Standing::ProbeDue);
    health.begin_probe();
    assert_eq!(health.standing(at(3_600_000)), quota(1_000), "the others wait");
    assert_eq!(told(&mut health, Told::Exhausted, Role::Probe, 3_600_000), None, "it was before");
    assert_eq!(health.standing(at(3_600_000)), quota(3_600_000));
    health.begin_probe();
    assert_eq!(told(&mut health, DOWN, Role::Probe, 7_200_000), Some(Turned::Failing(2_000)));
    health.begin_probe();
    let again = told(&mut health, Told::Exhausted, Role::Probe, 7_202_000);
    assert_eq!(again, Some(Turned::Exhausted(3_600_000)));
    health.begin_probe();
    assert_eq!(told(&mut health, Told::Works, Role::Probe, 10_802_000), Some(Turned::Active));
    check(&[(0, Told::Rest(Some(9_000))), (1, Told::Exhausted)], 1, quota(3_600_000));
    check(&[(0, Told::Exhausted), (1, Told::Unauthorized), (2, Told::Exhausted)], 2, Standing::Broken);
}

#[test]
fn a_refused_or_sealed_key_is_broken_for_good() {
    for told in [Told::Unauthorized, Told::Sealed, Told::Forbidden] {
        check(
            &[(0, told), (1, Told::Works), (2, Told::Rest(Some(5)))],
            i64::from(u32::MAX),
            Standing::Broken,
        );
    }
}

#[test]
fn one_forbidden_request_does_not_break_a_key_that_works() {
    check(&[(0, Told::Works), (1, Told::Forbidden)], 1, Standing::Active);
    let mut health =
        after(&[(0, Told::Works), (1, Told::Forbidden), (2, Told::Forbidden), (3, Told::Forbidden)]);
    assert_eq!(health.standing(at(2_003)), Standing::ProbeDue);
    health.begin_probe();
    assert_eq!(health.told(Told::Forbidden, Role::Probe, at(2_003), Chance(0)), Some(Turned::Broken));
    check(&[(0, Told::Works), (1, Told::Unauthorized)], 1, Standing::Broken);
}

#[test]
fn only_the_punishment_for_the_common_fault_is_taken_back() {
    let mut health = after(&[(0, DOWN), (1, DOWN), (2, DOWN)]);
    health.forgive(Fault::TimedOut, at(0));
    health.forgive(Fault::Failed, at(3));
    assert_eq!(health.standing(at(2)), cooling(2_000, Cause::Faults));
    health.forgive(Fault::Failed, at(2));
    assert_eq!(health.standing(at(2)), Standing::Active);
    let mut sealed = after(&[(0, Told::Sealed)]);
    sealed.forgive(Fault::Refused, at(0));
    assert_eq!(sealed.standing(at(0)), Standing::Broken);
}

#[test]
fn only_a_key_that_did_not_open_is_reconsidered() {
    for (told, expect) in [(Told::Sealed, Standing::Active), (Told::Unauthorized, Standing::Broken)] {
        let mut health = after(&[(0, told)]);
        health.reconsider();
        assert_eq!(health.standing(at(0)), expect, "{told:?}");
    }
}

fn any_told() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Told::Works),
        Just(DOWN),
        Just(Told::Failed(Fault::TimedOut)),
        Just(Told::Nothing),
        Just(Told::Exhausted),
        proptest::option::of(0u64..10_000_000).prop_map(Told::Rest),
    ]
}

proptest! {
    #[test]
    fn every_rest_ends_within_an_hour_whatever_was_told(
        history in proptest::collection::vec((any_told(), 0i64..10_000, any::<bool>(), any::<u16>()), 1..100)
    ) {
        let (mut health, mut now) = (Health::default(), 0);
        for (told, gap, probe, chance) in history {
            now += gap;
            let role = match health.standing(at(now)) {
                Standing::ProbeDue if probe => { health.begin_probe(); Role::Probe }
                _ => Role::Ordinary,
            };
            health.told(told, role, at(now), Chance(chance));
            if let Standing::Cooling { remaining_ms, .. } = health.standing(at(now)) {
                prop_assert!((1..=3_600_000).contains(&remaining_ms));
            }
            prop_assert!(health.standing(at(now)) != Standing::Broken);
        }
        let later = health.standing(at(now + 3_600_000));
        prop_assert!(matches!(later, Standing::Active | Standing::ProbeDue), "{:?}", later);
    }
}
