use domain::file::Requests;
use domain::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};
use domain::price::Stepped;
use domain::time::Timestamp;
use domain::usage::{CallOpened, RouteMode, Surface};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// A batch of four requests that read 400 bytes.
fn batch() -> Batch {
    let opened = CallOpened {
        call: CallId::new(Uuid::nil()),
        org: OrgId::new(Uuid::nil()),
        project: ProjectId::new(Uuid::nil()),
        key: KeyId::new(Uuid::nil()),
        surface: Surface::Batches,
        started_at: Timestamp(0),
        trace: None,
    };
    let requests = Requests { surface: Surface::Chat, model: "m".to_owned(), count: 4, input_bytes: 400 };
    Batch {
        opened,
        connection: ProviderKeyId::new(Uuid::nil()),
        route_mode: RouteMode::Platform,
        provider: "openai".to_owned(),
        input_file: "file-in".to_owned(),
        requests,
        pricing: Pricing::Unpriced,
        price_version: "none".to_owned(),
        name: None,
    }
}

fn told(status: Status, output: Option<&str>, usage: Option<Tokens>) -> BatchObject {
    BatchObject {
        id: "batch_1".to_owned(),
        status,
        input_file: None,
        output_file: output.map(str::to_owned),
        error_file: None,
        created_at: None,
        usage,
    }
}

fn tokens(input: u64, output: u64) -> Tokens {
    Tokens { input, output, ..Tokens::default() }
}

fn list(input: i64, output: i64, request: i64) -> Price {
    let price = Price::new(Money::from_nanos(input), Money::from_nanos(output)).unwrap();
    Price { request: Money::from_nanos(request), ..price }
}

#[test]
fn lines_say_what_was_used_then_the_batch_then_nobody() {
    let check = |told: BatchObject, results: Option<Results>, expect: (u64, u64, Estimated)| {
        let used = used(&batch(), &told, results.as_ref());
        assert_eq!((used.tokens.input, used.tokens.output, used.estimated), expect, "{told:?} {results:?}");
    };
    let whole = Results { tokens: tokens(30, 3), answered: 4, ..Results::default() };
    let broken = Results { tokens: tokens(30, 3), answered: 3, unreadable: 1, ..Results::default() };
    let silent = Results {
        tokens: tokens(20, 2),
        answered: 4,
        uncounted: 2,
        uncounted_bytes: 8,
        ..Results::default()
    };
    let (sum, done) = (Some(tokens(50, 5)), Status::Completed);
    check(told(done, Some("f"), None), Some(whole), (30, 3, Estimated::Nothing));
    check(told(done, Some("f"), sum), Some(whole), (30, 3, Estimated::Nothing));
    check(told(done, Some("f"), sum), Some(broken), (50, 5, Estimated::Nothing));
    check(told(done, Some("f"), None), Some(broken), (55, 3, Estimated::Something));
    check(told(done, Some("f"), None), Some(silent), (70, 4, Estimated::Something));
    check(told(done, Some("f"), sum), None, (50, 5, Estimated::Nothing));
    check(told(done, Some("f"), None), None, (100, 0, Estimated::Something));
    // Done, and nothing is there: whoever took it away, it was done.
    check(told(done, None, sum), Some(Results::default()), (50, 5, Estimated::Nothing));
    check(told(done, None, None), Some(Results::default()), (100, 0, Estimated::Something));
    for status in [Status::Failed, Status::Expired, Status::Cancelled] {
        check(told(status, None, None), Some(Results::default()), (0, 0, Estimated::Nothing));
    }
    check(told(Status::Failed, None, None), None, (0, 0, Estimated::Nothing));
}

#[test]
fn every_request_is_charged_by_its_own_prompt() {
    let check = |pricing: Pricing, used: Used, expect: i64| {
        assert_eq!(cost(&pricing, &used).nanos(), expect, "{pricing:?} {used:?}");
    };
    let used = |all: Tokens, beyond: Tokens, answered: u64| Used {
        tokens: all,
        beyond,
        answered,
        estimated: Estimated::Nothing,
    };
    let none = Tokens::default();
    check(Pricing::Priced(list(1_000_000, 2_000_000, 0)), used(tokens(10, 1), none, 3), 12);
    check(Pricing::Priced(list(1_000_000, 2_000_000, 5)), used(tokens(10, 1), none, 3), 27);
    check(Pricing::Priced(list(1, 1, 0)), used(tokens(1, 0), none, 1), 1);
    check(Pricing::Free, used(tokens(10, 1), none, 3), 0);
    check(Pricing::Unpriced, used(tokens(10, 1), none, 3), 0);
    let stepped = Pricing::Stepped(Stepped {
        below: list(1_000_000, 1_000_000, 1),
        from_prompt_tokens: 100,
        beyond: list(3_000_000, 3_000_000, 1),
    });
    check(stepped, used(tokens(250, 5), tokens(150, 1), 4), 100 + 4 + 3 * 151 + 4);
}

proptest! {
    #[test]
    fn a_batch_costs_what_its_lines_cost_but_for_the_rounding(
        lines in proptest::collection::vec((0u64..2_000, 0u64..2_000), 1..50),
        input in 0i64..100_000_000, output in 0i64..100_000_000, request in 0i64..1_000,
    ) {
        let stepped = Stepped {
            below: list(input, output, request),
            from_prompt_tokens: 1_000,
            beyond: list(input * 2, output * 2, request),
        };
        let mut used = Used { answered: lines.len() as u64, ..Used::default() };
        let mut each = 0i64;
        for (input, output) in &lines {
            let line = tokens(*input, *output);
            each += Pricing::Stepped(stepped).cost(&line).nanos();
            used.tokens.input += input;
            used.tokens.output += output;
            if line.prompt() >= stepped.from_prompt_tokens {
                used.beyond.input += input;
                used.beyond.output += output;
            }
        }
        let whole = cost(&Pricing::Stepped(stepped), &used).nanos();
        prop_assert!(whole <= each + 1 && each <= whole + i64::try_from(lines.len()).unwrap(), "{whole} {each}");
    }
}
