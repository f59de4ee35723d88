//! Where a secret is kept: a reference that may be shown, never the secret itself.

use std::fmt;
use std::str::FromStr;

/// `file:PATH` or `env:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file, relative to the data folder.
    File(String),
    /// An environment variable.
    Variable(String),
}

/// A text that is no reference. It does not quote the text, which may be the secret itself.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is not a reference")]
pub struct NotAReference;

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("env", name)) if is_variable_name(name) => Ok(Self::Variable(name.to_owned())),
            _ => Err(NotAReference),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{path}"),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_are_references() {
        for good in ["file:pepper.key", "file:/etc/portcullis/pepper", "env:PEPPER", "env:_P1"] {
            assert_eq!(good.parse::<Reference>().map(|reference| reference.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "pepper", "file:", "env:", "env:1A", "env:A B", "vault:x", "s3cret:value"] {
            assert_eq!(bad.parse::<Reference>(), Err(NotAReference), "{bad}");
        }
    }
}
