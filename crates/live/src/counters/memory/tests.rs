mod model;

use super::*;
use domain::limit::Limits;
use domain::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

const MANY: u32 = 1_000_000;

fn key(number: u128) -> KeyId {
    KeyId::new(Uuid::from_u128(number))
}

fn limits(per_minute: u32, burst: u32, concurrent: u32) -> Limits {
    Limits { requests_per_minute: per_minute, burst_per_second: burst, concurrent, ..Limits::default() }
}

/// A request of a key of organization 1 that is not in the way.
fn asking(number: u128, limits: &Limits) -> Asking<'_> {
    Asking {
        key: key(number),
        limits,
        user: None,
        user_requests_per_minute: MANY,
        project: ProjectId::new(Uuid::from_u128(1)),
        project_requests_per_minute: None,
        project_tokens_per_minute: None,
        org: OrgId::new(Uuid::from_u128(1)),
        org_requests_per_minute: MANY,
        org_tokens_per_minute: None,
    }
}

fn admit(memory: &Memory, number: u128, limits: &Limits, now_ms: i64) -> Result<Admitted, Refused> {
    memory.admit(&asking(number, limits), now_ms)
}

fn check(limits: Limits, requests: usize, expect: (&'static str, u32)) {
    let memory = Memory::default();
    let held: Vec<_> = (0..requests).map(|_| admit(&memory, 1, &limits, 5_000).unwrap()).collect();
    let refused = admit(&memory, 1, &limits, 5_000).unwrap_err();
    assert_eq!((refused.which, refused.limit), expect);
    assert!(refused.retry_after_ms > 0 && refused.reset_ms >= refused.retry_after_ms);
    assert!(admit(&memory, 2, &limits, 5_000).is_ok(), "another key is not concerned");
    drop(held);
}

#[test]
fn each_limit_refuses_by_its_name() {
    check(limits(3, 100, 100), 3, ("requests_per_minute", 3));
    check(limits(100, 2, 100), 2, ("burst", 2));
    check(limits(100, 100, 4), 4, ("concurrency", 4));
}

#[test]
fn an_ended_request_gives_its_place_back() {
    let memory = Memory::default();
    let limits = limits(1_000, 1_000, 1);
    for _ in 0..10 {
        let admitted = admit(&memory, 1, &limits, 0).unwrap();
        assert_eq!(admitted.in_flight(), 1);
        assert_eq!(admit(&memory, 1, &limits, 0).unwrap_err().which, "concurrency");
    }
}

#[test]
fn standing_counts_down() {
    let memory = Memory::default();
    let limits = limits(3, 100, 100);
    let remaining: Vec<u32> =
        (0..3).map(|_| admit(&memory, 1, &limits, 60_000).unwrap().requests.remaining).collect();
    assert_eq!(remaining, [2, 1, 0]);
}

#[test]
fn an_organization_is_limited_over_all_of_its_keys() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let narrow = |number| Asking { org_requests_per_minute: 20, ..asking(number, &limits) };
    let passed = (0..100).filter(|turn| memory.admit(&narrow(turn % 50), 5_000).is_ok()).count();
    assert_eq!(passed, 20);
    let refused = memory.admit(&narrow(60), 5_000).unwrap_err();
    assert_eq!((refused.which, refused.limit), ("org_requests_per_minute", 20));
    let other = Asking { org: OrgId::new(Uuid::from_u128(2)), ..narrow(70) };
    assert!(memory.admit(&other, 5_000).is_ok(), "another organization is not concerned");
    let later = 5_000 + i64::try_from(refused.retry_after_ms).unwrap();
    assert!(memory.admit(&narrow(60), later).is_ok(), "waiting as told is enough");
}

#[test]
fn a_person_is_limited_over_all_keys_of_theirs() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let of = |user: u128, number| Asking {
        user: Some(UserId::new(Uuid::from_u128(user))),
        user_requests_per_minute: 300,
        org: OrgId::new(Uuid::from_u128(number % 3)),
        ..asking(number, &limits)
    };
    let passed = (0..1_000).filter(|turn| memory.admit(&of(1, turn % 50), 5_000).is_ok()).count();
    assert_eq!(passed, 300);
    let refused = memory.admit(&of(1, 60), 5_000).unwrap_err();
    assert_eq!(
        (refused.which, refused.unit, refused.limit),
        ("user_requests_per_minute", Unit::Requests, 300)
    );
    assert!(memory.admit(&of(2, 70), 5_000).is_ok(), "another person is not concerned");
    assert!(memory.admit(&asking(80, &limits), 5_000).is_ok(), "nor a key that nobody made");
    let later = 5_000 + i64::try_from(refused.retry_after_ms).unwrap();
    assert!(memory.admit(&of(1, 60), later).is_ok(), "waiting as told is enough");
}

#[test]
fn what_the_organization_refuses_costs_the_person_nothing() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let of = |org_limit, number| Asking {
        user: Some(UserId::new(Uuid::from_u128(1))),
        user_requests_per_minute: 2,
        org_requests_per_minute: org_limit,
        ..asking(number, &limits)
    };
    for turn in 0..50 {
        let refused = memory.admit(&of(0, turn), 5_000).unwrap_err();
        assert_eq!(refused.which, "org_requests_per_minute");
    }
    let passed = (0..50).filter(|turn| memory.admit(&of(MANY, *turn), 5_000).is_ok()).count();
    assert_eq!(passed, 2);
    // And the other way: what the person's limit refuses is not counted for the organization.
    let narrow = Asking { user: None, ..of(3, 90) };
    assert!(memory.admit(&narrow, 5_000).is_ok());
    assert_eq!(memory.admit(&narrow, 5_000).unwrap_err().which, "org_requests_per_minute");
}

#[test]
fn a_project_is_limited_over_all_of_its_keys() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let of = |project, number| Asking {
        project: ProjectId::new(Uuid::from_u128(project)),
        project_requests_per_minute: Some(20),
        ..asking(number, &limits)
    };
    let passed = (0..100).filter(|turn| memory.admit(&of(1, turn % 50), 5_000).is_ok()).count();
    assert_eq!(passed, 20);
    let refused = memory.admit(&of(1, 60), 5_000).unwrap_err();
    assert_eq!(
        (refused.which, refused.unit, refused.limit),
        ("project_requests_per_minute", Unit::Requests, 20)
    );
    assert!(memory.admit(&of(2, 70), 5_000).is_ok(), "another project is not concerned");
    let later = 5_000 + i64::try_from(refused.retry_after_ms).unwrap();
    assert!(memory.admit(&of(1, 60), later).is_ok(), "waiting as told is enough");
    let unlimited = Asking { project_requests_per_minute: None, ..of(1, 60) };
    assert!((0..100).all(|_| memory.admit(&unlimited, 5_000).is_ok()), "no limit, no refusal");
}

/// What one limit refuses costs those that a request is shared with nothing, whichever of them it is.
#[test]
fn a_shared_limit_that_refuses_uses_up_no_other() {
    fn check(which: &str, narrow: impl Fn(Asking<'_>) -> Asking<'_>) {
        let memory = Memory::default();
        let limits = limits(3, MANY, MANY);
        let of_three = Asking {
            user: Some(UserId::new(Uuid::from_u128(1))),
            user_requests_per_minute: 3,
            project_requests_per_minute: Some(3),
            org_requests_per_minute: 3,
            ..asking(1, &limits)
        };
        for _ in 0..50 {
            assert_eq!(memory.admit(&narrow(of_three), 5_000).unwrap_err().which, which);
        }
        let passed = (0..50).filter(|_| memory.admit(&of_three, 5_000).is_ok()).count();
        assert_eq!(passed, 3, "{which}");
    }
    check("user_requests_per_minute", |asking| Asking { user_requests_per_minute: 0, ..asking });
    check("project_requests_per_minute", |asking| Asking { project_requests_per_minute: Some(0), ..asking });
    check("project_tokens_per_minute", |asking| Asking { project_tokens_per_minute: Some(0), ..asking });
    check("org_requests_per_minute", |asking| Asking { org_requests_per_minute: 0, ..asking });
    check("org_tokens_per_minute", |asking| Asking { org_tokens_per_minute: Some(0), ..asking });
}

#[test]
fn threads_never_exceed_the_limit_of_a_project_together() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let passed: usize = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..8u128)
            .map(|thread| {
                let of_one = Asking { project_requests_per_minute: Some(50), ..asking(thread, &limits) };
                let memory = &memory;
                scope.spawn(move || (0..100).filter(|_| memory.admit(&of_one, 1_000).is_ok()).count())
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).sum()
    });
    assert!((40..=50).contains(&passed), "{passed} of 50");
}

#[test]
fn threads_never_exceed_the_limit_of_a_person_together() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let passed: usize = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..8u128)
            .map(|thread| {
                let of_one = Asking {
                    user: Some(UserId::new(Uuid::from_u128(1))),
                    user_requests_per_minute: 50,
                    ..asking(thread, &limits)
                };
                let memory = &memory;
                scope.spawn(move || (0..100).filter(|_| memory.admit(&of_one, 1_000).is_ok()).count())
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).sum()
    });
    assert!((40..=50).contains(&passed), "{passed} of 50");
}

#[test]
fn tokens_count_when_they_are_spent() {
    let memory = Memory::default();
    let limits = Limits { tokens_per_minute: Some(1_000), ..limits(MANY, MANY, MANY) };
    let of_org = |number, tokens| Asking { org_tokens_per_minute: Some(tokens), ..asking(number, &limits) };
    let first = memory.admit(&of_org(1, 5_000), 0).unwrap();
    assert_eq!(first.tokens.unwrap().remaining, 1_000);
    first.spend(999, Timestamp(0));
    let second = memory.admit(&of_org(1, 5_000), 0).unwrap();
    assert_eq!(second.tokens.unwrap().remaining, 1);
    second.spend(4_001, Timestamp(0));
    let refused = memory.admit(&of_org(1, 5_000), 0).unwrap_err();
    assert_eq!((refused.which, refused.unit, refused.limit), ("tokens_per_minute", Unit::Tokens, 1_000));
    let refused = memory.admit(&of_org(2, 5_000), 0).unwrap_err();
    assert_eq!((refused.which, refused.limit), ("org_tokens_per_minute", 5_000));
    assert!(memory.admit(&of_org(2, 5_001), 0).is_ok());
    assert!(memory.admit(&of_org(1, 5_000), 60_469).is_ok(), "a minute later all of it is free again");
}

#[test]
fn tokens_of_a_project_are_counted_over_its_keys() {
    let memory = Memory::default();
    let limits = limits(MANY, MANY, MANY);
    let of = |number, tokens| Asking { project_tokens_per_minute: tokens, ..asking(number, &limits) };
    memory.admit(&of(1, None), 0).unwrap().spend(500, Timestamp(0));
    memory.admit(&of(1, Some(1_000)), 0).unwrap().spend(600, Timestamp(0));
    let last = memory.admit(&of(2, Some(1_000)), 0).unwrap();
    last.spend(400, Timestamp(0));
    let refused = memory.admit(&of(3, Some(1_000)), 0).unwrap_err();
    assert_eq!(
        (refused.which, refused.unit, refused.limit),
        ("project_tokens_per_minute", Unit::Tokens, 1_000)
    );
    let other = Asking { project: ProjectId::new(Uuid::from_u128(2)), ..of(4, Some(1_000)) };
    assert!(memory.admit(&other, 0).is_ok(), "another project is not concerned");
    assert!(memory.admit(&of(3, Some(1_000)), 60_469).is_ok(), "a minute later all of it is free again");
}

#[test]
fn tokens_of_a_request_that_took_long_are_not_forgotten_with_it() {
    let memory = Memory::default();
    let limits = Limits { tokens_per_minute: Some(10), ..limits(MANY, MANY, MANY) };
    let of = |number| Asking {
        project_tokens_per_minute: Some(10),
        org_tokens_per_minute: Some(10),
        ..asking(number, &limits)
    };
    let long = memory.admit(&of(1), 0).unwrap();
    long.spend(10, Timestamp(600_000_000));
    drop(long);
    // Requests of everybody else's, so that every part of the tables looks for the idle.
    for number in 100..2_000 {
        let (project, org) = (ProjectId::new(Uuid::from_u128(number)), OrgId::new(Uuid::from_u128(number)));
        drop(memory.admit(&Asking { project, org, ..asking(number, &limits) }, 610_000));
    }
    assert_eq!(memory.admit(&of(1), 610_000).unwrap_err().which, "tokens_per_minute");
    let unlimited = Limits { tokens_per_minute: None, ..limits };
    let of_two =
        |project_tokens| Asking { project_tokens_per_minute: project_tokens, limits: &unlimited, ..of(2) };
    assert_eq!(memory.admit(&of_two(Some(10)), 610_000).unwrap_err().which, "project_tokens_per_minute");
    assert_eq!(memory.admit(&of_two(None), 610_000).unwrap_err().which, "org_tokens_per_minute");
}

#[test]
fn a_refusal_counts_nowhere() {
    let memory = Memory::default();
    // Refused by the minute, by the organization, by tokens: the one place in this second stays.
    let narrow = limits(1, 2, 100);
    drop(admit(&memory, 1, &narrow, 0));
    let spent = Limits { tokens_per_minute: Some(0), ..limits(100, 2, 100) };
    let wide = limits(100, 2, 100);
    for _ in 0..50 {
        assert_eq!(admit(&memory, 1, &narrow, 0).unwrap_err().which, "requests_per_minute");
        assert_eq!(admit(&memory, 1, &spent, 0).unwrap_err().which, "tokens_per_minute");
        let org = Asking { org_requests_per_minute: 1, ..asking(1, &wide) };
        assert_eq!(memory.admit(&org, 0).unwrap_err().which, "org_requests_per_minute");
    }
    let org = Asking { org_requests_per_minute: 2, ..asking(1, &wide) };
    let last = memory.admit(&org, 0).unwrap();
    assert_eq!(last.requests.remaining, 98);
}

#[test]
fn idle_keys_are_forgotten_but_not_their_requests_in_flight() {
    let memory = Memory::default();
    let limits = limits(100, 100, 1);
    let held = admit(&memory, 0, &limits, 0).unwrap();
    for number in 1..2_000 {
        let (project, org) = (ProjectId::new(Uuid::from_u128(number)), OrgId::new(Uuid::from_u128(number)));
        drop(memory.admit(&Asking { project, org, ..asking(number, &limits) }, 0));
    }
    assert_eq!((memory.keys.len(), memory.projects.len(), memory.orgs.len()), (2_000, 1_999, 1_999));
    for round in [200_000, 400_000] {
        for number in 10_000..11_000 {
            drop(admit(&memory, number, &limits, round));
        }
    }
    assert!(memory.keys.len() <= 1_001, "{} keys are left", memory.keys.len());
    for number in 20_000..21_000 {
        let (project, org) = (ProjectId::new(Uuid::from_u128(number)), OrgId::new(Uuid::from_u128(number)));
        drop(memory.admit(&Asking { project, org, ..asking(number, &limits) }, 600_000));
    }
    assert!(memory.projects.len() <= 1_001, "{} projects are left", memory.projects.len());
    assert!(memory.orgs.len() <= 1_001, "{} organizations are left", memory.orgs.len());
    assert_eq!(admit(&memory, 0, &limits, 600_001).unwrap_err().which, "concurrency");
    drop(held);
    assert!(admit(&memory, 0, &limits, 600_001).is_ok());
}

#[test]
fn threads_never_exceed_a_limit_together() {
    let memory = Memory::default();
    let limits = limits(50, 1_000, 1_000);
    let passed: usize = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..100).filter(|_| admit(&memory, 1, &limits, 1_000).is_ok()).count()))
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).sum()
    });
    assert_eq!(passed, 50);
}

proptest! {
    #[test]
    fn requests_in_flight_stay_within_the_limit(
        steps in proptest::collection::vec((any::<bool>(), 0i64..50), 1..300), concurrent in 0u32..6
    ) {
        let memory = Memory::default();
        let limits = limits(MANY, MANY, concurrent);
        let (mut now, mut held) = (0, Vec::new());
        for (enter, gap) in steps {
            now += gap;
            if enter {
                match admit(&memory, 1, &limits, now) {
                    Ok(admitted) => held.push(admitted),
                    Err(refused) => {
                        prop_assert_eq!(refused.which, "concurrency");
                        prop_assert_eq!(held.len(), usize::try_from(concurrent).unwrap());
                    }
                }
            } else {
                held.pop();
            }
            prop_assert!(held.len() <= usize::try_from(concurrent).unwrap());
        }
    }

    #[test]
    fn a_retry_when_told_passes_the_windows(
        gaps in proptest::collection::vec(0i64..2_000, 1..200), minute in 1u32..40, burst in 1u32..5
    ) {
        let memory = Memory::default();
        let limits = limits(minute, burst, 1);
        let mut now = 1_000_000;
        for gap in gaps {
            now += gap;
            // A retry may meet the other window; with two of them a second refusal can follow, not a third.
            let mut refusals = 0;
            while let Err(refused) = admit(&memory, 1, &limits, now) {
                now += i64::try_from(refused.retry_after_ms).unwrap();
                refusals += 1;
                prop_assert!(refusals < 3);
            }
        }
    }
}
