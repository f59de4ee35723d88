//! Whether the caller may make one more request now: all windows of its key, of the person who made it, of its
//! project and of its organization, and concurrency, in one decision.

use domain::code::Code;
use live::counters::{Admitted, Asking};

use crate::arrival::Arrival;
use crate::authenticate::Caller;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};

/// Counts the request against every limit, or against none. The slot is given back when the result is dropped.
pub(crate) async fn admit(gate: &Gateway, arrival: &Arrival, caller: &Caller) -> Result<Admitted, Stop> {
    let key = &caller.key;
    let (project_limits, org_limits) = (key.project_limits, key.org_limits);
    let asking = Asking {
        key: caller.scope.key(),
        limits: &key.limits,
        user: caller.scope.user(),
        user_requests_per_minute: org_limits
            .user_requests_per_minute
            .unwrap_or(gate.settings.user_requests_per_minute),
        project: caller.scope.project(),
        project_requests_per_minute: project_limits.requests_per_minute,
        project_tokens_per_minute: project_limits.tokens_per_minute,
        org: caller.scope.org(),
        org_requests_per_minute: org_limits
            .requests_per_minute
            .unwrap_or(gate.settings.org_requests_per_minute),
        org_tokens_per_minute: org_limits.tokens_per_minute,
    };
    gate.counters.admit(&asking, arrival.at).await.map_err(|refused| {
        tracing::info!(
            call = %arrival.call, key = %caller.scope.key(), limit = refused.which, "rate limited"
        );
        let message = format!(
            "This key is over its limit ({}: {}). Retry after {} ms.",
            refused.which, refused.limit, refused.retry_after_ms
        );
        Refusal::new(Code::RateLimited, message)
            .retry_after_ms(refused.retry_after_ms)
            .limited(refused.unit, refused.limit, refused.reset_ms)
            .into()
    })
}
