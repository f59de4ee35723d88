//! System calls of a request: counted by the kernel (`perf stat`) where that is allowed, by strace otherwise, in a run
//! of their own, because counting slows down what is counted.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::lanes::Lane;
use super::load::{Expect, Load, wrk_said};
use super::whole::MODEL;
use super::{Session, processor};
use crate::program::{on_path, output, succeeds};
use crate::setup::debian;

const SECONDS: f64 = 2.0;
const EVENT: &str = "raw_syscalls:sys_enter";

/// Counts on every lane.
pub fn measure(session: &mut Session) -> Result<()> {
    let perf =
        on_path("perf").is_some() && succeeds(Command::new("perf").args(["stat", "-e", EVENT, "true"]));
    if !perf {
        debian::program("strace", &["strace"])?;
        session.notes.push("system calls were counted by strace, which slows a server down".to_owned());
    }
    for (at, lane) in session.lanes.iter().enumerate() {
        let file = session.houses.scratch.join("system-calls");
        let one = if perf { by_perf } else { by_strace };
        let (calls, requests) = one(&session.load, lane, &file)?;
        session.figures.add("system calls per request at saturation", at, calls / requests);
    }
    Ok(())
}

fn by_perf(load: &Load, lane: &Lane, file: &Path) -> Result<(f64, f64)> {
    let numbers = numbers(lane)?;
    let mut perf = Command::new("perf");
    perf.args(["stat", "--field-separator", ",", "--event", EVENT, "--pid", &numbers.join(",")]);
    perf.arg("--output").arg(file).arg("--");
    let wrk = load.wrk(lane, MODEL, SECONDS, &lane.server.bearer)?;
    perf.arg(wrk.get_program()).args(wrk.get_args());
    let said = wrk_said(&output(&mut perf)?, Expect::Served)?;
    let calls = perf_count(&std::fs::read_to_string(file)?).context("perf counted nothing")?;
    Ok((calls, said["requests"].as_f64().context("no requests")?))
}

fn by_strace(load: &Load, lane: &Lane, file: &Path) -> Result<(f64, f64)> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-o"]).arg(file);
    for number in numbers(lane)? {
        strace.args(["-p", &number]);
    }
    let mut strace = strace.stderr(Stdio::null()).spawn().context("cannot start strace")?;
    let wrk = output(&mut load.wrk(lane, MODEL, SECONDS, &lane.server.bearer)?);
    interrupt(&mut strace)?;
    let said = wrk_said(&wrk?, Expect::Served)?;
    let calls = strace_count(&std::fs::read_to_string(file)?).context("strace counted nothing")?;
    Ok((calls, said["requests"].as_f64().context("no requests")?))
}

/// strace writes its count when it is interrupted, and lets the server go on.
fn interrupt(strace: &mut Child) -> Result<()> {
    let told = Command::new("kill").args(["-INT", &strace.id().to_string()]).status()?;
    strace.wait()?;
    if told.success() { Ok(()) } else { bail!("strace was gone before the load was") }
}

fn numbers(lane: &Lane) -> Result<Vec<String>> {
    Ok(processor::numbers_of(lane.server.child.id())?.iter().map(u32::to_string).collect())
}

/// The count of the event: `29,,raw_syscalls:sys_enter,…`.
fn perf_count(text: &str) -> Option<f64> {
    text.lines().find(|line| line.contains(EVENT))?.split(',').next()?.parse().ok()
}

/// The calls of the last line: `100.00    0.001   0   1234   5 total`.
fn strace_count(text: &str) -> Option<f64> {
    text.lines().rev().find(|line| line.ends_with("total"))?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_counters_are_read() {
        let perf = "# started on Sun\n\n29,,raw_syscalls:sys_enter,1840331,100.00,,\n";
        assert_eq!(perf_count(perf), Some(29.0));
        assert_eq!(perf_count("<not supported>,,raw_syscalls:sys_enter,0"), None);
        let strace = "% time seconds usecs/call calls errors syscall\n 50.00 0.1 1 20 1 read\n100.00 0.000000 0 29 1 total\n";
        assert_eq!(strace_count(strace), Some(29.0));
        assert_eq!(strace_count(""), None);
    }
}
