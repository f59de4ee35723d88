//! `make profile`: how many instructions of the gate a request takes, counted by callgrind, which gives the same from
//! run to run where times do not. A check against `bench/instructions.toml` tells when the path of a request became
//! longer. It knows threads and functions by their names alone.

mod callgrind;
mod exchange;
mod ledger;
mod upstream;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::callgrind::{Counted, Profiled};
use self::exchange::Exchange;
use self::ledger::Ledger;
use self::upstream::Upstream;
use crate::places::Places;
use crate::program::{cargo, run, say};
use crate::setup::debian;

/// What of the figures is compared with `bench/instructions.toml`.
const LEDGER: &str = "bench/instructions.toml";
/// Functions that are shown of each.
const SHOWN: usize = 20;
/// How the names of the gate's own begin.
const OURS: [&str; 9] =
    ["gateway::", "live::", "wire::", "egress::", "domain::", "vault::", "server::", "control::", "store::"];

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Whole,
    Chunk,
    UnknownKey,
    OverLimit,
}

/// Each with its name in the ledger and how often it is done: enough that what the gate does by the clock is lost in it.
const WORKS: [(Work, &str, u32); 4] = [
    (Work::Whole, "whole", 1_000),
    (Work::Chunk, "chunk", 2_000),
    (Work::UnknownKey, "refused_key", 100),
    (Work::OverLimit, "refused_limit", 1_000),
];
/// Times that are not counted, so that caches and pools are as they are in service.
const WARM_UP: u32 = 150;
/// Chunks of one stream.
const STREAM_CHUNKS: u32 = 200;

/// What to do with the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Print them.
    Show,
    /// And fail when one is larger than the ledger allows.
    Check,
    /// And put them into the ledger.
    Write,
}

/// Reads the command line and counts.
pub fn from_words(places: &Places, words: &[&str]) -> Result<()> {
    let (mut then, mut named, mut rest) = (Then::Show, None, words);
    loop {
        rest = match rest {
            [] => break,
            ["--check", rest @ ..] => {
                then = Then::Check;
                rest
            }
            ["--write", rest @ ..] => {
                then = Then::Write;
                rest
            }
            ["--binary", path, rest @ ..] => {
                named = Some(*path);
                rest
            }
            _ => bail!("cargo xtask profile [--check | --write] [--binary PATH]"),
        };
    }
    debian::program("valgrind", &["valgrind"])?;
    let binary = match named {
        Some(path) => PathBuf::from(path),
        None => {
            run(cargo(&places.root).args(["build", "--profile", "profiling", "--bin", "portcullis"]))?;
            places.root.join("target/profiling/portcullis")
        }
    };
    let counted = count(places, binary)?;
    for (name, counted) in &counted {
        show(name, counted);
    }
    let file = places.root.join(LEDGER);
    let seen: Vec<(&str, f64)> = counted.iter().map(|(name, counted)| (*name, counted.of_requests)).collect();
    match then {
        Then::Show => Ok(()),
        Then::Write => std::fs::write(&file, Ledger::text(&seen)).with_context(|| file.display().to_string()),
        Then::Check => {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let verdict = Ledger::read(&text)?.compare(&seen);
            verdict.iter().for_each(|line| say(&line.text));
            let longer = verdict.iter().filter(|line| line.fails).count();
            if longer > 0 { bail!("{longer} figures are larger than {LEDGER} allows") } else { Ok(()) }
        }
    }
}

fn count(places: &Places, binary: PathBuf) -> Result<Vec<(&'static str, Counted)>> {
    let upstream = Upstream::serve()?;
    let gate = Profiled::start(places, &binary, &upstream.url)?;
    let mut exchange = Exchange::with(&gate, &upstream)?;
    for (work, _, _) in WORKS {
        do_times(&gate, &mut exchange, work, WARM_UP)?;
    }
    gate.rest()?;
    gate.counted()?;
    let mut counted = vec![];
    for (work, name, times) in WORKS {
        do_times(&gate, &mut exchange, work, times)?;
        gate.rest()?;
        let seen = gate.counted()?;
        if work == Work::Whole && seen.posting == 0.0 {
            bail!(
                "no function posts the books: is it called otherwise than xtask/src/profile/callgrind.rs has it?"
            );
        }
        counted.push((name, seen.divided(times)));
    }
    Ok(counted)
}

fn do_times(gate: &Profiled, exchange: &mut Exchange<'_>, work: Work, times: u32) -> Result<()> {
    match work {
        Work::Chunk => {
            (0..times.div_ceil(STREAM_CHUNKS)).try_for_each(|_| exchange.stream(STREAM_CHUNKS.min(times)))
        }
        Work::Whole => (0..times).try_for_each(|_| exchange.whole()),
        Work::UnknownKey => (0..times).try_for_each(|_| exchange.unknown_key()),
        Work::OverLimit => {
            // A fresh key, so that its one request a minute does not come back meanwhile.
            let limited = gate.limited_key()?;
            exchange.expect(&limited, 200)?;
            (0..times).try_for_each(|_| exchange.expect(&limited, 429))
        }
    }
}

fn show(name: &str, counted: &Counted) {
    say(&format!(
        "\n{name}: {:.0} instructions on the path of requests; {:.0} to post the books, {:.0} of other threads",
        counted.of_requests, counted.posting, counted.beside
    ));
    let ours = |name: &str| OURS.iter().any(|krate| name.trim_start_matches('<').starts_with(krate));
    say("  by themselves:");
    show_rows(counted.most(|_, cost| cost.own, SHOWN));
    say("  with what they call, of the gate's own:");
    show_rows(counted.most(|name, cost| if ours(name) { cost.with_calls } else { 0.0 }, SHOWN));
}

fn show_rows(rows: Vec<(&str, f64)>) {
    for (function, instructions) in rows {
        say(&format!("  {instructions:9.0}  {function}"));
    }
}
