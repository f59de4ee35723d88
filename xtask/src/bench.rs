//! `make bench`: what a call costs, in one session, round after round on each lane: straight to the upstream, through
//! nginx, through the floor of the stack, through the gate, and through other gateways that are installed. It prints
//! figures and their ratios, and judges nothing.

mod figures;
mod lanes;
mod load;
mod options;
mod peers;
pub mod processor;
mod refused;
mod standing;
mod starting;
mod streaming;
mod system_calls;
mod whole;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::figures::Figures;
use self::lanes::{Houses, Lane};
use self::load::Load;
use self::options::{Options, Part};
use crate::gate;
use crate::places::Places;
use crate::program::{cargo, run, say};
use crate::setup::debian;

/// What every part of a session works with.
struct Session {
    options: Options,
    houses: Houses,
    load: Load,
    lanes: Vec<Lane>,
    figures: Figures,
    /// What a reader has to know besides the figures.
    notes: Vec<String>,
}

/// Builds what is missing, measures all parts that are asked for, and prints the table.
pub fn all(places: &Places) -> Result<()> {
    let started = Instant::now();
    let options = Options::read()?;
    debian::program("nginx", &["nginx-light"])?;
    debian::program("wrk", &["wrk"])?;
    let binary = gate::binary(places, options.binary.as_deref())?;
    run(cargo(&places.root).args(["build", "--release", "--package", "bench"]))?;
    let files = gate::raise_descriptors(FEWEST_FILES)?;
    let houses = Houses::new(places, binary, files)?;
    let lanes = houses.all_lanes()?;
    let names = lanes.iter().map(|lane| lane.name.clone()).collect();
    let load = Load::new(places);
    let figures = Figures::of(names);
    let mut session = Session { options, houses, load, lanes, figures, notes: vec![] };
    for (part, measure) in PARTS {
        if session.options.parts.contains(&part) {
            let begun = Instant::now();
            measure(&mut session).with_context(|| format!("the part `{}`", part.name()))?;
            say(&format!("{:<8} measured in {:.0} s", part.name(), begun.elapsed().as_secs_f64()));
        }
    }
    report(&session, started)
}

/// Enough for everything but the many streams, whose number follows what is allowed.
const FEWEST_FILES: usize = 4_096;

type Measure = fn(&mut Session) -> Result<()>;

/// The order of a session.
const PARTS: [(Part, Measure); 5] = [
    (Part::Start, starting::measure),
    (Part::Whole, whole::measure),
    (Part::Sse, streaming::measure),
    (Part::Refused, refused::measure),
    (Part::Streams, standing::measure),
];

fn report(session: &Session, started: Instant) -> Result<()> {
    let Options { rounds, seconds, .. } = &session.options;
    let cores = std::thread::available_parallelism()?;
    say(&format!(
        "\n{rounds} rounds of {seconds} s on each lane, turn by turn; {cores} cores for everything, the load and the upstream \
         included; medians; docs/performance.md says what each line means\n"
    ));
    say(&session.figures.table());
    for note in &session.notes {
        say(&format!("note: {note}"));
    }
    let file: PathBuf = session.houses.scratch.join("result.json");
    let result = serde_json::json!({
        "seconds": seconds, "rounds": rounds, "cores": cores.get(),
        "figures": session.figures.json(), "notes": session.notes,
    });
    std::fs::write(&file, format!("{result:#}\n")).context("cannot write result.json")?;
    say(&format!(
        "\nthe whole session took {:.0} s; every round is in {}",
        started.elapsed().as_secs_f64(),
        file.display()
    ));
    Ok(())
}

impl Session {
    /// Runs one round of something on every lane in turn, as many rounds as are asked for.
    fn rounds(
        &mut self,
        what: &str,
        mut one: impl FnMut(&Load, &Options, &Lane, usize, &mut Figures) -> Result<()>,
    ) -> Result<()> {
        for round in 1..=self.options.rounds {
            for (at, lane) in self.lanes.iter().enumerate() {
                one(&self.load, &self.options, lane, at, &mut self.figures)
                    .with_context(|| format!("{what}, round {round}, {}", lane.name))?;
            }
        }
        if self.lanes.is_empty() { bail!("there is no lane") } else { Ok(()) }
    }
}
