//! What is wrong with a configuration and how to mend it, all of it at once. It never quotes a secret.

use std::fmt;

use super::safety::Check;

/// One fault: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The setting, variable or file.
    pub subject: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
    /// The check of production safety that found it; a fault without one stops every start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<&'static str>,
}

impl Fault {
    /// A fault of `subject`.
    pub fn new(subject: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { subject: subject.into(), problem: problem.into(), fix: fix.into(), check: None }
    }

    /// The same, as found by a check of production safety.
    #[must_use]
    pub fn of(self, check: &Check) -> Self {
        Self { check: Some(check.name), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.subject, self.problem, self.fix)?;
        self.check.map_or(Ok(()), |check| write!(f, " (safety check `{check}`)"))
    }
}

/// Every fault of a configuration; never empty when it is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            many => {
                write!(f, "the configuration has {} faults:", many.len())?;
                many.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
            }
        }
    }
}

impl std::error::Error for Faults {}
