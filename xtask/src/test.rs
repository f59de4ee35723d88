//! `make test`: everything that can fail, in one order, each part timed. A failed part does not hide the later ones.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::program::{cargo, run, say};
use crate::setup::node::Node;
use crate::setup::{node, python, tools};
use crate::{kill, matrix, model};

struct Report {
    parts: Vec<(&'static str, f64, Result<()>)>,
}

impl Report {
    fn part(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        say(&format!("\n== {name}"));
        let start = Instant::now();
        let outcome = work();
        if let Err(fault) = &outcome {
            say(&format!("{name}: {fault:#}"));
        }
        self.parts.push((name, start.elapsed().as_secs_f64(), outcome));
    }

    /// Prints what passed and how long it took.
    fn close(self) -> Result<()> {
        say("");
        for (name, seconds, outcome) in &self.parts {
            say(&format!("{} {seconds:7.1} s  {name}", if outcome.is_ok() { "ok    " } else { "FAILED" }));
        }
        let failed = self.parts.iter().filter(|(_, _, outcome)| outcome.is_err()).count();
        say(&format!("parts: {} passed, {failed} failed", self.parts.len() - failed));
        if failed > 0 { bail!("{failed} parts failed") } else { Ok(()) }
    }
}

/// Every suite.
pub fn everything(places: &Places) -> Result<()> {
    let start = Instant::now();
    let mut report = Report { parts: vec![] };
    let node = prepare(places, &mut report)?;
    let mut nextest = tools::nextest(places)?;
    report.part("Rust: unit, property, golden and world tests", || run(nextest.args(["run", "--workspace"])));
    report.part("Rust: examples in the documentation", || documentation_examples(places));
    outside_suites(places, &node, &mut report);
    report.part("kill -9 under load", || kill::suite(places, kill::FEW_ROUNDS));
    say(&format!("\nthe whole run took {:.0} s", start.elapsed().as_secs_f64()));
    report.close()
}

/// The suites that talk to the built binary with foreign clients.
pub fn end_to_end(places: &Places) -> Result<()> {
    let mut report = Report { parts: vec![] };
    let node = prepare(places, &mut report)?;
    outside_suites(places, &node, &mut report);
    report.close()
}

/// Without the tools and the binary no part can run, so a fault here ends the run at once.
fn prepare(places: &Places, report: &mut Report) -> Result<Node> {
    let mut node = None;
    report.part("setup", || {
        python::suites(places)?;
        python::api(places)?;
        python::matrix(places)?;
        tools::openbao(places)?;
        tools::aiosmtpd(places)?;
        node = Some(node::suites(places)?);
        model::install(places)
    });
    report.part("build", || run(cargo(&places.root).args(["build", "--bin", "portcullis"])));
    for (name, _, outcome) in &mut report.parts {
        if let Err(fault) = std::mem::replace(outcome, Ok(())) {
            return Err(fault.context(*name));
        }
    }
    node.context("Node was not set up")
}

fn outside_suites(places: &Places, node: &Node, report: &mut Report) {
    report.part("official OpenAI client, Python", || pytest(places, &places.venv(), "tests/sdk/python"));
    report.part("official OpenAI client, Node", || {
        let mut suite = node.node()?;
        suite.current_dir(places.node_suite()).env("GATE_BINARY", places.debug_binary());
        run(suite.args(["--test", "--test-reporter=spec"]))
    });
    report.part("official clients before upstreams of each protocol", || {
        matrix::cells(places, node, matrix::Page::Checked)
    });
    report.part("the admin API, schemathesis", || pytest(places, &places.api_venv(), "tests/api"));
    report.part("a real language model", || pytest(places, &places.venv(), "tests/model"));
}

fn pytest(places: &Places, venv: &Path, folder: &str) -> Result<()> {
    let mut pytest = Command::new(venv.join("bin/python"));
    pytest.current_dir(&places.root).env("GATE_BINARY", places.debug_binary());
    run(pytest.args(["-m", "pytest", "--quiet", folder]))
}

/// Only for crates that have examples: an empty run still compiles and links every library.
fn documentation_examples(places: &Places) -> Result<()> {
    for entry in std::fs::read_dir(places.root.join("crates"))? {
        let folder = entry?.path();
        let sources = crate::tidy::sources::rust_files(&folder.join("src"))?;
        let has_example = |text: &String| text.lines().any(|line| line.trim_start().starts_with("/// ```"));
        let texts = sources.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
        if texts.iter().any(has_example) {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            run(cargo(&places.root).args(["test", "--quiet", "--doc", "--package", name]))?;
        }
    }
    Ok(())
}
