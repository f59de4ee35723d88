//! The gate as a process of its own: the built program, its log, its signals.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Place;
use crate::world::eventually;

/// A gate that serves. It is killed when it is dropped.
pub struct Serving {
    child: Child,
    log: PathBuf,
    pub public: SocketAddr,
    pub admin: SocketAddr,
}

impl Place {
    /// Starts the gate on free ports and waits until it serves.
    pub async fn serve(&self, arguments: &[&str]) -> Serving {
        let log = self.folder.path().join("serve.log");
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            // All callers of a test come from one address, and many of them fail on purpose.
            .args(["--set", "limits.ip_requests_per_minute=1000000"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PORTCULLIS_DATA_DIR", self.data())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut serving = Serving { child, log, public: nowhere, admin: nowhere };
        eventually("the gate to serve", || async { serving.log().contains("Portcullis is serving") }).await;
        let log = serving.log();
        let line = log.lines().find(|line| line.contains("Portcullis is serving")).unwrap();
        serving.public = address(line, "public");
        serving.admin = address(line, "admin");
        serving
    }

    /// Everything outside the data folder's key files: what was printed, and every file.
    pub fn sinks(&self) -> Vec<(String, Vec<u8>)> {
        let mut sinks = vec![("the commands".to_owned(), self.said.borrow().clone().into_bytes())];
        for path in files(self.folder.path()) {
            if path.extension().is_none_or(|extension| extension != "key") {
                sinks.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
        sinks
    }
}

impl Serving {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Stops it with a signal and waits for its end.
    pub async fn end(mut self, signal: Signal) -> ExitStatus {
        if !self.has_ended() {
            self.signal(signal);
        }
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address under `name` in a line of either format.
fn address(line: &str, name: &str) -> SocketAddr {
    let (_, rest) = line.split_once(name).unwrap();
    let start = rest.find(|c: char| c.is_ascii_digit()).unwrap();
    let end = rest[start..].find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap();
    rest[start..start + end].parse().unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
