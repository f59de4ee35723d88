//! Whether the caller's key may be used for this at all. The decision follows the routed endpoint, so that every
//! spelling of a path and every place for a credential meet the same rule.

use domain::code::Code;
use domain::scope::Access;

use crate::arrival::Arrival;
use crate::authenticate::Caller;
use crate::refusal::{Refusal, Stop};

/// Refuses a key that is not for this.
pub(crate) fn permit(arrival: &Arrival, caller: &Caller, access: Access) -> Result<(), Stop> {
    if caller.key.may(access) {
        return Ok(());
    }
    let needs = access.word();
    tracing::info!(call = %arrival.call, key = %caller.scope.key(), needs, "endpoint refused");
    Err(Refusal::new(
        Code::Forbidden,
        format!("This key may not be used here: it lacks the scope `{needs}`."),
    )
    .into())
}
