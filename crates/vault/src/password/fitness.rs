//! Which passwords are taken: long enough to be worth guessing, and not among the first guesses. Only passwords of
//! twelve characters and more need a list, which leaves it short. It does not know whose the password is.

use domain::secret::Secret;
use zeroize::Zeroizing;

/// Fewest characters of a password.
pub const LEAST_CHARACTERS: usize = 12;
/// Most bytes of a password; more is nobody's memory, but work for the hash.
pub const MOST_BYTES: usize = 1_024;
/// Fewest different characters.
const LEAST_DIFFERENT: usize = 5;
/// Most places at which a password may be unlike a walk over the keyboard or the alphabet and still be one.
const MOST_TURNS: usize = 4;
/// Most characters that may be added to a common word and still leave it one.
const MOST_ADDED: usize = 6;

/// Passwords of twelve characters and more that the usual lists of leaked passwords name, lower case, sorted.
const COMMON: &str = include_str!("common.txt");
/// What many passwords are made of, with nothing but a year or a number added. The product's own name is among them.
const PARTS: [&str; 44] = [
    "portcullis",
    "password",
    "passwort",
    "passphrase",
    "administrator",
    "administrateur",
    "welcome",
    "willkommen",
    "bienvenue",
    "bienvenido",
    "letmein",
    "changeme",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "trustno",
    "starwars",
    "computer",
    "internet",
    "samsung",
    "company",
    "operator",
    "gateway",
    "default",
    "secret",
    "master",
    "monkey",
    "dragon",
    "shadow",
    "michael",
    "summer",
    "winter",
    "spring",
    "autumn",
    "admin",
    "login",
    "guest",
    "hello",
    "pass",
];
/// Walks over the keyboards and the alphabet. Each is walked forwards and backwards.
const WALKS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
];

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    /// It is no text.
    #[error("a password is text")]
    NotText,
    /// It is too short.
    #[error("a password has at least 12 characters")]
    TooShort,
    /// It is too long.
    #[error("a password has at most 1024 bytes")]
    TooLong,
    /// It is among the first that anybody would try.
    #[error("this password is too easy to guess; several unrelated words make a better one")]
    Common,
}

/// Judges a password as it was typed: nothing of it is folded, trimmed or normalized before it is hashed.
///
/// # Errors
/// [`Unfit`], the first reason.
pub fn judge(password: &Secret) -> Result<(), Unfit> {
    let bytes = password.open();
    if bytes.len() > MOST_BYTES {
        return Err(Unfit::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unfit::NotText)?;
    if text.chars().count() < LEAST_CHARACTERS {
        return Err(Unfit::TooShort);
    }
    let lower: Zeroizing<String> = Zeroizing::new(text.to_lowercase());
    let plain: Zeroizing<String> = Zeroizing::new(lower.chars().map(unspell).collect());
    let is_easy = |text: &str| is_listed(text) || is_repeated(text) || is_walk(text) || is_word(text);
    if is_easy(&lower) || is_easy(&plain) { Err(Unfit::Common) } else { Ok(()) }
}

/// The letter that a figure or sign is often put for.
fn unspell(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

fn is_listed(text: &str) -> bool {
    COMMON.lines().any(|common| common == text)
}

/// Whether it has hardly any characters, or is a shorter one over and over.
fn is_repeated(text: &str) -> bool {
    let letters: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    let repeats = |period: usize| letters.iter().zip(&letters[period..]).all(|(a, b)| a == b);
    let longest = (letters.len() / 2).min(LEAST_CHARACTERS - 1);
    different.len() < LEAST_DIFFERENT || (1..=longest).any(repeats)
}

/// Whether nearly every character follows the one before it on the keyboard or in the alphabet, or is the same.
fn is_walk(text: &str) -> bool {
    let letters: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
    let turns = letters.windows(2).filter(|pair| !follows(pair[0], pair[1])).count();
    turns < MOST_TURNS
}

fn follows(one: char, next: char) -> bool {
    let beside = |walk: &&str| {
        let mut pairs = walk.chars().zip(walk.chars().skip(1));
        pairs.any(|pair| pair == (one, next) || pair == (next, one))
    };
    one == next || WALKS.iter().any(beside)
}

/// Whether next to nothing is left without the words that everybody takes.
fn is_word(text: &str) -> bool {
    let mut left = Zeroizing::new(text.to_owned());
    for part in PARTS {
        left = Zeroizing::new(left.replace(part, ""));
    }
    left.len() < text.len() && left.chars().count() <= MOST_ADDED
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(password: &str, expect: Result<(), Unfit>) {
        assert_eq!(judge(&Secret::new(password.as_bytes().to_vec())), expect, "{password}");
    }

    #[test]
    fn length_counts_characters_at_one_end_and_bytes_at_the_other() {
        check("x9!kQ2zp#fL", Err(Unfit::TooShort));
        check("x9!kQ2zp#fLw", Ok(()));
        check("öäüßéèñ漢字かな", Err(Unfit::TooShort));
        check("öäüßéèñ漢字かなあ", Ok(()));
        let long: String = ('a'..='z').cycle().step_by(7).take(1_024).collect();
        check(&format!("{}!", &long[..1_023]), Ok(()));
        check(&format!("{long}!"), Err(Unfit::TooLong));
        assert_eq!(judge(&Secret::new(vec![0xff; 20])), Err(Unfit::NotText));
    }

    #[test]
    fn the_first_guesses_are_refused() {
        for common in [
            "correcthorsebatterystaple",
            "CorrectHorseBatteryStaple",
            "password1234",
            "P@ssw0rd2026!",
            "Portcullis123",
            "portcullis-admin",
            "Welcome2026!!",
            "administrator",
            "letmeinletmein",
            "SummerWinter!1",
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "x7Kq!x7Kq!x7Kq!",
            "1234567890123456",
            "210987654321098",
            "qwertyuiopasdf",
            "QwertyAsdfghZxcvbn",
            "1qaz2wsx3edc4rfv",
            "111122223333",
            "abcdefghijkl",
            "            ",
        ] {
            check(common, Err(Unfit::Common));
        }
    }

    #[test]
    fn what_is_hard_to_guess_is_taken() {
        for fit in [
            "four unrelated nouns",
            "tailor-basalt-envelope-jumps",
            "Pz4!wq9Lm2#x",
            "portcullis wheel rusts at midnight",
            "  leading and trailing  ",
            "einundzwanzig Birken",
        ] {
            check(fit, Ok(()));
        }
    }

    #[test]
    fn the_list_is_sorted_and_holds_nothing_shorter() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.is_sorted() && lines.len() > 300);
        for line in lines {
            assert!(line.chars().count() >= LEAST_CHARACTERS && line == line.to_lowercase(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn random_passwords_are_taken(bytes in proptest::array::uniform12(any::<u8>())) {
            check(&data_encoding::BASE64.encode(&bytes), Ok(()));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = judge(&Secret::new(text.into_bytes()));
        }
    }
}
