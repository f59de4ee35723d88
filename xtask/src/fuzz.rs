//! `cargo xtask fuzz`: the targets of `fuzz/`, one after the other, each for its minutes and within its memory. It
//! knows how to build and run them, and nothing of what they check.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::program::{output, run, say};
use crate::setup::{debian, tools};

/// How long each target runs when nothing else is said.
const MINUTES: u32 = 10;
/// Megabytes that a target may have. What the product may take is asserted in the targets themselves.
const MEMORY_MEGABYTES: u32 = 1_024;
/// Seconds after which one input counts as a hang.
const HANG_SECONDS: u32 = 20;
/// Bytes of the longest input: above the longest URL and the largest seed.
const MAX_INPUT_BYTES: u32 = 32_768;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    minutes: u32,
    target: Option<String>,
}

/// What came of one target.
struct Outcome {
    target: String,
    executions: u64,
    findings: Vec<PathBuf>,
}

/// Builds every target and runs those that are asked for.
pub fn targets(places: &Places, words: &[&str]) -> Result<()> {
    let wish = read(words)?;
    debian::program("g++", &["g++"])?;
    let folder = places.root.join("fuzz");
    let list = output(cargo_fuzz(places, &folder)?.arg("list"))?;
    let known: Vec<&str> = list.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    let asked: Vec<&str> = match &wish.target {
        Some(target) if known.contains(&target.as_str()) => vec![target],
        Some(target) => bail!("there is no target `{target}`; there are: {}", known.join(", ")),
        None => known,
    };
    run(cargo_fuzz(places, &folder)?.args(["build", "--sanitizer", "none"]))?;
    let mut outcomes = vec![];
    for target in asked {
        say(&format!("{target}: {} min", wish.minutes));
        let outcome = one(places, &folder, target, wish.minutes)?;
        let findings = outcome.findings.len();
        say(&format!("{target}: {} executions, {findings} findings", outcome.executions));
        outcomes.push(outcome);
    }
    report(&outcomes)
}

fn read(words: &[&str]) -> Result<Wish> {
    let mut wish = Wish { minutes: MINUTES, target: None };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let value = rest.next().with_context(|| format!("{word} needs a value"))?;
        match *word {
            "--minutes" => wish.minutes = value.parse().context("--minutes needs a whole number")?,
            "--target" => wish.target = Some((*value).to_owned()),
            _ => bail!("cargo xtask fuzz [--minutes N] [--target NAME]"),
        }
    }
    // Without a bound a target runs until it finds something.
    if wish.minutes == 0 { bail!("--minutes needs at least 1") } else { Ok(wish) }
}

/// `cargo fuzz`, in its folder. The sanitizer's coverage is an unstable option of the compiler, which a stable one
/// takes only when it is told to.
fn cargo_fuzz(places: &Places, folder: &Path) -> Result<Command> {
    let mut command = tools::fuzz(places)?;
    command.current_dir(folder).env("RUSTC_BOOTSTRAP", "1");
    Ok(command)
}

fn one(places: &Places, folder: &Path, target: &str, minutes: u32) -> Result<Outcome> {
    let (corpus, artifacts) = (folder.join("corpus").join(target), folder.join("artifacts").join(target));
    let logs = places.root.join("target/fuzz");
    for made in [&corpus, &artifacts, &logs] {
        std::fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let before = files(&artifacts)?;
    let log_path = logs.join(format!("{target}.log"));
    let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    let mut command = cargo_fuzz(places, folder)?;
    // No sanitizer: the code under test is safe Rust, except for a memory map into which none could look.
    command.args(["run", "--sanitizer", "none", target]).arg(&corpus).arg(folder.join("seeds").join(target));
    command.arg("--").arg(format!("-max_total_time={}", u64::from(minutes) * 60));
    command.args([format!("-rss_limit_mb={MEMORY_MEGABYTES}"), format!("-timeout={HANG_SECONDS}")]);
    command.args([format!("-max_len={MAX_INPUT_BYTES}"), "-print_final_stats=1".to_owned()]);
    // Without a sanitizer the fuzzer does not see what strings are compared with, so it is told.
    let dictionary = folder.join(format!("dictionaries/{target}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let status = command.stdout(log.try_clone()?).stderr(log).status().context("cannot start cargo-fuzz")?;
    let findings: Vec<PathBuf> = files(&artifacts)?.difference(&before).cloned().collect();
    if !status.success() && findings.is_empty() {
        bail!("{target} ended without a finding ({status}): see {}", log_path.display());
    }
    // A panic may quote any bytes, so the log need not be text.
    let said = String::from_utf8_lossy(&std::fs::read(&log_path)?).into_owned();
    let executions = executions(&said).with_context(|| format!("no figures in {}", log_path.display()))?;
    Ok(Outcome { target: target.to_owned(), executions, findings })
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
}

/// The number of inputs that were run, as libFuzzer says at its end.
fn executions(log: &str) -> Option<u64> {
    let line = log.lines().rev().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

fn report(outcomes: &[Outcome]) -> Result<()> {
    say("\ntarget              executions  findings");
    for Outcome { target, executions, findings } in outcomes {
        say(&format!("{target:<16} {executions:>13} {:>9}", findings.len()));
    }
    let found: Vec<&PathBuf> = outcomes.iter().flat_map(|outcome| &outcome.findings).collect();
    for path in &found {
        say(&format!("finding: {}", path.display()));
    }
    if found.is_empty() { Ok(()) } else { bail!("{} findings", found.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expect: Option<(u32, Option<&str>)>) {
        let expect = expect.map(|(minutes, target)| Wish { minutes, target: target.map(str::to_owned) });
        assert_eq!(read(words).ok(), expect, "{words:?}");
    }

    #[test]
    fn the_command_line_is_read() {
        check(&[], Some((MINUTES, None)));
        check(&["--minutes", "2"], Some((2, None)));
        check(&["--target", "sse_codec", "--minutes", "3"], Some((3, Some("sse_codec"))));
        check(&["--minutes"], None);
        check(&["--minutes", "0"], None);
        check(&["--minutes", "long"], None);
        check(&["--jobs", "2"], None);
    }

    #[test]
    fn the_figure_is_the_last_one_said() {
        let log = "noise\nstat::number_of_executed_units: 5\nDone\nstat::number_of_executed_units: 72\nstat::x: 1\n";
        assert_eq!(executions(log), Some(72));
        assert_eq!(executions("Done 5 runs"), None);
    }
}
