//! From the start of a program to its first answer that came from the upstream, and how large the program is. The gate
//! has an installation already, as it has in service.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Session;
use super::lanes::{CHAT, Kind, free_port, ours_command};
use super::whole::MODEL;
use crate::gate::{self, UNLIMITED};
use crate::program::on_path;

const STARTS: u32 = 5;
/// How often the port is tried.
const TRY: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(20);
const FIGURE: &str = "ms from start to first answer";
const SIZE: &str = "program, MiB";

/// Measures.
pub fn measure(session: &mut Session) -> Result<()> {
    let houses = &session.houses;
    let folder = houses.scratch.join("starting");
    let bearer = houses.lane(Kind::Gate, "starting")?.server.bearer.clone();
    let installation = gate::data(&folder.join("gate"));
    let (upstream, nginx) = (houses.upstream(), folder.join("nginx"));
    for _ in 0..STARTS {
        let port = free_port()?;
        let took = first_answer(houses.nginx_command(&nginx, port)?, port, "none")?;
        session.figures.add(FIGURE, 1, took);
        let port = free_port()?;
        let took =
            first_answer(ours_command(&houses.program("bench-floor"), port, Some(upstream)), port, "none")?;
        session.figures.add(FIGURE, 2, took);
        let port = free_port()?;
        let mut serve = Command::new(&houses.binary);
        serve.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--admin-listen", "127.0.0.1:0"]);
        serve.arg("--data-dir").arg(&installation).args(["--set", &format!("egress.allow={upstream}")]);
        serve.args(UNLIMITED.iter().flat_map(|setting| ["--set", setting])).stderr(Stdio::null());
        let took = first_answer(serve, port, &bearer)?;
        session.figures.add(FIGURE, 3, took);
    }
    let nginx = on_path("nginx").context("nginx is gone")?;
    for (at, program) in [(1, nginx), (2, houses.program("bench-floor")), (3, houses.binary.clone())] {
        session.figures.add(SIZE, at, mebibytes(&program)?);
    }
    Ok(())
}

fn mebibytes(program: &Path) -> Result<f64> {
    let kibibytes = std::fs::metadata(program)?.len() / 1024;
    Ok(f64::from(u32::try_from(kibibytes)?) / 1024.0)
}

/// Ends a server when it goes out of scope.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // SIGTERM, so that nginx's master takes its workers along; a server that is gone already is no fault.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Milliseconds until the server answered a call.
fn first_answer(mut command: Command, port: u16, bearer: &str) -> Result<f64> {
    let address = SocketAddrV4::new([127, 0, 0, 1].into(), port);
    let body = format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"Are you there?"}}]}}"#);
    let call = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let started = Instant::now();
    let child =
        command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let _server = Started(child);
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(failed) if started.elapsed() > PATIENCE => return Err(failed.into()),
            Err(_) => std::thread::park_timeout(TRY),
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(call.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let took = started.elapsed().as_secs_f64() * 1e3;
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("the first answer was: {}", answer.lines().next().unwrap_or_default());
    }
    Ok(took)
}
