//! How long each class of data is kept, as a table: the scheduler, the commands and the API are derived from it. Only
//! what is really kept has a row. Where it is kept is not known here.

use crate::time::Timestamp;

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const HOURS_PER_DAY: i64 = 24;
/// A month is never shorter than this, so that nothing leaves before its time.
const DAYS_PER_MONTH: i64 = 31;

/// What a length of time is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Hours.
    Hours,
    /// Days of 24 hours.
    Days,
    /// Months of 31 days.
    Months,
}

impl Unit {
    /// The word in answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Unit::Hours => "hours",
            Unit::Days => "days",
            Unit::Months => "months",
        }
    }

    const fn hours(self) -> i64 {
        match self {
            Unit::Hours => 1,
            Unit::Days => HOURS_PER_DAY,
            Unit::Months => HOURS_PER_DAY * DAYS_PER_MONTH,
        }
    }

    /// The instant `count` of these before `now`.
    #[must_use]
    pub fn before(self, now: Timestamp, count: u32) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.micros(count)))
    }

    /// `count` of these in microseconds.
    #[must_use]
    pub fn micros(self, count: u32) -> i64 {
        i64::from(count).saturating_mul(self.hours()).saturating_mul(MICROS_PER_HOUR)
    }
}

/// Who may set a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Operators, for everybody who has set none.
    Installation,
    /// Those who run an organization, for what is its own.
    Org,
    /// A person, for what comes from the keys that the person made.
    User,
}

impl Level {
    /// Every level.
    pub const ALL: [Level; 3] = [Level::Installation, Level::Org, Level::User];

    /// The word in rows and requests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Level::Installation => "installation",
            Level::Org => "org",
            Level::User => "user",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// For ever.
    Ever,
    /// This long, whatever anybody wants.
    Fixed(u32),
    /// As it is set, within bounds.
    Set(Range),
}

/// What may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// When nobody has set anything.
    pub default: u32,
    /// The shortest.
    pub least: u32,
    /// The longest.
    pub most: u32,
    /// Who may set it.
    pub levels: &'static [Level],
}

/// One class of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    word: &'static str,
    about: &'static str,
    unit: Unit,
    term: Term,
}

/// A time that a class does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is fixed.
    #[error("how long `{0}` is kept is fixed")]
    Fixed(&'static str),
    /// Not at this level.
    #[error("how long `{class}` is kept cannot be set at the level `{}`", .level.word())]
    Level {
        /// The class.
        class: &'static str,
        /// The level.
        level: Level,
    },
    /// Out of its bounds.
    #[error("`{class}` is kept for {} to {} {}", .range.least, .range.most, .unit.word())]
    Bounds {
        /// The class.
        class: &'static str,
        /// Its bounds.
        range: Range,
        /// What they are counted in.
        unit: Unit,
    },
}

macro_rules! classes {
    ($($name:ident $word:literal $unit:ident $term:expr, $about:literal;)*) => {
        impl Class {
            $(#[doc = $about]
            pub const $name: Class = Class { word: $word, about: $about, unit: Unit::$unit, term: $term };)*

            /// Every class.
            pub const ALL: &'static [Class] = &[$(Class::$name),*];
        }
    };
}

classes! {
    BOOKS "books" Days Term::Ever,
        "What was called when with which key, what was used and what it cost.";
    TRACES "traces" Hours
        Term::Set(Range { default: 0, least: 0, most: 2_160, levels: &[Level::Installation, Level::Org, Level::User] }),
        "What a call leaves beside the books: its request id, the model as it was asked for, attempts and times.";
    AUDIT "audit" Months
        Term::Set(Range { default: 13, least: 3, most: 120, levels: &[Level::Installation] }),
        "Rows of the audit trail, from the day they are written; then they are moved to an archive file.";
    LOGINS "logins" Days Term::Fixed(30),
        "Logins with their addresses and tokens, from the day they ended.";
    LOGIN_FAILURES "login_failures" Hours Term::Fixed(24),
        "Counts of failed logins, from the last failure or the end of the lock.";
    MAILED_TOKENS "mailed_tokens" Hours Term::Fixed(24),
        "Digests of tokens that were sent by e-mail, from the hour they ended.";
    INVITATIONS "invitations" Days Term::Fixed(30),
        "Invitations, from the day they ended.";
    PINNED "pinned" Days Term::Fixed(30),
        "Which provider key keeps an answer that a later request may name, from the day it was given; names of files, from \
         the day they were removed.";
    BATCHES "batches" Days Term::Fixed(90),
        "Batches whose calls are in the books, from the day they were asked for.";
    IDEMPOTENCY "idempotency" Hours Term::Fixed(24),
        "Answers to writes that carried an idempotency key, from the hour they were given.";
    RUNS "runs" Days Term::Fixed(90),
        "Reports of what was removed, and of proofs of the audit trail, from the day they ended.";
    CANARIES "canaries" Hours Term::Fixed(24),
        "Rows that are planted every night to prove that rows leave.";
}

impl Class {
    /// The word in rows, commands and requests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.word
    }

    /// What is in it.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.about
    }

    /// What its time is counted in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.unit
    }

    /// For how long it is kept.
    #[must_use]
    pub const fn term(self) -> Term {
        self.term
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|class| class.word == word).copied()
    }

    /// Whether anything of it ever leaves.
    #[must_use]
    pub fn leaves(self) -> bool {
        self.term != Term::Ever
    }

    /// How long it is kept when nobody has set anything; none for what is kept for ever.
    #[must_use]
    pub fn default(self) -> Option<u32> {
        match self.term {
            Term::Ever => None,
            Term::Fixed(count) => Some(count),
            Term::Set(range) => Some(range.default),
        }
    }

    /// Whether `count` may be set at `level`.
    ///
    /// # Errors
    /// [`NotTaken`] when it may not.
    pub fn check(self, level: Level, count: u32) -> Result<(), NotTaken> {
        let Term::Set(range) = self.term else { return Err(NotTaken::Fixed(self.word)) };
        if !range.levels.contains(&level) {
            return Err(NotTaken::Level { class: self.word, level });
        }
        if (range.least..=range.most).contains(&count) {
            Ok(())
        } else {
            Err(NotTaken::Bounds { class: self.word, range, unit: self.unit })
        }
    }
}

/// How long something is kept, of which these times were set: the organization's counts before the installation's,
/// and a person can only shorten it.
#[must_use]
pub fn shortest(installation: u32, org: Option<u32>, user: Option<u32>) -> u32 {
    let base = org.unwrap_or(installation);
    user.map_or(base, |user| user.min(base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_class_has_its_word_and_a_time_within_its_bounds() {
        let words: BTreeSet<&str> = Class::ALL.iter().map(|class| class.word()).collect();
        assert_eq!(words.len(), Class::ALL.len());
        for class in Class::ALL {
            assert_eq!(Class::parse(class.word()), Some(*class));
            assert!(class.about().ends_with('.'), "{class:?}");
            if let Term::Set(range) = class.term() {
                assert_eq!(class.check(range.levels[0], range.default), Ok(()));
                assert!(range.least < range.most && range.levels.contains(&Level::Installation), "{class:?}");
            }
        }
        assert_eq!(Class::parse("prompts"), None);
    }

    #[test]
    fn only_what_fits_is_taken() {
        let check = |class: Class, level, count, expect: Option<&str>| {
            let found = class.check(level, count).err().map(|refused| refused.to_string());
            assert_eq!(found.as_deref(), expect, "{} {level:?} {count}", class.word());
        };
        check(Class::TRACES, Level::User, 0, None);
        check(Class::TRACES, Level::Org, 2_160, None);
        check(Class::TRACES, Level::Org, 2_161, Some("`traces` is kept for 0 to 2160 hours"));
        check(Class::AUDIT, Level::Installation, 2, Some("`audit` is kept for 3 to 120 months"));
        check(
            Class::AUDIT,
            Level::Org,
            13,
            Some("how long `audit` is kept cannot be set at the level `org`"),
        );
        check(Class::BOOKS, Level::Installation, 1, Some("how long `books` is kept is fixed"));
        check(Class::LOGINS, Level::Installation, 30, Some("how long `logins` is kept is fixed"));
    }

    #[test]
    fn a_person_can_only_shorten() {
        let check = |installation, org, user, expect| assert_eq!(shortest(installation, org, user), expect);
        check(24, None, None, 24);
        check(24, Some(48), None, 48);
        check(24, Some(0), None, 0);
        check(24, Some(48), Some(72), 48);
        check(24, Some(48), Some(1), 1);
        check(0, None, Some(72), 0);
    }

    #[test]
    fn times_are_counted_back() {
        let now = Timestamp(0).plus_seconds(100 * 86_400);
        assert_eq!(Unit::Hours.before(now, 0), now);
        assert_eq!(Unit::Hours.before(now, 24), Unit::Days.before(now, 1));
        assert_eq!(Unit::Months.before(now, 3), Timestamp(0).plus_seconds(7 * 86_400));
        assert_eq!(Unit::Months.before(Timestamp(i64::MIN), u32::MAX), Timestamp(i64::MIN));
    }
}
