//! `bench/instructions.toml`: how many instructions a request took when that was last written down, and how many more it
//! may take. It does not know how they are counted.

use anyhow::{Context, Result};
use toml::{Table, Value};

/// What a fresh ledger allows: less than what a change of any size costs, more than runs differ.
const TOLERANCE_PERCENT: f64 = 5.0;

const HEAD: &str = "\
# Instructions of the gate for one request, as `cargo xtask profile` counts them on the path of requests. `--check` fails
# when one is larger by more than the tolerance, and `--write` writes them anew: with the change that explains it.
";

/// What was written down.
pub struct Ledger {
    tolerance_percent: f64,
    instructions: Table,
}

/// One line of a comparison.
#[derive(Debug)]
pub struct Line {
    /// What to print.
    pub text: String,
    /// Whether the figure is larger than allowed, or was never written down.
    pub fails: bool,
}

impl Ledger {
    /// Reads it.
    pub fn read(text: &str) -> Result<Self> {
        let table: Table = text.parse().context("the ledger of instructions is no TOML")?;
        let tolerance_percent =
            table.get("tolerance_percent").and_then(number).context("no tolerance_percent")?;
        let instructions =
            table.get("instructions").and_then(Value::as_table).context("no [instructions]")?;
        Ok(Self { tolerance_percent, instructions: instructions.clone() })
    }

    /// A fresh one.
    pub fn text(seen: &[(&str, f64)]) -> String {
        let mut text = format!("{HEAD}tolerance_percent = {TOLERANCE_PERCENT:.1}\n\n[instructions]\n");
        for (name, instructions) in seen {
            text += &format!("{name} = {instructions:.0}\n");
        }
        text
    }

    /// Compares each figure with what was written down.
    pub fn compare(&self, seen: &[(&str, f64)]) -> Vec<Line> {
        seen.iter().map(|(name, now)| self.line(name, *now)).collect()
    }

    fn line(&self, name: &str, now: f64) -> Line {
        let Some(before) = self.instructions.get(name).and_then(number) else {
            return Line { text: format!("{name}: {now:.0}, and nothing is written down"), fails: true };
        };
        let percent = (now / before - 1.0) * 100.0;
        let fails = percent > self.tolerance_percent;
        let verdict = match percent {
            _ if fails => "too many",
            percent if percent < -self.tolerance_percent => "fewer: write them anew, so that they stay so",
            _ => "as before",
        };
        Line { text: format!("{name}: {now:.0}, {percent:+.1} % of {before:.0}: {verdict}"), fails }
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| u32::try_from(value.as_integer()?).ok().map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: f64, expect: bool, word: &str) {
        let ledger = Ledger::read(&Ledger::text(&[("whole", 100_000.0)])).unwrap();
        let lines = ledger.compare(&[("whole", now)]);
        assert_eq!(lines[0].fails, expect, "{lines:?}");
        assert!(lines[0].text.ends_with(word), "{lines:?}");
    }

    #[test]
    fn more_than_the_tolerance_fails_and_less_is_told() {
        check(100_000.0, false, "as before");
        check(104_900.0, false, "as before");
        check(105_100.0, true, "too many");
        check(90_000.0, false, "so that they stay so");
    }

    #[test]
    fn a_figure_that_was_never_written_down_fails() {
        let ledger = Ledger::read("tolerance_percent = 5\n[instructions]\nwhole = 1").unwrap();
        assert!(ledger.compare(&[("chunk", 5.0)])[0].fails);
        assert!(Ledger::read("tolerance_percent = 5").is_err());
    }
}
