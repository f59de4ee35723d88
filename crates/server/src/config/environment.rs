//! The process environment as a value: the only file that reads it. It knows no setting.

use std::collections::BTreeMap;

/// The environment variables of this process, or those a test made up. Values may be secret: never printed.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    unreadable: Vec<String>,
}

impl Variables {
    /// Reads the environment once. What is not UTF-8 is remembered by name only.
    #[must_use]
    pub fn of_this_process() -> Self {
        let mut variables = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(variables.values.insert(name, value)),
                Err(_) => variables.unreadable.push(name),
            }
        }
        variables
    }

    /// The value of one variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Every variable with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Names of the variables whose value is not UTF-8.
    #[must_use]
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { values, unreadable: Vec::new() }
    }
}
