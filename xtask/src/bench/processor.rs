//! The processor time of a process and its children, from the kernel's own account.

use anyhow::{Context, Result};

/// Linux counts in ticks of this length for user programs, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system seconds that a process, all its threads and its living children have used.
pub fn seconds_of(process: u32) -> Result<f64> {
    let mut total = 0.0;
    for entry in std::fs::read_dir("/proc").context("cannot read /proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between the listing and the reading.
        let Ok(text) = std::fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
        let Some((parent, seconds)) = parse(&text) else { continue };
        if number == process || parent == process {
            total += seconds;
        }
    }
    Ok(total)
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
}
