//! Names of what a protocol cannot say or a reader has no place for, each once, in the order in which they were met.

/// The names so far.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// Notes a name.
    pub(crate) fn add(&mut self, name: &str) {
        if !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }

    /// Notes a name if something has it.
    pub(crate) fn add_if(&mut self, is_lost: bool, name: &str) {
        if is_lost {
            self.add(name);
        }
    }

    /// All of them.
    pub(crate) fn into_list(self) -> Vec<String> {
        self.0
    }
}
