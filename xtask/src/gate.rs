//! The gate as a process of its own: how the commands that measure it start it, look at its memory and end it. It
//! knows the product's command line and what the kernel says of a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::places::Places;
use crate::program::{cargo, output, run};

/// The demo command takes the provider's key from the environment; the providers of measurements ask for none.
const KEY_NAME: &str = "MEASURED_UPSTREAM_KEY";

/// Settings under which the gate turns no load away; all else is as it comes.
pub const UNLIMITED: [&str; 6] = [
    "network.max_connections=100000",
    "network.max_connections_per_address=100000",
    "network.max_in_flight=100000",
    "limits.org_requests_per_minute=10000000",
    "limits.ip_requests_per_minute=10000000",
    "limits.parked_refusals=10000",
];

/// A server of a measurement; killed by its own process number when it goes out of scope.
pub struct Server {
    /// The process.
    pub child: Child,
    /// Where it answers, without a path.
    pub url: String,
    /// Where its admin API answers, if it has one.
    pub admin: String,
    /// An API key, if it needs one.
    pub bearer: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, so that nginx's master takes its workers along; a server that is gone already is no fault.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Its address.
    pub fn address(&self) -> Result<SocketAddrV4> {
        self.url.trim_start_matches("http://").parse().with_context(|| format!("no address: {}", self.url))
    }

    /// The address of its admin API.
    pub fn admin_address(&self) -> Result<SocketAddrV4> {
        self.admin
            .trim_start_matches("http://")
            .parse()
            .with_context(|| format!("no address: {}", self.admin))
    }

    /// The most memory that it ever had.
    pub fn peak_bytes(&self) -> Result<usize> {
        memory(self.child.id(), "VmHWM:")
    }
}

/// The binary to measure: the one that is named, or a release build.
pub fn binary(places: &Places, named: Option<&str>) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.into());
    }
    run(cargo(&places.root).args(["build", "--release", "--bin", "portcullis"]))?;
    Ok(places.release_binary())
}

/// An empty folder of this name below the build folder.
pub fn empty_folder(places: &Places, name: &str) -> Result<PathBuf> {
    let folder = places.root.join("target").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Starts the demo with an installation in `folder`, before the provider at this URL or before its own.
pub fn start(binary: &Path, folder: &Path, provider: Option<&str>, settings: &[String]) -> Result<Server> {
    launch(Command::new(binary), folder, provider, settings)
}

/// The same by a command that runs the binary.
pub fn launch(
    mut command: Command,
    folder: &Path,
    provider: Option<&str>,
    settings: &[String],
) -> Result<Server> {
    let log_file = folder.join("portcullis.log");
    command.args(["demo", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(data(folder));
    if let Some(url) = provider {
        command.args(["--provider-url", &format!("{url}/v1"), "--provider-key-env", KEY_NAME]);
        command.env(KEY_NAME, "no-key-needed");
    }
    for setting in settings {
        command.args(["--set", setting]);
    }
    let log = std::fs::File::create(&log_file)?;
    command.stdout(Stdio::piped()).stderr(log);
    let mut child =
        command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let stdout = child.stdout.take().context("portcullis has no standard output")?;
    let mut server = Server { child, url: String::new(), admin: String::new(), bearer: String::new() };
    let (mut line, mut lines) = (String::new(), BufReader::new(stdout));
    lines.read_line(&mut line)?;
    let said: serde_json::Value = serde_json::from_str(&line)
        .with_context(|| format!("portcullis did not start: see {}", log_file.display()))?;
    let text = |name: &str| said[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    server.url = text("base_url")?.trim_end_matches("/v1").to_owned();
    server.admin = text("admin_url")?;
    server.bearer = text("api_key")?;
    // Whatever else it prints is read away, so that it never waits for us.
    let drain = std::thread::Builder::new().name("drain".to_owned());
    drain.spawn(move || lines.read_to_end(&mut Vec::new()))?;
    Ok(server)
}

/// Where the installation of a gate is that was started in this folder.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A fresh key with one request a minute, of the installation in this folder.
pub fn limited_key(binary: &Path, installation: &Path) -> Result<String> {
    let mut command = Command::new(binary);
    command.args(["key", "create", "--name", "limited", "--rpm", "1", "--json", "--data-dir"]);
    let said: serde_json::Value = serde_json::from_str(&output(command.arg(installation))?)?;
    Ok(said["key"].as_str().context("key create printed no key")?.to_owned())
}

/// Lets this process, and those that it starts, open as many files as the system allows, which must be `needed`; gives
/// how many that are.
pub fn raise_descriptors(needed: usize) -> Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(needed)?;
    if limit.maximum.is_some_and(|most| most < needed) {
        bail!("this needs {needed} open files; raise the hard limit (ulimit -Hn)");
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .context("the limit on open files cannot be raised")?;
    Ok(limit.maximum.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX))
}

/// The memory that a process has now.
pub fn resident_bytes(process: u32) -> Result<usize> {
    memory(process, "VmRSS:")
}

/// A line of `/proc/PID/status` (proc(5)). What is in socket buffers is the kernel's and not in it.
fn memory(process: u32, name: &str) -> Result<usize> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}
