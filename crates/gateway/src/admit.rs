//! Whether the caller may make one more request now: windows and concurrency, in one decision.

use domain::code::Code;
use live::counters::Admitted;

use crate::arrival::Arrival;
use crate::authenticate::Caller;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};

/// Counts the request against the key's limits. The slot is given back when the result is dropped.
pub(crate) async fn admit(gate: &Gateway, arrival: &Arrival, caller: &Caller) -> Result<Admitted, Stop> {
    gate.counters.admit(caller.scope.key(), &caller.key.limits, arrival.at).await.map_err(|refused| {
        tracing::info!(
            request_id = arrival.request_id(), key = %caller.scope.key(), limit = refused.which, "rate limited"
        );
        let message = format!(
            "This key is over its limit ({}: {}). Retry after {} ms.",
            refused.which, refused.limit, refused.retry_after_ms
        );
        Refusal::new(Code::RateLimited, message)
            .retry_after_ms(refused.retry_after_ms)
            .limited(refused.limit, refused.reset_ms)
            .into()
    })
}
