//! `portcullis provider quota`: how much may go over a connection in a minute and in a day.

use anyhow::Result;
use clap::Args;
use domain::pool::quota::{Quotas, SPEND_STEP_NANOS};
use serde::Serialize;
use store::Store;
use store::edit::Edit;
use store::provider_keys::{ProviderKey, ProviderKeyChange};

use crate::cmd::context::Context;

/// Digits after the point of an amount: thousandths of a dollar.
const DECIMALS: usize = 3;

/// `portcullis provider quota`
#[derive(Debug, Args)]
pub struct QuotaArgs {
    /// Its name or id
    pub(super) connection: String,
    /// Requests in any 60 seconds, or `off`
    #[arg(long, value_name = "N", value_parser = count)]
    rpm: Option<Own>,
    /// Requests in any 24 hours, or `off`
    #[arg(long, value_name = "N", value_parser = count)]
    rpd: Option<Own>,
    /// Tokens in any 60 seconds, counted when a call ends, or `off`
    #[arg(long, value_name = "N", value_parser = count)]
    tpm: Option<Own>,
    /// Tokens in any 24 hours, counted when a call ends, or `off`
    #[arg(long, value_name = "N", value_parser = count)]
    tpd: Option<Own>,
    /// What the calls of any 24 hours may cost, such as 12.50, or `off`
    #[arg(long, value_name = "USD", value_parser = dollars)]
    spend_per_day: Option<Own>,
}

/// A quota, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Own(Option<u32>);

fn count(text: &str) -> Result<Own, String> {
    match (text, text.parse()) {
        ("off", _) => Ok(Own(None)),
        (_, Ok(number)) if number > 0 => Ok(Own(Some(number))),
        _ => Err("not a whole number above zero".to_owned()),
    }
}

/// Reads dollars as thousandths of them.
fn dollars(text: &str) -> Result<Own, String> {
    if text == "off" {
        return Ok(Own(None));
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_amount = !whole.is_empty()
        && part.len() <= DECIMALS
        && text.bytes().all(|byte| b"0123456789.".contains(&byte));
    let steps = format!("{whole}{part:0<DECIMALS$}");
    match steps.parse() {
        Ok(steps) if is_amount && steps > 0 => Ok(Own(Some(steps))),
        _ => Err("not an amount such as 12.50, with at most three digits after the point".to_owned()),
    }
}

/// Sets what is named; the rest stays.
pub(super) async fn set(
    store: &Store,
    key: &ProviderKey,
    args: &QuotaArgs,
    context: &Context,
) -> Result<ProviderKey> {
    let or = |asked: Option<Own>, before: Option<u32>| asked.map_or(before, |own| own.0);
    let quotas = Quotas {
        requests_per_minute: or(args.rpm, key.quotas.requests_per_minute),
        requests_per_day: or(args.rpd, key.quotas.requests_per_day),
        tokens_per_minute: or(args.tpm, key.quotas.tokens_per_minute),
        tokens_per_day: or(args.tpd, key.quotas.tokens_per_day),
        spend_steps_per_day: or(args.spend_per_day, key.quotas.spend_steps_per_day),
    };
    let change = ProviderKeyChange { quotas: Edit::Set(quotas), ..ProviderKeyChange::default() };
    Ok(store.provider_keys().update(key.id, &change, &context.act()).await?)
}

/// Quotas as they are printed, in the words of the API.
#[derive(Serialize)]
pub(super) struct Shown {
    requests_per_minute: Option<u32>,
    requests_per_day: Option<u32>,
    tokens_per_minute: Option<u32>,
    tokens_per_day: Option<u32>,
    spend_per_day_nanos: Option<i64>,
}

impl From<Quotas> for Shown {
    fn from(quotas: Quotas) -> Self {
        Self {
            requests_per_minute: quotas.requests_per_minute,
            requests_per_day: quotas.requests_per_day,
            tokens_per_minute: quotas.tokens_per_minute,
            tokens_per_day: quotas.tokens_per_day,
            spend_per_day_nanos: quotas.spend_steps_per_day.map(|steps| i64::from(steps) * SPEND_STEP_NANOS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_a_thousandth() {
        let check = |text: &str, expect: Option<Option<u32>>| {
            assert_eq!(dollars(text).ok().map(|own| own.0), expect, "{text}");
        };
        check("12.50", Some(Some(12_500)));
        check("0.001", Some(Some(1)));
        check("7", Some(Some(7_000)));
        check("off", Some(None));
        for bad in ["", "0", "0.0001", "-1", "+1", "1.2.3", ".5", "1e3", "4294968", "x"] {
            check(bad, None);
        }
    }
}
