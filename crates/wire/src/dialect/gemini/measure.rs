//! Places in a text, counted in bytes by Google and in characters by the neutral form. Only the widths of characters are
//! kept, not the text.

/// Changes of width that are kept of one text. Beyond, no place can be told: 16 KiB of memory are enough for a text of
/// which every tenth character is foreign and that has 5,000 characters, or for one of any length in one script.
const MOST_RUNS: usize = 1_024;

/// Characters in a row that have the same width.
#[derive(Debug, Clone, Copy)]
struct Run {
    first_byte: u64,
    first_character: u64,
    width: u64,
}

/// A text that grows.
#[derive(Debug, Default)]
pub(super) struct Measure {
    runs: Vec<Run>,
    bytes: u64,
    characters: u64,
    is_lost: bool,
}

impl Measure {
    /// Of a whole text.
    pub(super) fn of(text: &str) -> Self {
        let mut measure = Self::default();
        measure.push(text);
        measure
    }

    /// The text goes on with `text`.
    pub(super) fn push(&mut self, text: &str) {
        for character in text.chars() {
            let width = u64::try_from(character.len_utf8()).unwrap_or(1);
            if self.runs.last().is_none_or(|run| run.width != width) {
                if self.runs.len() == MOST_RUNS {
                    self.is_lost = true;
                    return;
                }
                let run = Run { first_byte: self.bytes, first_character: self.characters, width };
                self.runs.push(run);
            }
            self.bytes += width;
            self.characters += 1;
        }
    }

    /// The character that begins at or before this byte.
    pub(super) fn character(&self, byte: u64) -> Option<u64> {
        let byte = byte.min(self.bytes);
        self.found(|run| run.first_byte <= byte)
            .map(|run| run.map_or(0, |run| run.first_character + (byte - run.first_byte) / run.width))
    }

    /// The byte at which this character begins.
    pub(super) fn byte(&self, character: u64) -> Option<u64> {
        let character = character.min(self.characters);
        self.found(|run| run.first_character <= character)
            .map(|run| run.map_or(0, |run| run.first_byte + (character - run.first_character) * run.width))
    }

    fn found(&self, begins_before: impl Fn(&Run) -> bool) -> Option<Option<&Run>> {
        if self.is_lost {
            return None;
        }
        let after = self.runs.partition_point(begins_before);
        Some(after.checked_sub(1).and_then(|last| self.runs.get(last)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_agree_with_the_text(text in "[a-c é€😀]{0,40}", cut in 0..40_usize) {
            let mut measure = Measure::default();
            let cut = text.floor_char_boundary(cut);
            measure.push(&text[..cut]);
            measure.push(&text[cut..]);
            let number = |count: usize| u64::try_from(count).unwrap();
            for (character, (byte, _)) in text.char_indices().enumerate() {
                prop_assert_eq!(measure.character(number(byte)), Some(number(character)));
                prop_assert_eq!(measure.byte(number(character)), Some(number(byte)));
            }
            prop_assert_eq!(measure.character(u64::MAX), Some(number(text.chars().count())));
            prop_assert_eq!(measure.byte(u64::MAX), Some(number(text.len())));
        }
    }

    #[test]
    fn a_text_of_too_many_changes_has_no_places() {
        assert_eq!(Measure::of(&"aé".repeat(512)).character(1), Some(1));
        assert_eq!(Measure::of(&"aé".repeat(513)).character(1), None);
    }
}
