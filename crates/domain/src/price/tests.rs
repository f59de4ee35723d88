//! Prices: exact sums, every kind and unit, and nothing that credits.

use super::*;
use proptest::prelude::*;

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn costs_are_exact_and_rounded_up_once() {
    let cost = |price: &str, tokens: u64| {
        Price::new(usd(price), Money::ZERO).unwrap().cost(&Tokens { input: tokens, ..Tokens::default() })
    };
    assert_eq!(cost("0.15", 1), usd("0.00000015"));
    assert_eq!(cost("0.15", 1_000_000), usd("0.15"));
    assert_eq!(cost("3.333333", 7), usd("0.000023334"));
    assert_eq!(cost("75", 200_000), usd("15"));
    assert_eq!(cost("10", 0), Money::ZERO);
    assert_eq!(cost("1000", 2_147_483_647), usd("2147483.647"));
    assert_eq!(cost("1000000", u64::MAX), Money::MAX);
}

#[test]
fn a_long_prompt_is_billed_by_the_second_list_as_a_whole() {
    let list = |input: &str, output: &str| Price::new(usd(input), usd(output)).unwrap();
    let stepped = Pricing::Stepped(Stepped {
        below: list("1", "10"),
        from_prompt_tokens: 200_000,
        beyond: list("2", "15"),
    });
    let cost = |input, cache_read| {
        stepped.cost(&Tokens { input, cache_read, output: 1_000_000, ..Tokens::default() })
    };
    assert_eq!(cost(199_999, 0), usd("10.199999"));
    assert_eq!(cost(200_000, 0), usd("15.4"));
    assert_eq!(cost(100_000, 100_000), usd("15.4"), "cached parts of the prompt count");
}

#[test]
fn units_are_priced_exactly_beside_tokens() {
    let list = Price {
        picture: Some(usd("0.04")),
        second: Some(usd("0.0001")),
        characters: Some(usd("15")),
        search: Some(usd("0.002")),
        ..Price::new(usd("1"), usd("2")).unwrap()
    };
    let check = |units: Units, expect: &str| {
        let tokens = Tokens { input: 3, ..Tokens::default() };
        let (cost, word) = Pricing::Priced(list).charge(&tokens, &units);
        assert_eq!((cost, word), (usd(expect), "priced"), "{units:?}");
    };
    check(Units::default(), "0.000003");
    check(Units { pictures: 2, ..Units::default() }, "0.080003");
    check(Units { sound_ms: 1_500, ..Units::default() }, "0.000153");
    check(Units { characters: 11, ..Units::default() }, "0.000168");
    check(Units { searches: 1, ..Units::default() }, "0.002003");
    check(Units { sound_ms: 1, characters: 1, ..Units::default() }, "0.0000181");
}

#[test]
fn a_unit_without_a_price_leaves_a_call_unpriced() {
    let list = Pricing::Priced(Price { picture: Some(usd("0.04")), ..Price::default() });
    let charge = |pricing: Pricing, pictures, characters| {
        pricing.charge(&Tokens::default(), &Units { pictures, characters, ..Units::default() })
    };
    assert_eq!(charge(list, 1, 0), (usd("0.04"), "priced"));
    assert_eq!(charge(list, 1, 5), (usd("0.04"), "unpriced"));
    assert_eq!(charge(Pricing::Free, 1, 5), (Money::ZERO, "free"));
    assert_eq!(charge(Pricing::Unpriced, 1, 5), (Money::ZERO, "unpriced"));
}

#[test]
fn each_kind_of_token_has_its_price() {
    let list = Price {
        cache_read: usd("0.1"),
        cache_write: usd("1.25"),
        cache_write_1h: usd("2"),
        image: usd("8"),
        audio: usd("9"),
        ..Price::new(usd("1"), usd("5")).unwrap()
    };
    let tokens = Tokens {
        input: 1,
        cache_read: 10,
        cache_write: 100,
        output: 10_000,
        reasoning: 100_000,
        audio: 1_000_000,
        cache_write_1h: 1_000,
        image: 10_000_000,
    };
    assert_eq!((tokens.total(), tokens.prompt()), (11_111_111, 1_111));
    assert_eq!(list.cost(&tokens), usd("89.552127"));
    let most = Tokens { input: u64::MAX, image: u64::MAX, ..tokens };
    let dear = Price { input: Money::MAX, image: Money::MAX, ..list };
    assert_eq!(dear.cost(&most), Money::MAX);
}

#[test]
fn negative_prices_are_refused() {
    let credit = Price { picture: Some(usd("-1")), ..Price::default() };
    assert_eq!(credit.checked(), Err(NegativePrice));
    assert_eq!(Price::new(usd("-1"), Money::ZERO), Err(NegativePrice));
}

proptest! {
    #[test]
    fn a_sum_never_costs_more_than_its_parts_and_never_less_than_exact(
        a in 0u64..1_000_000_000, b in 0u64..1_000_000_000, price in 0i64..1_000_000_000_000
    ) {
        let list = Price::new(Money::from_nanos(price), Money::from_nanos(price)).unwrap();
        let one = |input, output| list.cost(&Tokens { input, output, ..Tokens::default() }).nanos();
        let both = one(a, b);
        prop_assert!(both <= one(a, 0) + one(0, b));
        prop_assert!(i128::from(both) * 1_000_000 >= i128::from(a + b) * i128::from(price));
        prop_assert!(i128::from(both) * 1_000_000 < i128::from(a + b) * i128::from(price) + 1_000_000);
    }
}

#[test]
fn a_share_of_a_price_is_rounded_up() {
    let check = |whole: &str, percent, expect: &str| {
        let list = Price::new(usd(whole), usd(whole)).unwrap();
        let Pricing::Priced(part) = Pricing::Priced(list).at_percent(percent) else { panic!("{whole}") };
        assert_eq!((part.input, part.reasoning, part.picture), (usd(expect), usd(expect), None), "{whole}");
    };
    check("2.50", 50, "1.25");
    check("0.15", 50, "0.075");
    check("0.000000001", 50, "0.000000001");
    check("0.000000003", 50, "0.000000002");
    check("3", 100, "3");
    check("0", 50, "0");
    assert_eq!(Pricing::Free.at_percent(50), Pricing::Free);
    assert_eq!(Pricing::Unpriced.at_percent(50), Pricing::Unpriced);
    let most = Price { search: Some(Money::MAX), ..Price::default() }.at_percent(u8::MAX);
    assert_eq!(most.search, Some(Money::MAX));
}

proptest! {
    #[test]
    fn a_share_is_the_least_amount_that_covers_it(nanos in 0..i64::MAX, percent in 0..=100_u8, from in 0..u64::MAX) {
        let whole = Price { picture: Some(Money::from_nanos(nanos)), ..Price::default() };
        let long = Price::new(Money::from_nanos(nanos), Money::ZERO).unwrap();
        let stepped = Pricing::Stepped(Stepped { below: whole, from_prompt_tokens: from, beyond: long });
        let Pricing::Stepped(part) = stepped.at_percent(percent) else { panic!("the steps stay") };
        prop_assert_eq!(part.from_prompt_tokens, from);
        prop_assert_eq!(part.below.picture, Some(part.beyond.input));
        let hundredths = i128::from(part.beyond.input.nanos()) * 100;
        let exact = i128::from(nanos) * i128::from(percent);
        prop_assert!(hundredths >= exact && hundredths < exact + 100);
    }
}

#[test]
fn tokens_are_joined_and_parted_kind_by_kind() {
    let one = Tokens { input: 1, cache_read: 2, cache_write: 3, output: 4, ..Tokens::default() };
    let other =
        Tokens { input: 10, reasoning: 5, audio: 6, cache_write_1h: 7, image: 8, ..Tokens::default() };
    let both = one.plus(&other);
    assert_eq!(both.total(), one.total() + other.total());
    assert_eq!((both.less(&other), both.less(&one)), (one, other));
    assert_eq!(one.less(&both), Tokens::default(), "nothing is below zero");
    assert_eq!(Tokens { input: u64::MAX, ..one }.plus(&one).input, u64::MAX);
}
