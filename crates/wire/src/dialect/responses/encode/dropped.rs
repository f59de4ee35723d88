//! What of a request this protocol cannot say.

use domain::chat::Request;

/// The names so far, each once, in the order they were met.
#[derive(Debug, Default)]
pub(super) struct Dropped(Vec<String>);

impl Dropped {
    pub(super) fn add(&mut self, name: &str) {
        if !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }

    /// Adds the settings that have no place, and what had none in the neutral form.
    pub(super) fn of_request(&mut self, request: &Request) {
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
            self.add(name);
        }
        for name in &request.unplaced {
            self.add(name);
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}
