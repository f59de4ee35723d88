//! `make bench`: the same load, the same upstream, in one run: straight to the upstream, through nginx, through the
//! gate. What counts is the processor time per request and its ratio to nginx; requests per second on a machine that
//! also runs the load generator say little.

mod load;
pub mod processor;
pub mod streams;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::gate::{self, Server};
use crate::places::Places;
use crate::program::say;
use crate::setup::debian;

const WARM_UP_SECONDS: u32 = 2;
const MEASURED_SECONDS: u32 = 10;
const ROUNDS: usize = 3;
/// One way to the upstream, and what it took in each round.
struct Lane {
    name: &'static str,
    server: Server,
    microseconds: Vec<f64>,
    per_second: Vec<f64>,
    p99_ms: Vec<f64>,
}

/// Runs all lanes, round after round so that a noisy moment hits all of them, and prints the medians.
pub fn against_nginx(places: &Places) -> Result<()> {
    debian::program("nginx", &["nginx-light"])?;
    debian::program("wrk", &["wrk"])?;
    let binary = gate::binary(places, None)?;
    let scratch = gate::empty_folder(places, "bench")?;
    let upstream = nginx(places, &scratch, "upstream", 0)?;
    let upstream_port: u16 = upstream.url.rsplit(':').next().unwrap_or_default().parse()?;
    let proxy = nginx(places, &scratch, "proxy", upstream_port)?;
    let gate = gate::start(&binary, &scratch, Some(&upstream.url), &[])?;
    let mut lanes = [lane("direct", upstream), lane("nginx", proxy), lane("portcullis", gate)];
    for lane in &lanes {
        load::run(places, &lane.server.url, &lane.server.bearer, WARM_UP_SECONDS)?;
    }
    for round in 1..=ROUNDS {
        for lane in &mut lanes {
            measure(places, lane)?;
        }
        say(&format!("round {round} of {ROUNDS}"));
    }
    report(&lanes, &scratch)
}

fn lane(name: &'static str, server: Server) -> Lane {
    Lane { name, server, microseconds: vec![], per_second: vec![], p99_ms: vec![] }
}

fn measure(places: &Places, lane: &mut Lane) -> Result<()> {
    let before = processor::seconds_of(lane.server.child.id())?;
    let done = load::run(places, &lane.server.url, &lane.server.bearer, MEASURED_SECONDS)?;
    let spent = processor::seconds_of(lane.server.child.id())? - before;
    if done.failed > 0 || done.requests == 0.0 {
        bail!(
            "{}: {} requests, of which {} failed: nothing to compare",
            lane.name,
            done.requests,
            done.failed
        );
    }
    lane.microseconds.push(spent * 1e6 / done.requests);
    lane.per_second.push(done.requests / done.seconds);
    lane.p99_ms.push(done.p99_ms);
    Ok(())
}

fn report(lanes: &[Lane; 3], scratch: &Path) -> Result<()> {
    say(&format!(
        "\n64 connections, {MEASURED_SECONDS} s, 1 KB prompt, 1 KB answer; median of {ROUNDS} rounds"
    ));
    say("              CPU µs/request    requests/s       p99 ms");
    let mut rows = vec![];
    for lane in lanes {
        let (cost, rate, p99) = (median(&lane.microseconds), median(&lane.per_second), median(&lane.p99_ms));
        say(&format!("{:<12} {cost:15.1} {rate:13.0} {p99:12.2}", lane.name));
        rows.push(serde_json::json!({
            "lane": lane.name, "cpu_us_per_request": cost, "requests_per_second": rate, "p99_ms": p99,
        }));
    }
    let ratio = median(&lanes[2].microseconds) / median(&lanes[1].microseconds);
    say(&format!("portcullis / nginx: {ratio:.2} times the processor time per request"));
    let result = serde_json::json!({ "lanes": rows, "portcullis_over_nginx": ratio });
    std::fs::write(scratch.join("result.json"), format!("{result:#}\n")).context("cannot write result.json")
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// nginx with one of our two configurations: the fixed answer, or the proxy before it.
fn nginx(places: &Places, scratch: &Path, role: &str, upstream_port: u16) -> Result<Server> {
    let folder = scratch.join(role);
    std::fs::create_dir_all(&folder)?;
    let port = free_port()?;
    let template = std::fs::read_to_string(places.root.join(format!("bench/nginx-{role}.conf")))?;
    let answer = std::fs::read_to_string(places.root.join("bench/answer.json"))?;
    let text = template
        .replace("@PORT@", &port.to_string())
        .replace("@UPSTREAM_PORT@", &upstream_port.to_string())
        .replace("@FOLDER@", &folder.to_string_lossy())
        .replace("@ANSWER@", answer.trim_end());
    let configuration = folder.join("nginx.conf");
    std::fs::write(&configuration, text)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&configuration).args(["-g", "daemon off;"]);
    let child = command.stderr(Stdio::null()).spawn().context("cannot start nginx")?;
    let server = Server {
        child,
        url: format!("http://127.0.0.1:{port}"),
        admin: String::new(),
        bearer: "none".to_owned(),
    };
    wait_for(port)?;
    Ok(server)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > until {
            bail!("nothing listens on 127.0.0.1:{port}");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}
