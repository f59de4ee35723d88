//! `cargo xtask abuse`: attacks of their full size on a gate of its own, one after the other, and what an ordinary
//! caller feels of each. It prints what was asked and what was seen, and fails when a bound was missed.

mod guesses;
mod headers;
mod readers;
mod resets;
mod source;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::foreground::{Caller, Latencies};
use crate::gate::{self, Server};
use crate::places::Places;
use crate::program::say;
use crate::provider::{IDLE, Provider};

/// Sockets and files of this process and of the gate, at most.
const DESCRIPTORS: usize = 12_000;
/// How long the foreground is measured before each attack.
const QUIET: Duration = Duration::from_secs(6);
/// Time from one call of the foreground to the next.
const PACE: Duration = Duration::from_millis(5);
/// Calls that warm up and are not counted.
const WARM_UP: usize = 200;
/// How much longer the 99th percentile of others may become.
const RISE_PERCENT: f64 = 20.0;

/// What the attacks share.
struct Range {
    binary: PathBuf,
    folder: PathBuf,
    provider: Provider,
}

/// What was asked of the gate, and what it did.
struct Finding {
    row: &'static str,
    asked: String,
    seen: String,
    held: bool,
}

/// The gate that is attacked, and another one on the same machine.
struct Gates {
    ours: Server,
    neighbour: Server,
}

/// Calls of the foreground: before an attack, during the same attack on another gate, and during the attack on its
/// own. The attacker needs this machine's processors as well: what the second takes longer than the first is the
/// machine's doing, and what the third takes longer than the second is the gate's.
struct Others {
    alone: Latencies,
    beside: Latencies,
    among: Latencies,
}

/// One attack, and what it showed.
type Attack = fn(&Range) -> Result<Vec<Finding>>;

const ATTACKS: [(&str, Attack); 4] = [
    ("headers", headers::slow),
    ("readers", readers::slow),
    ("resets", resets::rapid),
    ("guesses", guesses::many),
];

/// Reads the command line and attacks.
pub fn from_words(places: &Places, words: &[&str]) -> Result<()> {
    match words {
        [] => attacks(places, &ATTACKS, None),
        ["--binary", binary] => attacks(places, &ATTACKS, Some(binary)),
        ["--only", name] => attacks(places, &[one(name)?], None),
        ["--only", name, "--binary", binary] => attacks(places, &[one(name)?], Some(binary)),
        _ => bail!("cargo xtask abuse [--only NAME] [--binary PATH]"),
    }
}

fn one(name: &str) -> Result<(&'static str, Attack)> {
    let names = ATTACKS.map(|(name, _)| name).join(", ");
    let found = ATTACKS.into_iter().find(|(known, _)| *known == name);
    found.with_context(|| format!("no attack is called {name}; there is: {names}"))
}

/// Runs the attacks against the given binary, or against a release build.
fn attacks(places: &Places, attacks: &[(&str, Attack)], binary: Option<&str>) -> Result<()> {
    gate::raise_descriptors(DESCRIPTORS)?;
    let range = Range {
        binary: gate::binary(places, binary)?,
        folder: gate::empty_folder(places, "abuse")?,
        provider: Provider::serve()?,
    };
    let started = Instant::now();
    let mut findings = vec![];
    for (name, attack) in attacks {
        findings.extend(attack(&range).with_context(|| format!("the attack with {name} could not be run"))?);
    }
    say(&format!("{:<26} {:<44} {:<104} ", "row", "asked", "seen"));
    for Finding { row, asked, seen, held } in &findings {
        say(&format!("{row:<26} {asked:<44} {seen:<104} {}", if *held { "ok" } else { "MISS" }));
    }
    say(&format!("{:.0} s in all", started.elapsed().as_secs_f64()));
    match findings.iter().filter(|finding| !finding.held).count() {
        0 => Ok(()),
        missed => bail!("{missed} of {} bounds were missed", findings.len()),
    }
}

impl Range {
    /// Two fresh gates before the scripted provider.
    fn gates(&self, name: &str) -> Result<Gates> {
        Ok(Gates { ours: self.gate(name)?, neighbour: self.gate(&format!("{name}-neighbour"))? })
    }

    fn gate(&self, name: &str) -> Result<Server> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        // The limit of the foreground's organization is out of its way; all else is as it comes.
        let settings = ["limits.org_requests_per_minute=10000000".to_owned()];
        gate::start(&self.binary, &folder, Some(&self.provider.url), &settings)
    }
}

impl Finding {
    fn new(row: &'static str, asked: impl Into<String>, seen: impl Into<String>, held: bool) -> Self {
        Self { row, asked: asked.into(), seen: seen.into(), held }
    }
}

impl Others {
    /// Measures the foreground, then again while each of the gates is attacked.
    fn during<T>(gates: &Gates, attack: impl Fn(&Server) -> Result<T>) -> Result<(Self, T)> {
        let mut caller = Caller::of(&gates.ours, IDLE)?;
        for _ in 0..WARM_UP {
            caller.call()?;
        }
        let quiet_until = Instant::now() + QUIET;
        let alone = paced(&mut caller, || Instant::now() < quiet_until)?;
        let (beside, _) = meanwhile(&mut caller, || attack(&gates.neighbour))?;
        let (among, seen) = meanwhile(&mut caller, || attack(&gates.ours))?;
        Ok((Self { alone, beside, among }, seen))
    }

    /// How many calls that were.
    fn calls(&self) -> usize {
        WARM_UP + self.alone.count() + self.beside.count() + self.among.count()
    }

    /// Judged against the neighbour's attack alone: a quiet moment before it is printed, and excuses nothing.
    fn finding(&self, row: &'static str) -> Finding {
        let rise = rise_percent(&self.beside, &self.among);
        Finding::new(
            row,
            format!("p99 at most {RISE_PERCENT:.0} % over that beside"),
            format!("{rise:+.0} %; {self}"),
            rise <= RISE_PERCENT,
        )
    }

    /// For a row that sets no bound on what others feel, other than that all of them are served.
    fn note(&self, row: &'static str) -> Finding {
        Finding::new(row, "others are served", self.to_string(), true)
    }
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alone, beside, among } = self;
        write!(f, "p99 alone {:.2}, beside {:.2}, among {:.2} ms ", alone.p99(), beside.p99(), among.p99())?;
        write!(f, "({:+.0} % over alone); ", rise_percent(alone, among))?;
        write!(f, "medians {:.2}, {:.2}, {:.2}", alone.median(), beside.median(), among.median())
    }
}

fn rise_percent(from: &Latencies, to: &Latencies) -> f64 {
    (to.p99() / from.p99() - 1.0) * 100.0
}

fn meanwhile<T>(caller: &mut Caller, attack: impl FnOnce() -> Result<T>) -> Result<(Latencies, T)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| paced(caller, || !over.load(Ordering::Relaxed)));
        let attacked = attack();
        over.store(true, Ordering::Relaxed);
        let took = calling.join().ok().context("the foreground died")??;
        Ok((took, attacked?))
    })
}

/// Calls at an even pace as long as it is told to go on.
fn paced(caller: &mut Caller, goes_on: impl Fn() -> bool) -> Result<Latencies> {
    let mut took = vec![];
    let mut due = Instant::now();
    while goes_on() {
        took.push(caller.call()?);
        due += PACE;
        wait_until(due);
    }
    Ok(Latencies::new(took))
}

/// Waits; returns at once when the time is over already.
fn wait_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}
