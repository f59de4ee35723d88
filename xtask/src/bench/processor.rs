//! The processor time of a process and its children, from the kernel's own account.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Linux counts in ticks of this length for user programs, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;
/// A server is at rest when it has used at most a tick in each of so many looks, one after the other.
const QUIET_LOOKS: u32 = 3;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// A server that is still busy after this is taken as it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// User and system seconds that a process, all its threads and its living descendants have used.
pub fn seconds_of(process: u32) -> Result<f64> {
    Ok(family(process)?.into_iter().map(|(_, seconds)| seconds).sum())
}

/// Waits until a server is done with what it still does after its last answer, such as posting its books, and gives
/// [`seconds_of`] it.
pub fn seconds_at_rest(process: u32) -> Result<f64> {
    let until = Instant::now() + PATIENCE;
    let (mut seen, mut quiet) = (seconds_of(process)?, 0);
    while quiet < QUIET_LOOKS && Instant::now() < until {
        std::thread::park_timeout(LOOK);
        let now = seconds_of(process)?;
        quiet = if now - seen <= 1.5 / TICKS_PER_SECOND { quiet + 1 } else { 0 };
        seen = now;
    }
    Ok(seen)
}

/// A process and its descendants.
pub fn numbers_of(process: u32) -> Result<Vec<u32>> {
    Ok(family(process)?.into_iter().map(|(number, _)| number).collect())
}

fn family(process: u32) -> Result<Vec<(u32, f64)>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").context("cannot read /proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between the listing and the reading.
        let Ok(text) = std::fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
        if let Some(read) = parse(&text) {
            all.insert(number, read);
        }
    }
    Ok(descendants(process, &all))
}

/// Those of all processes (with their parents and seconds) that descend from one, and that one.
fn descendants(process: u32, all: &BTreeMap<u32, (u32, f64)>) -> Vec<(u32, f64)> {
    let mut found: Vec<(u32, f64)> =
        all.get(&process).map(|(_, seconds)| (process, *seconds)).into_iter().collect();
    let mut at = 0;
    while let Some((parent, _)) = found.get(at).copied() {
        let children = all.iter().filter(|(_, (of, _))| *of == parent);
        found.extend(children.map(|(number, (_, seconds))| (*number, *seconds)));
        at += 1;
    }
    found
}

/// The parent and the seconds used, from a line of `/proc/PID/stat` (proc(5): fields 4, 14 and 15).
fn parse(stat: &str) -> Option<(u32, f64)> {
    // The second field is the program's name in brackets and may itself hold brackets and spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((fields.get(1)?.parse().ok()?, (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_line_is_read() {
        let line = "41 (a) b) S 7 41 41 0 -1 4194560 90 0 0 0 250 50 0 0 20 0 3 0 100 1 2 3";
        assert_eq!(parse(line), Some((7, 3.0)));
        assert_eq!(parse("41 (a"), None);
    }

    #[test]
    fn a_server_is_its_process_and_all_that_descend_from_it() {
        let all = [(1, (0, 9.0)), (10, (1, 1.0)), (11, (10, 2.0)), (12, (11, 4.0)), (20, (1, 8.0))];
        let found = descendants(10, &BTreeMap::from(all));
        assert_eq!(found, [(10, 1.0), (11, 2.0), (12, 4.0)]);
        assert_eq!(descendants(99, &BTreeMap::from(all)), []);
    }
}
