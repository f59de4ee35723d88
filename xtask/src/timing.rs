//! `cargo xtask timing`: how long refused credentials wait, class by class in random order, and that good ones do
//! not. It prints figures and judges nothing: a machine under load is slower, but equally so for every class.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::places::Places;
use crate::program::{cargo, output, run, say};

/// Refusals of each class.
const SAMPLES: usize = 300;
/// Callers at the same time.
const CALLERS: usize = 8;
/// So that none of this is held off by its address.
const IP_LIMIT: (&str, &str) = ("PORTCULLIS_LIMITS_IP_REQUESTS_PER_MINUTE", "10000000");

/// A gate in front of the demo provider; killed by its own process number when it goes out of scope.
struct Gate {
    child: Child,
    address: String,
    good: String,
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// One kind of credential.
struct Class {
    name: &'static str,
    key: String,
}

/// Measures the given binary, or builds one first.
pub fn refusals(places: &Places, binary: Option<&str>) -> Result<()> {
    let binary = match binary {
        Some(path) => PathBuf::from(path),
        None => {
            run(cargo(&places.root).args(["build", "--release", "--bin", "portcullis"]))?;
            places.release_binary()
        }
    };
    let data = places.root.join("target/timing");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let gate = start(&binary, &data)?;
    let classes = classes(&binary, &data, &gate)?;
    let mut took = vec![vec![]; classes.len()];
    let measured: Vec<Result<Vec<(usize, f64)>>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| caller(&gate, &classes))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap_or_else(|_| bail!("a caller died"))).collect()
    });
    for samples in measured {
        samples?.into_iter().for_each(|(class, ms)| took[class].push(ms));
    }
    say(&format!("{CALLERS} callers, classes in random order; milliseconds from request to answer"));
    say("class              count    minimum     median        p99");
    let mut medians = vec![];
    for (class, took) in classes.iter().zip(&mut took) {
        medians.push(report(class.name, took));
    }
    let mut good = vec![];
    for _ in 0..SAMPLES {
        good.push(answer(&gate.address, &gate.good, "200")?);
    }
    report("accepted", &mut good);
    medians.sort_by(f64::total_cmp);
    let spread = medians.last().zip(medians.first()).map_or(0.0, |(most, least)| most - least);
    say(&format!("the medians of the refusals lie within {spread:.2} ms"));
    Ok(())
}

fn caller(gate: &Gate, classes: &[Class]) -> Result<Vec<(usize, f64)>> {
    let mut order: Vec<usize> = (0..classes.len() * SAMPLES.div_ceil(CALLERS)).collect();
    // Fisher and Yates, with the randomness that every hash table brings along.
    for last in (1..order.len()).rev() {
        let chance = RandomState::new().build_hasher().finish() % (last as u64 + 1);
        order.swap(last, usize::try_from(chance)?);
    }
    let one = |number: usize| {
        let class = number % classes.len();
        answer(&gate.address, &classes[class].key, "401").map(|ms| (class, ms))
    };
    order.into_iter().map(one).collect()
}

/// Prints a row and gives the median.
fn report(name: &str, took: &mut [f64]) -> f64 {
    took.sort_by(f64::total_cmp);
    let at =
        |part: usize| took.get((took.len() * part / 100).min(took.len() - 1)).copied().unwrap_or(f64::NAN);
    say(&format!("{name:<16} {:7} {:10.2} {:10.2} {:10.2}", took.len(), at(0), at(50), at(99)));
    at(50)
}

/// Milliseconds from sending a request to the first byte of its answer.
fn answer(address: &str, key: &str, expect: &str) -> Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let text =
        format!("GET /v1/models HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nx-api-key: {key}\r\n\r\n");
    let sent = Instant::now();
    stream.write_all(text.as_bytes())?;
    let mut first = [0; 12];
    stream.read_exact(&mut first)?;
    let took = sent.elapsed().as_secs_f64() * 1_000.0;
    let status = String::from_utf8_lossy(&first[9..]).into_owned();
    if status != expect {
        bail!("status {status} in the place of {expect}");
    }
    Ok(took)
}

fn start(binary: &Path, data: &Path) -> Result<Gate> {
    std::fs::create_dir_all(data)?;
    let log = std::fs::File::create(data.join("log.txt"))?;
    let mut command = Command::new(binary);
    command.args([
        "demo",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--data-dir",
    ]);
    command.arg(data.join("gate")).env(IP_LIMIT.0, IP_LIMIT.1).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
    let stdout = child.stdout.take().context("portcullis has no standard output")?;
    let mut gate = Gate { child, address: String::new(), good: String::new() };
    let (mut line, mut lines) = (String::new(), BufReader::new(stdout));
    lines.read_line(&mut line)?;
    let said: Value = serde_json::from_str(&line).context("portcullis did not start: see its log")?;
    let text = |name: &str| said[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    gate.address = text("base_url")?.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    gate.good = text("api_key")?;
    let drain = std::thread::Builder::new().name("drain".to_owned());
    drain.spawn(move || lines.read_to_end(&mut Vec::new()))?;
    Ok(gate)
}

fn classes(binary: &Path, data: &Path, gate: &Gate) -> Result<Vec<Class>> {
    let key = |arguments: &[&str]| -> Result<Value> {
        let mut command = Command::new(binary);
        command.args(["key"]).args(arguments).args(["--json", "--data-dir"]).arg(data.join("gate"));
        Ok(serde_json::from_str(&output(&mut command)?)?)
    };
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let expired = key(&["create", "--expires-in", "1s"])?;
    let (disabled, revoked) = (key(&["create"])?, key(&["create"])?);
    key(&["disable", &text(&disabled, "id")])?;
    key(&["revoke", &text(&revoked, "id")])?;
    let last = if gate.good.ends_with('0') { "1" } else { "0" };
    let classes = vec![
        Class { name: "unknown prefix", key: format!("pc_live_{}", "z".repeat(52)) },
        Class { name: "wrong secret", key: format!("{}{last}", &gate.good[..gate.good.len() - 1]) },
        Class { name: "disabled", key: text(&disabled, "key") },
        Class { name: "expired", key: text(&expired, "key") },
        Class { name: "revoked", key: text(&revoked, "key") },
        Class { name: "malformed", key: "sk-1234".to_owned() },
    ];
    // Until the key has expired and the gate has heard of every change.
    let until = Instant::now() + Duration::from_secs(3);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
    Ok(classes)
}
