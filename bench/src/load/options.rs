//! The command line of the load: pairs of `--name value`. It knows no defaults: whoever measures says what.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// What the command line says.
#[derive(Debug)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads pairs.
    ///
    /// # Errors
    /// For a word that is not part of a pair.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let (mut pairs, mut words) = (BTreeMap::new(), words.into_iter());
        while let Some(name) = words.next() {
            let Some(name) = name.strip_prefix("--") else { bail!("{name} is no option") };
            let value = words.next().with_context(|| format!("--{name} has no value"))?;
            pairs.insert(name.to_owned(), value);
        }
        Ok(Self(pairs))
    }

    /// Takes a value that must be there.
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn take<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &mut self,
        name: &str,
    ) -> Result<T> {
        let value = self.0.remove(name).with_context(|| format!("--{name} is missing"))?;
        value.parse().with_context(|| format!("--{name} {value}"))
    }

    /// The end: everything was taken.
    ///
    /// # Errors
    /// When something is left.
    pub fn finish(self) -> Result<()> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => bail!("there is no --{name} here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options> {
        Options::read(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn pairs_are_taken_and_nothing_is_left_over() {
        let mut options = read(&["--rate", "2000", "--model", "bench"]).unwrap();
        assert_eq!(options.take::<u32>("rate").unwrap(), 2_000);
        assert!(options.take::<u32>("rate").is_err());
        assert!(options.finish().is_err());
        assert!(read(&["rate", "1"]).is_err());
        assert!(read(&["--rate"]).is_err());
        assert!(read(&["--rate", "many"]).unwrap().take::<u32>("rate").is_err());
    }
}
