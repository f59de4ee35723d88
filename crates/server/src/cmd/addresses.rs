//! From where something may be used, as it is written at the command line: blocks of addresses, or one of two words.

use std::str::FromStr;

use anyhow::{Result, bail};
use clap::Args;
use domain::address::Block;

/// Most blocks of one list: it is kept with every key that it concerns.
const MAX_BLOCKS: usize = 1_000;

/// A list of blocks, `anywhere` or `nowhere`, as the argument of a command.
#[derive(Debug, Args)]
pub struct AddressesArgs {
    /// Addresses and blocks such as 192.0.2.7,2001:db8::/32, or `anywhere`, or `nowhere`
    #[arg(value_delimiter = ',', required = true)]
    addresses: Vec<Word>,
}

/// One word of such a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// No list: every address.
    Anywhere,
    /// An empty list: no address.
    Nowhere,
    /// A block.
    Block(Block),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "anywhere" => Ok(Self::Anywhere),
            "nowhere" => Ok(Self::Nowhere),
            block => {
                block.parse().map(Self::Block).map_err(|error| format!("{error}, `anywhere` or `nowhere`"))
            }
        }
    }
}

impl AddressesArgs {
    /// What was asked for.
    ///
    /// # Errors
    /// As [`list`].
    pub fn list(&self) -> Result<Option<Vec<Block>>> {
        list(&self.addresses)
    }
}

/// The list that the words make; none is anywhere.
///
/// # Errors
/// When `anywhere` or `nowhere` does not stand alone, or there are too many blocks.
pub fn list(words: &[Word]) -> Result<Option<Vec<Block>>> {
    match words {
        [Word::Anywhere] => return Ok(None),
        [Word::Nowhere] => return Ok(Some(Vec::new())),
        many if many.len() > MAX_BLOCKS => bail!("a list has at most {MAX_BLOCKS} blocks"),
        _ => {}
    }
    let blocks = words.iter().map(|word| match word {
        Word::Block(block) => Ok(*block),
        Word::Anywhere | Word::Nowhere => {
            bail!("`anywhere` and `nowhere` stand alone: give one of them, or a list of blocks")
        }
    });
    blocks.collect::<Result<_>>().map(Some)
}

/// How a list is shown to people.
#[must_use]
pub fn shown(blocks: Option<&[String]>) -> String {
    match blocks {
        None => "anywhere".to_owned(),
        Some([]) => "nowhere".to_owned(),
        Some(blocks) => blocks.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_blocks_or_one_word() {
        let read = |text: &str| -> Result<Option<Vec<String>>> {
            let words: Result<Vec<Word>, String> = text.split(',').map(str::parse).collect();
            let found = list(&words.map_err(anyhow::Error::msg)?)?;
            Ok(found.map(|blocks| blocks.iter().map(Block::to_string).collect()))
        };
        assert_eq!(read("anywhere").unwrap(), None);
        assert_eq!(read("nowhere").unwrap(), Some(vec![]));
        let two = ["192.0.2.7/32".to_owned(), "2001:db8::/32".to_owned()];
        assert_eq!(read("192.0.2.7,2001:db8::/32").unwrap(), Some(two.to_vec()));
        for wrong in ["", "nowhere,192.0.2.7", "anywhere,nowhere", "10.0.0.1/8", "Nowhere"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(list(&vec![Word::Block("192.0.2.7".parse().unwrap()); MAX_BLOCKS + 1]).is_err());
    }
}
