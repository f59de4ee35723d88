//! Ids for calls to which Google gave none: made of what the answer itself says, so that they are the same whenever the
//! answer is read, and known again when they come back, because Google must not see them.

const START: &str = "call_g";
const SEED_DIGITS: usize = 16;

/// What sets the calls of one answer apart from those of others: its name, or its own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seed(u64);

impl Seed {
    /// Of the answer's name, or of its bytes where it has none.
    pub(super) fn of(text: &[u8]) -> Self {
        // FNV-1a: ids need to differ by accident only.
        let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash)
    }

    /// The id of the call of this number in the answer.
    pub(super) fn id(self, number: usize) -> String {
        format!("{START}{:016x}_{number}", self.0)
    }
}

/// Whether an id was made here.
pub(super) fn is_made(id: &str) -> bool {
    let parts = id.strip_prefix(START).and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(seed, number)| {
        seed.len() == SEED_DIGITS
            && seed.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use domain::chat::tool_id::Grammar;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_made_id_is_known_again(text in any::<Vec<u8>>(), number in 0..10_000_usize) {
            let id = Seed::of(&text).id(number);
            prop_assert!(is_made(&id));
            prop_assert!(Grammar::Short.allows(&id) && Grammar::Word.allows(&id));
        }
    }

    #[test]
    fn others_are_not() {
        for id in ["", "call_1", "call_g1_1", "call_gx123456789abcdef_1", "toolu_01"] {
            assert!(!is_made(id), "{id}");
        }
    }
}
