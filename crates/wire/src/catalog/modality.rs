//! What a model reads and what it writes, as a set of few bits. Says nothing of how much of it.

use std::fmt;

use serde::Deserialize;

/// One form in which something is put to a model or comes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Words.
    Text,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Pages, as PDF.
    Pdf,
}

impl Modality {
    /// Every form, in the order of listings.
    pub const ALL: [Modality; 5] =
        [Modality::Text, Modality::Image, Modality::Audio, Modality::Video, Modality::Pdf];

    /// The word in files and listings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Modality::Text => "text",
            Modality::Image => "image",
            Modality::Audio => "audio",
            Modality::Video => "video",
            Modality::Pdf => "pdf",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Modality::Text => 1,
            Modality::Image => 1 << 1,
            Modality::Audio => 1 << 2,
            Modality::Video => 1 << 3,
            Modality::Pdf => 1 << 4,
        }
    }
}

/// A set of them. The empty one says that nobody described the model, not that it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modalities(u8);

impl Modalities {
    /// The set of `listed`; none when the list is empty or names one twice.
    #[must_use]
    pub fn of(listed: &[Modality]) -> Option<Self> {
        let set = listed
            .iter()
            .try_fold(Self::default(), |set, one| (!set.has(*one)).then_some(Self(set.0 | one.bit())))?;
        (!set.is_unknown()).then_some(set)
    }

    /// Whether this one is in it.
    #[must_use]
    pub fn has(self, modality: Modality) -> bool {
        self.0 & modality.bit() != 0
    }

    /// Whether nobody said what is in it.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.0 == 0
    }

    /// Those in it, in the order of listings.
    pub fn iter(self) -> impl Iterator<Item = Modality> {
        Modality::ALL.into_iter().filter(move |modality| self.has(*modality))
    }
}

/// The words, parted by commas.
impl fmt::Display for Modalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, modality) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(modality.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Modality::{Audio, Image, Pdf, Text, Video};

    #[test]
    fn a_set_holds_what_was_listed_in_the_order_of_listings() {
        let check = |listed: &[Modality], expect: Option<&str>| {
            let set = Modalities::of(listed);
            assert_eq!(set.map(|set| set.to_string()).as_deref(), expect, "{listed:?}");
            let held = set.map(|set| Modality::ALL.into_iter().filter(|one| set.has(*one)).count());
            assert!(held.is_none_or(|held| held == listed.len()), "{listed:?}");
        };
        check(&[Text], Some("text"));
        check(&[Pdf, Image, Text], Some("text, image, pdf"));
        check(&[Video, Pdf, Audio, Text, Image], Some("text, image, audio, video, pdf"));
        check(&[Text, Text], None);
        check(&[], None);
        assert!(Modalities::default().is_unknown() && Modalities::default().iter().next().is_none());
    }

    #[test]
    fn words_are_those_of_files() {
        #[derive(Deserialize)]
        struct File {
            all: Vec<Modality>,
        }
        let words = Modality::ALL.map(|one| format!("{:?}", one.word())).join(",");
        let file: File = toml::from_str(&format!("all = [{words}]")).unwrap();
        assert_eq!(file.all, Modality::ALL);
    }
}
