//! The gate under callgrind, and what callgrind counted, thread by thread. It does not know what the gate was asked.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::bench::processor;
use crate::foreground::{answer, connect};
use crate::gate::{self, Server, UNLIMITED, limited_key};
use crate::places::Places;

/// How the names of what only the threads that answer requests run begin.
const SERVING: &str = "gateway::listener::connection::";
/// What posts the books: how many requests it takes at once is chance, so that it is counted apart.
const POSTING: &str = "control::jobs::settle::run::{{closure}}";
/// Between two questions that keep the gate awake while it writes down what was counted.
const PING: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

/// The gate under callgrind.
pub struct Profiled {
    /// It answers as ever, only slowly.
    pub server: Server,
    folder: PathBuf,
    binary: PathBuf,
}

/// What was counted between two looks.
pub struct Counted {
    /// Instructions of the threads that answer requests.
    pub of_requests: f64,
    /// Those that it took to post the books, without the threads of the database.
    pub posting: f64,
    /// Those of all other threads.
    pub beside: f64,
    /// The first by function.
    pub functions: BTreeMap<String, Cost>,
}

/// Instructions of a function.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Its own.
    pub own: f64,
    /// With those of what it calls; what calls itself is counted twice.
    pub with_calls: f64,
}

impl Profiled {
    /// Starts it.
    pub fn start(places: &Places, binary: &Path, upstream: &str) -> Result<Self> {
        let folder = gate::empty_folder(places, "profile")?;
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--separate-threads=yes", "--dump-line=no", "--compress-pos=no"]);
        command.arg(format!("--callgrind-out-file={}", folder.join("counted").display()));
        command.arg(format!("--log-file={}", folder.join("valgrind.log").display())).arg(binary);
        command.env("TOKIO_WORKER_THREADS", "1");
        let server = gate::launch(command, &folder, Some(upstream), &UNLIMITED.map(str::to_owned))?;
        Ok(Self { server, folder, binary: binary.to_owned() })
    }

    /// A fresh key that has one request a minute.
    pub fn limited_key(&self) -> Result<String> {
        limited_key(&self.binary, &gate::data(&self.folder))
    }

    /// Waits until the gate has nothing left to do.
    pub fn rest(&self) -> Result<()> {
        processor::seconds_at_rest(self.server.child.id()).map(drop)
    }

    /// What was counted since the last look, or since the start.
    pub fn counted(&self) -> Result<Counted> {
        self.dump()?;
        let mut counted = Counted { of_requests: 0.0, posting: 0.0, beside: 0.0, functions: BTreeMap::new() };
        for entry in std::fs::read_dir(&self.folder)? {
            let file = entry?.path();
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if !name.strip_prefix("counted.").is_some_and(|rest| rest.contains('-')) {
                continue;
            }
            let functions = functions(&std::fs::read_to_string(&file)?);
            let all: f64 = functions.values().map(|cost| cost.own).sum();
            if functions.keys().any(|name| name.starts_with(SERVING)) {
                counted.of_requests += all;
                for (name, cost) in functions {
                    let sum = counted.functions.entry(name).or_default();
                    (sum.own, sum.with_calls) = (sum.own + cost.own, sum.with_calls + cost.with_calls);
                }
            } else {
                let posting = functions.get(POSTING).map_or(0.0, |cost| cost.with_calls);
                counted.posting += posting;
                counted.beside += all - posting;
            }
            std::fs::remove_file(&file)?;
        }
        if counted.functions.is_empty() { bail!("callgrind counted nothing") } else { Ok(counted) }
    }

    /// Has callgrind write down what it counted, and begin anew. It looks for such commands while the program runs, so
    /// that the program is asked for its health meanwhile.
    fn dump(&self) -> Result<()> {
        let mut command = Command::new("vgdb");
        // Without a debugger's rights over the process, which the gate gives nobody.
        command.arg("--max-invoke-ms=0").arg(format!("--pid={}", self.server.child.id())).arg("dump");
        let mut vgdb =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start vgdb")?;
        let mut reader = BufReader::new(connect(&self.server)?);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = vgdb.try_wait()? {
                break if ended.success() { Ok(()) } else { bail!("vgdb failed ({ended})") };
            }
            if Instant::now() > until {
                vgdb.kill()?;
                vgdb.wait()?;
                bail!("callgrind does not answer");
            }
            reader.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n")?;
            answer(&mut reader)?;
            std::thread::park_timeout(PING);
        }
    }
}

impl Counted {
    /// For one of so many requests.
    #[must_use]
    pub fn divided(mut self, times: u32) -> Self {
        let times = f64::from(times);
        self.of_requests /= times;
        self.posting /= times;
        self.beside /= times;
        for cost in self.functions.values_mut() {
            cost.own /= times;
            cost.with_calls /= times;
        }
        self
    }

    /// The functions for which most is counted, the most first.
    pub fn most(&self, counted: impl Fn(&str, &Cost) -> f64, functions: usize) -> Vec<(&str, f64)> {
        let all = self.functions.iter().map(|(name, cost)| (name.as_str(), counted(name, cost)));
        let mut all: Vec<_> = all.filter(|(_, count)| *count > 0.0).collect();
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        all.truncate(functions);
        all
    }
}

/// Instructions of each function, from callgrind's format: `fn=(ID) NAME` says whose the following lines are, a line after
/// `calls=` is what a called function took.
fn functions(text: &str) -> BTreeMap<String, Cost> {
    let (mut names, mut costs) = (BTreeMap::new(), BTreeMap::<String, Cost>::new());
    let (mut current, mut of_call) = (String::new(), false);
    for line in text.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            current = named(&mut names, function);
        } else if let Some(function) = line.strip_prefix("cfn=") {
            named(&mut names, function);
        } else if line.starts_with("calls=") {
            of_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let count = line.split_whitespace().nth(1).and_then(|count| count.parse::<f64>().ok());
            let (count, cost) = (count.unwrap_or(0.0), costs.entry(current.clone()).or_default());
            cost.with_calls += count;
            if !std::mem::take(&mut of_call) {
                cost.own += count;
            }
        }
    }
    costs
}

/// `(ID) NAME` names an ID, `(ID)` alone is what it was named before.
fn named(names: &mut BTreeMap<String, String>, text: &str) -> String {
    let (id, name) = text.split_once(") ").unwrap_or((text.trim_end_matches(')'), ""));
    if name.is_empty() {
        return names.get(id).cloned().unwrap_or_else(|| text.to_owned());
    }
    names.insert(id.to_owned(), name.to_owned());
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_own_instructions_and_not_those_of_what_it_calls() {
        let text = "version: 1\npositions: line\nevents: Ir\n\nfl=(1) ???\nfn=(1) outer\n0 10\ncfn=(2) inner\n\
                    calls=3 0\n0 500\n0 5\n\nfn=(2)\n0 480\ncfn=(1)\ncalls=1 0\n0 15\n\nfn=(3) last\n0 20\ntotals: 515\n";
        let found = functions(text);
        let expect = [("inner", 480.0, 495.0), ("last", 20.0, 20.0), ("outer", 15.0, 515.0)];
        let expect = expect.map(|(name, own, with_calls)| (name.to_owned(), Cost { own, with_calls }));
        assert_eq!(found, expect.into());
        let counted = Counted { of_requests: 515.0, posting: 0.0, beside: 0.0, functions: found };
        assert_eq!(counted.most(|_, cost| cost.own, 2), [("inner", 480.0), ("last", 20.0)]);
        assert_eq!(counted.divided(5).most(|_, cost| cost.with_calls, 1), [("outer", 103.0)]);
    }
}
