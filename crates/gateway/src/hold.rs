//! The last line before anything costs money: the call is recorded as open, durably, or it is not made.

use std::sync::Arc;

use domain::code::Code;
use domain::usage::{CallOpened, Outcome, Pace, Trace};
use live::counters::Admitted;

use crate::arrival::Arrival;
use crate::authenticate::Caller;
use crate::call::{Asks, Call, Produced};
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};

/// Opens the call in the outbox. The result settles itself, whatever happens to it.
pub(crate) async fn hold(
    gate: &Arc<Gateway>,
    arrival: &Arrival,
    caller: &Caller,
    admitted: Admitted,
    asked: &Asked,
) -> Result<Box<Call>, Stop> {
    let opened = CallOpened {
        call: arrival.call,
        org: caller.scope.org(),
        project: caller.scope.project(),
        key: caller.scope.key(),
        surface: asked.surface,
        started_at: arrival.at,
        trace: trace(arrival, caller, asked),
    };
    let unavailable = || Refusal::new(Code::Unavailable, "Calls cannot be recorded at the moment.");
    let event = domain::usage::Event::Opened(opened);
    let ticket = gate.outbox.append(&event).map_err(|full| {
        tracing::error!(call = %arrival.call, %full, "a call was refused: the outbox takes no record");
        unavailable()
    })?;
    let domain::usage::Event::Opened(opened) = event else { return Err(unavailable().into()) };
    let asks = Asks { input_bytes: asked.facts.input_bytes as u64, units: asked.units };
    let mut call = Call::open(Arc::clone(gate), arrival, opened, admitted, asks);
    match gate.outbox.durable(ticket).await {
        Ok(()) => Ok(call),
        Err(failed) => {
            tracing::error!(call = %arrival.call, %failed, "a call was refused: the outbox cannot be synced");
            call.settle(Outcome::Failed, 503, Produced::default());
            Err(unavailable().into())
        }
    }
}

/// What is kept of the call beside the books; where nothing is kept, nothing is written down in the first place.
fn trace(arrival: &Arrival, caller: &Caller, asked: &Asked) -> Option<Trace> {
    (caller.key.trace_hours > 0).then(|| Trace {
        request_id: arrival.request_id().to_owned(),
        model_asked: asked.facts.model.clone(),
        streamed: asked.facts.stream,
        pace: Pace::default(),
    })
}
