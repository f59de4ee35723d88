//! The lanes of a session and how each is started: the upstream itself, nginx, the floor, the gate, and whoever else is
//! installed. All are on loopback; each is a process of ours that is ended by its own number.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::peers::{self, Peer};
use crate::gate::{self, Server, UNLIMITED};
use crate::places::Places;

/// The path of a chat call.
pub const CHAT: &str = "/v1/chat/completions";

/// One way to the upstream.
pub struct Lane {
    /// Its name in the table.
    pub name: String,
    /// Its process, and where it listens.
    pub server: Server,
    /// The path of a chat call.
    pub path: String,
    /// Further headers that it needs.
    pub headers: Vec<(String, String)>,
    /// Where the gate's installation is.
    pub installation: Option<PathBuf>,
}

impl Lane {
    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddrV4> {
        self.server.address()
    }
}

/// Which way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Through nginx.
    Nginx,
    /// Through the floor of the stack.
    Floor,
    /// Through the gate.
    Gate,
}

/// How lanes are built.
pub struct Houses {
    root: PathBuf,
    /// Where the programs of `bench/` are.
    programs: PathBuf,
    /// What is written meanwhile.
    pub scratch: PathBuf,
    /// The gate's program.
    pub binary: PathBuf,
    /// How many files each process may open.
    pub files: usize,
    peers: Vec<Peer>,
    upstream: SocketAddrV4,
    upstream_process: RefCell<Option<Server>>,
}

impl Houses {
    /// Starts the upstream.
    pub fn new(places: &Places, binary: PathBuf, files: usize) -> Result<Self> {
        let scratch = gate::empty_folder(places, "bench")?;
        let programs = places.release_binary().with_file_name("");
        let upstream = ours(&programs.join("bench-upstream"), 0, None)?;
        Ok(Self {
            root: places.root.clone(),
            programs,
            scratch,
            binary,
            files,
            peers: peers::installed(&places.root.join("bench/peers.toml"))?,
            upstream: upstream.address()?,
            upstream_process: Some(upstream).into(),
        })
    }

    /// A program of `bench/`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Where the upstream listens.
    pub fn upstream(&self) -> SocketAddrV4 {
        self.upstream
    }

    /// Every lane of the table, in its order.
    pub fn all_lanes(&self) -> Result<Vec<Lane>> {
        let direct = self.upstream_process.take().context("the upstream is a lane already")?;
        let mut lanes = vec![lane("direct", direct)];
        for kind in [Kind::Nginx, Kind::Floor, Kind::Gate] {
            lanes.push(self.lane(kind, "lanes")?);
        }
        for peer in &self.peers {
            lanes.push(self.peer(peer)?);
        }
        Ok(lanes)
    }

    /// A fresh lane, with what it writes in a folder of this name.
    pub fn lane(&self, kind: Kind, folder: &str) -> Result<Lane> {
        let folder = self.scratch.join(folder).join(format!("{kind:?}").to_lowercase());
        std::fs::create_dir_all(&folder)?;
        match kind {
            Kind::Nginx => Ok(lane("nginx", self.nginx(&folder, free_port()?)?)),
            Kind::Floor => {
                Ok(lane("floor", ours(&self.program("bench-floor"), free_port()?, Some(self.upstream))?))
            }
            Kind::Gate => {
                let upstream = format!("http://{}", self.upstream);
                let server =
                    gate::start(&self.binary, &folder, Some(&upstream), &UNLIMITED.map(str::to_owned))?;
                Ok(Lane { installation: Some(gate::data(&folder)), ..lane("portcullis", server) })
            }
        }
    }

    fn nginx(&self, folder: &Path, port: u16) -> Result<Server> {
        let child = self.nginx_command(folder, port)?.spawn().context("cannot start nginx")?;
        let server = server(child, format!("http://127.0.0.1:{port}"), "none");
        wait_for(server.address()?)?;
        Ok(server)
    }

    /// nginx as a proxy at this port, to be started.
    pub fn nginx_command(&self, folder: &Path, port: u16) -> Result<Command> {
        std::fs::create_dir_all(folder)?;
        let template = std::fs::read_to_string(self.root.join("bench/nginx-proxy.conf"))?;
        let text = template
            .replace("@PORT@", &port.to_string())
            .replace("@UPSTREAM@", &self.upstream.to_string())
            .replace("@FILES@", &self.files.to_string())
            .replace("@FOLDER@", &folder.to_string_lossy());
        let configuration = folder.join("nginx.conf");
        std::fs::write(&configuration, text)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&configuration).args(["-g", "daemon off;"]);
        command.stderr(Stdio::null());
        Ok(command)
    }

    fn peer(&self, peer: &Peer) -> Result<Lane> {
        let folder = self.scratch.join("peers").join(&peer.name);
        std::fs::create_dir_all(&folder)?;
        let (port, log) = (free_port()?, std::fs::File::create(folder.join("log"))?);
        let fill = |text: &str| {
            text.replace("@PORT@", &port.to_string())
                .replace("@UPSTREAM@", &self.upstream.to_string())
                .replace("@FOLDER@", &folder.to_string_lossy())
        };
        let (program, arguments) = peer.command.split_first().context("a command has no word")?;
        let mut command = Command::new(fill(program));
        command.current_dir(&self.root).args(arguments.iter().map(|word| fill(word)));
        command.envs(peer.environment.iter().map(|(name, value)| (name, fill(value))));
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("cannot start {}", peer.name))?;
        let url = fill(&peer.url);
        let rest = url.strip_prefix("http://").context("the URL of a peer begins with http://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let server = server(child, format!("http://{authority}"), &peer.bearer);
        wait_for(server.address()?)?;
        let (path, headers) = (format!("/{path}"), peer.headers.clone());
        Ok(Lane { path, headers, ..lane(&peer.name, server) })
    }
}

fn lane(name: &str, server: Server) -> Lane {
    Lane { name: name.to_owned(), server, path: CHAT.to_owned(), headers: vec![], installation: None }
}

fn server(child: std::process::Child, url: String, bearer: &str) -> Server {
    Server { child, url, admin: String::new(), bearer: bearer.to_owned() }
}

/// A program of `bench/` at this port, which prints its URL when it can be called.
fn ours(program: &Path, port: u16, upstream: Option<SocketAddrV4>) -> Result<Server> {
    let name = program.display();
    let mut child =
        ours_command(program, port, upstream).spawn().with_context(|| format!("cannot start {name}"))?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut server = server(child, String::new(), "none");
    BufReader::new(stdout).read_line(&mut server.url)?;
    server.url.truncate(server.url.trim_end().len());
    server.address().with_context(|| format!("{name} did not start"))?;
    Ok(server)
}

/// The same, to be started.
pub fn ours_command(program: &Path, port: u16, upstream: Option<SocketAddrV4>) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("127.0.0.1:{port}")).args(upstream.map(|address| address.to_string()));
    command.stdout(Stdio::piped());
    command
}

/// A port that nobody has.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(address: SocketAddrV4) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_err() {
        if Instant::now() > until {
            bail!("nothing listens on {address}");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}
