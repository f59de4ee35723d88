//! What of a request this protocol cannot say.

use domain::chat::Request;

use crate::dialect::names::Names;

/// Adds the settings that have no place, and what had none in the neutral form.
pub(super) fn of_request(request: &Request, dropped: &mut Names) {
    let sampling = &request.sampling;
    let settings = [
        ("top_k", sampling.top_k.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("seed", sampling.seed.is_some()),
        ("stop", !request.stop.is_empty()),
        ("safety", request.safety.is_some()),
    ];
    for (name, _) in settings.iter().filter(|(_, is_said)| *is_said) {
        dropped.add(name);
    }
    for name in &request.unplaced {
        dropped.add(name);
    }
}
