//! The quotas of a provider key as they are asked for and shown: counts are integers, money is nano-dollars.

use domain::pool::quota::{Quotas, SPEND_STEP_NANOS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::problem::Problem;

/// What may go over a provider key, on each replica; null is no quota. Near the end of one (80 %) it is used last, and at
/// its end it rests until something of the window is free.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderKeyQuotas)]
pub(super) struct QuotasBody {
    /// Requests to the provider in any 60 seconds.
    #[serde(default)]
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    /// Requests to the provider in any 24 hours.
    #[serde(default)]
    #[schema(minimum = 1)]
    requests_per_day: Option<u32>,
    /// Tokens in any 60 seconds, counted when a call ends.
    #[serde(default)]
    #[schema(minimum = 1)]
    tokens_per_minute: Option<u32>,
    /// Tokens in any 24 hours, counted when a call ends.
    #[serde(default)]
    #[schema(minimum = 1)]
    tokens_per_day: Option<u32>,
    /// What the calls of any 24 hours may cost, in nano-dollars: whole thousandths of a dollar.
    #[serde(default)]
    #[schema(minimum = 1_000_000, maximum = 4_294_967_295_000_000i64, multiple_of = 1_000_000)]
    spend_per_day_nanos: Option<i64>,
}

impl QuotasBody {
    /// The quotas, if each lets something pass.
    pub(super) fn checked(self) -> Result<Quotas, Problem> {
        let Self {
            requests_per_minute,
            requests_per_day,
            tokens_per_minute,
            tokens_per_day,
            spend_per_day_nanos,
        } = self;
        for (field, allowed) in [
            ("quotas.requests_per_minute", requests_per_minute),
            ("quotas.requests_per_day", requests_per_day),
            ("quotas.tokens_per_minute", tokens_per_minute),
            ("quotas.tokens_per_day", tokens_per_day),
        ] {
            if allowed == Some(0) {
                let detail = "A quota is at least 1; a provider key that may carry nothing is disabled.";
                return Err(Problem::unfit(field, detail));
            }
        }
        let spend_steps_per_day = spend_per_day_nanos.map(steps).transpose()?;
        Ok(Quotas {
            requests_per_minute,
            requests_per_day,
            tokens_per_minute,
            tokens_per_day,
            spend_steps_per_day,
        })
    }
}

fn steps(nanos: i64) -> Result<u32, Problem> {
    let whole = nanos > 0 && nanos % SPEND_STEP_NANOS == 0;
    u32::try_from(nanos / SPEND_STEP_NANOS).ok().filter(|_| whole).ok_or_else(|| {
        Problem::unfit(
            "quotas.spend_per_day_nanos",
            "Write whole thousandths of a dollar: a multiple of 1000000, up to 4294967295000000.",
        )
    })
}

impl From<Quotas> for QuotasBody {
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
