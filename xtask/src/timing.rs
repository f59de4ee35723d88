//! `cargo xtask timing`: how long refused credentials, failed logins and unknown identifiers wait, class by class in
//! random order, and that good credentials do not. A machine under load is slower, but equally so for every class.

mod identifiers;
mod logins;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::gate::{self, Server};
use crate::places::Places;
use crate::program::{output, say};

/// Refusals of each class.
const SAMPLES: usize = 300;
/// Callers at the same time.
const CALLERS: usize = 8;
/// So that none of this is held off by its address.
const IP_LIMIT: &str = "limits.ip_requests_per_minute=10000000";

/// One kind of credential.
struct Class {
    name: &'static str,
    key: String,
}

/// Measures the given binary, or builds one first.
pub fn refusals(places: &Places, binary: Option<&str>) -> Result<()> {
    let binary = gate::binary(places, binary)?;
    let folder = gate::empty_folder(places, "timing")?;
    let gate = gate::start(&binary, &folder, None, &[IP_LIMIT.to_owned()])?;
    let classes = classes(&binary, &folder, &gate)?;
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
        good.push(answer(gate.address()?, &gate.bearer, "200")?);
    }
    report("accepted", &mut good);
    medians.sort_by(f64::total_cmp);
    let spread = medians.last().zip(medians.first()).map_or(0.0, |(most, least)| most - least);
    say(&format!("the medians of the refusals lie within {spread:.2} ms"));
    drop(gate);
    identifiers::measure(places, &binary)?;
    logins::measure(places, &binary)
}

/// The numbers below `count` in random order: Fisher and Yates, with the randomness that every hash table brings along.
fn shuffled(count: usize) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..order.len()).rev() {
        let chance = RandomState::new().build_hasher().finish() % (last as u64 + 1);
        order.swap(last, usize::try_from(chance)?);
    }
    Ok(order)
}

fn caller(gate: &Server, classes: &[Class]) -> Result<Vec<(usize, f64)>> {
    let order = shuffled(classes.len() * SAMPLES.div_ceil(CALLERS))?;
    let address = gate.address()?;
    let one = |number: usize| {
        let class = number % classes.len();
        answer(address, &classes[class].key, "401").map(|ms| (class, ms))
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

fn answer(address: SocketAddrV4, key: &str, expect: &str) -> Result<f64> {
    let text =
        format!("GET /v1/models HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nx-api-key: {key}\r\n\r\n");
    exchange(address, &text, expect)
}

/// Milliseconds from sending a request to the first byte of its answer.
fn exchange(address: SocketAddrV4, text: &str, expect: &str) -> Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
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

fn classes(binary: &Path, folder: &Path, gate: &Server) -> Result<Vec<Class>> {
    let key = |arguments: &[&str]| -> Result<Value> {
        let mut command = Command::new(binary);
        command.args(["key"]).args(arguments).args(["--json", "--data-dir"]).arg(gate::data(folder));
        Ok(serde_json::from_str(&output(&mut command)?)?)
    };
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let expired = key(&["create", "--expires-in", "1s"])?;
    let (disabled, revoked) = (key(&["create"])?, key(&["create"])?);
    key(&["disable", &text(&disabled, "id")])?;
    key(&["revoke", &text(&revoked, "id")])?;
    let last = if gate.bearer.ends_with('0') { "1" } else { "0" };
    let classes = vec![
        Class { name: "unknown prefix", key: format!("pc_live_{}", "z".repeat(52)) },
        Class { name: "wrong secret", key: format!("{}{last}", &gate.bearer[..gate.bearer.len() - 1]) },
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
