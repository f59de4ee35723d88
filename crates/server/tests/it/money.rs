//! The vectors of money arithmetic, as far as there are books: prices, sums, and what may never be credited.

use domain::money::Money;
use domain::price::{Price, Tokens};
use domain::usage::Surface;
use serde_json::Value;

use crate::vectors;

const FILE: &str = "money_math";

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

/// An exact decimal of any length in units of 1e-15 USD, to compare without rounding.
fn femto(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() <= 15, "{text}");
    format!("{whole}{part:0<15}").parse().unwrap()
}

fn check_price(row: &Value) {
    let (input, id) = (&row["input"], &row["id"]);
    let price = Price::new(usd(input["usd_per_million"].as_str().unwrap()), Money::ZERO).unwrap();
    let tokens = Tokens { input: input["tokens"].as_u64().unwrap(), ..Tokens::default() };
    let booked = i128::from(price.cost(&tokens).nanos()) * 1_000_000;
    let exact = femto(row["expect"]["usd_exact"].as_str().unwrap());
    assert!((exact..exact + 1_000_000).contains(&booked), "{id}: {booked} for {exact}");
}

#[test]
fn costs_are_exact_and_rounded_up_once() {
    for id in [
        "money-price-small",
        "money-price-million",
        "money-price-odd",
        "money-price-big",
        "money-price-zero-t",
        "money-price-max",
    ] {
        check_price(&vectors::row(FILE, id));
    }
}

#[test]
fn sums_do_not_drift() {
    vectors::row(FILE, "money-sum-01");
    let tenth_of_a_millionth = usd("0.0000001");
    let sum = (0..10_000).try_fold(Money::ZERO, |sum, _| sum.checked_add(tenth_of_a_millionth));
    assert_eq!(sum, Some(usd("0.001")));
}

#[test]
fn a_price_is_a_decimal_and_never_negative() {
    vectors::row(FILE, "money-neg-price");
    vectors::row(FILE, "money-string-price");
    assert!(Price::new(usd("-1"), Money::ZERO).is_err());
    let row = |price: &str| {
        format!(
            "version = \"t\"\n[[model]]\nprovider = \"openai\"\nname = \"m\"\nkind = \"chat\"\ninput = {price}\n\
             output = \"1\"\nsource = \"https://example.com\"\nchecked = \"2026-01-01\"\n"
        )
    };
    let parse = |price: &str| wire::catalog::Catalog::parse(&row(price));
    parse("\"0.15\"").unwrap();
    assert!(parse("\"-1\"").is_err(), "a negative price is not loaded");
    assert!(parse("0.15").is_err(), "a price is text, so that no float ever holds it");
}

#[test]
fn a_negative_count_credits_nobody() {
    vectors::row(FILE, "money-neg-qty");
    let body =
        br#"{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":5,"completion_tokens":-5}}"#;
    let answer = wire::openai::read_answer(Surface::Chat, body).unwrap();
    assert_eq!(answer.tokens, None, "the report is void, and the call is estimated");
    assert!(wire::openai::estimate_tokens(answer.output_bytes) > 0);
}

#[test]
fn every_row_is_run_or_listed() {
    vectors::all_in_one_place(FILE, &[include_str!("money.rs")]);
}
