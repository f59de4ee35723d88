//! What of a session may be chosen, from the environment: `BENCH_SECONDS`, `BENCH_ROUNDS`, `BENCH_ONLY` and
//! `BENCH_BINARY`. It does not know how anything is measured.

use anyhow::{Context, Result, bail};

use crate::program::variable;

/// With these a whole session takes less than six minutes.
const SECONDS: f64 = 3.0;
const ROUNDS: u32 = 3;

/// A part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Start to first answer, and the size of the program.
    Start,
    /// Whole answers.
    Whole,
    /// Answers in events.
    Sse,
    /// Refused requests.
    Refused,
    /// Many streams that are open at once, and memory.
    Streams,
}

const PARTS: [Part; 5] = [Part::Start, Part::Whole, Part::Sse, Part::Refused, Part::Streams];

impl Part {
    /// Its name in `BENCH_ONLY`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Whole => "whole",
            Self::Sse => "sse",
            Self::Refused => "refused",
            Self::Streams => "streams",
        }
    }
}

/// What was chosen.
#[derive(Debug)]
pub struct Options {
    /// How long each lane is under load in a round.
    pub seconds: f64,
    /// How often.
    pub rounds: u32,
    /// What is measured.
    pub parts: Vec<Part>,
    /// Another build of the gate.
    pub binary: Option<String>,
}

impl Options {
    /// Reads the environment.
    pub fn read() -> Result<Self> {
        Self::from(variable)
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let seconds: f64 = match given("BENCH_SECONDS") {
            None => SECONDS,
            Some(value) => value.parse().context("BENCH_SECONDS is no number")?,
        };
        let rounds = match given("BENCH_ROUNDS") {
            None => ROUNDS,
            Some(value) => value.parse().context("BENCH_ROUNDS is no number")?,
        };
        if !(1.0..=600.0).contains(&seconds) || rounds == 0 {
            bail!("BENCH_SECONDS is 1 to 600, and BENCH_ROUNDS at least 1");
        }
        let parts = match given("BENCH_ONLY") {
            None => PARTS.to_vec(),
            Some(names) => names.split(',').map(part).collect::<Result<_>>()?,
        };
        Ok(Self { seconds, rounds, parts, binary: given("BENCH_BINARY") })
    }
}

fn part(name: &str) -> Result<Part> {
    let found = PARTS.into_iter().find(|part| part.name() == name.trim());
    found.with_context(|| {
        format!("BENCH_ONLY: there is no part {name}, but {}", PARTS.map(Part::name).join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options> {
        let find = |name: &str| pairs.iter().find(|(known, _)| *known == name);
        Options::from(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn everything_is_measured_unless_told_otherwise() {
        let all = read(&[("BENCH_ONLY", "")]).unwrap();
        assert_eq!((all.seconds, all.rounds, all.parts.len()), (SECONDS, ROUNDS, 5));
        let some = read(&[("BENCH_SECONDS", "1.5"), ("BENCH_ONLY", "sse,whole")]).unwrap();
        assert_eq!((some.seconds, some.parts), (1.5, vec![Part::Sse, Part::Whole]));
        for wrong in [("BENCH_ONLY", "all"), ("BENCH_SECONDS", "0"), ("BENCH_ROUNDS", "0")] {
            assert!(read(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}
