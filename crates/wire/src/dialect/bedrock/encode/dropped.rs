//! The names of what is left out, each once and as it was met.

/// The list.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    pub(super) names: Vec<String>,
}

impl Dropped {
    pub(super) fn name(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }
}
