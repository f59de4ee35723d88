//! What is remembered of kinds, and for how long.

use domain::id::CallId;
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::time::Timestamp;
use domain::usage::CallOpened;
use uuid::Uuid;

use super::*;

fn call(model: usize) -> CallSettled {
    let id = Uuid::from_u128(1);
    let opened = CallOpened {
        call: CallId::new(id),
        org: OrgId::new(id),
        project: ProjectId::new(id),
        key: KeyId::new(id),
        surface: Surface::Chat,
        started_at: Timestamp(1),
        trace: None,
    };
    CallSettled {
        opened,
        provider_key: None,
        route_mode: None,
        provider: "openai".to_owned(),
        model: format!("model-{model}"),
        outcome: Outcome::Complete,
        tokens: Tokens::default(),
        units: Units::default(),
        source: UsageSource::Provider,
        cost: Money::ZERO,
        pricing: "priced".to_owned(),
        price_version: "v1".to_owned(),
    }
}

fn known(kinds: &Kinds, call: &CallSettled) -> Option<i64> {
    kinds.known.lock().unwrap().find(kinds.hash(call), call).map(|numbers| numbers.kind)
}

fn remember(kinds: &Kinds, calls: &[CallSettled]) {
    let mut fresh = Table::default();
    for (number, call) in (1..).zip(calls) {
        fresh.add(kinds.hash(call), Kind::of(call), Numbers { kind: number, bearer: 1 });
    }
    kinds.remember(Found { numbers: Vec::new(), fresh });
}

#[test]
fn kinds_that_differ_in_anything_are_different() {
    let kinds = Kinds::default();
    // Two postings at once may find the same.
    remember(&kinds, &[call(1)]);
    remember(&kinds, &[call(1)]);
    assert_eq!(kinds.known.lock().unwrap().kinds, 1);
    assert_eq!(known(&kinds, &call(1)), Some(1));
    let other = Uuid::from_u128(2);
    let differ: [fn(&mut CallSettled, Uuid); 12] = [
        |call, id| call.opened.org = OrgId::new(id),
        |call, id| call.opened.project = ProjectId::new(id),
        |call, id| call.opened.key = KeyId::new(id),
        |call, _| call.opened.surface = Surface::Messages,
        |call, id| call.provider_key = Some(ProviderKeyId::new(id)),
        |call, _| call.route_mode = Some(RouteMode::Byok),
        |call, _| call.provider.push('x'),
        |call, _| call.model.push('x'),
        |call, _| call.outcome = Outcome::Cut,
        |call, _| call.source = UsageSource::Estimated,
        |call, _| call.pricing.push('x'),
        |call, _| call.price_version.push('x'),
    ];
    for (index, differ) in differ.into_iter().enumerate() {
        let mut call = call(1);
        differ(&mut call, other);
        assert_eq!(known(&kinds, &call), None, "{index}");
        // Not even where the hash is the same.
        assert!(!Kind::of(&self::call(1)).is_of(&call), "{index}");
    }
    let mut call = call(1);
    (call.cost, call.tokens.output, call.units.pictures) = (Money::MAX, 9, 9);
    assert_eq!(known(&kinds, &call), Some(1), "what is of one call is of no kind");
}

#[test]
fn no_more_kinds_are_remembered_than_have_room() {
    let kinds = Kinds::default();
    let calls: Vec<_> = (0..MOST).map(call).collect();
    remember(&kinds, &calls);
    assert!((1..).zip(&calls).all(|(number, call)| known(&kinds, call) == Some(number)));
    remember(&kinds, &[call(MOST)]);
    assert_eq!((known(&kinds, &call(MOST)), known(&kinds, &calls[0])), (Some(1), None));
}
