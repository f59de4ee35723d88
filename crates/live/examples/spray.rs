//! Ten million distinct addresses against the table of sources: prints how many are kept, the memory of the process
//! before and after, and the time of one count. `cargo run --release -p live --example spray`.

use std::io::Write as _;
use std::time::Instant;

use domain::address::Source;
use domain::time::Timestamp;
use live::sources::Sources;

/// Distinct addresses.
const ADDRESSES: u64 = 10_000_000;
/// The limit of one address.
const LIMIT: u32 = 60;

fn main() -> std::io::Result<()> {
    let before = resident_kib()?;
    let sources = Sources::default();
    let started = Instant::now();
    for number in 0..ADDRESSES {
        // A minute of the flood: 166,667 new addresses a second.
        let now = Timestamp(i64::try_from(number * 6).unwrap_or(0));
        let _ = sources.count(Source::V6(number.to_be_bytes()), LIMIT, now);
    }
    let each = started.elapsed().as_nanos() / u128::from(ADDRESSES);
    let flooded = resident_kib()?;
    let kept = sources.known();
    // The worst case: everyone who is kept fails as often as it may, in as many parts of a minute as there are.
    for turn in 0..u64::from(LIMIT) {
        for number in 0..u64::try_from(Sources::CAPACITY).unwrap_or(0) {
            let now = Timestamp(i64::try_from(70_000_000 + turn * 900_000).unwrap_or(0));
            let _ = sources.count(Source::V6((number << 32).to_be_bytes()), LIMIT, now);
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ADDRESSES} distinct addresses: {kept} kept, at most {}", Sources::CAPACITY)?;
    writeln!(out, "resident: {before} KiB before, {flooded} KiB after, {} KiB at worst", resident_kib()?)?;
    writeln!(out, "{each} ns for one count")
}

fn resident_kib() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0))
}
