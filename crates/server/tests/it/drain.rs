//! The built program is told to stop while a stream runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::cli::Place;
use crate::streams::{DONE, HELLO, REQUEST, STOP, USAGE, broken};
use crate::world::caller::Caller;
use crate::world::eventually;
use crate::world::upstream::{Step, Upstream, chunk};

/// A running program, which ends with its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It is gone already where the test waited for its end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, serving.
struct Serving {
    place: Place,
    program: Program,
    caller: Caller,
}

impl Serving {
    async fn start(upstream: &Upstream, drain_ms: &str) -> Self {
        let address = upstream.address.to_string();
        let place = Place::installed()
            .with("PORTCULLIS_EGRESS_ALLOW", &address)
            .with("PORTCULLIS_TIMEOUTS_DRAIN_MS", drain_ms);
        let base_url = format!("http://{address}/v1");
        place.ok(&["provider", "add", "--provider", "vllm", "--base-url", &base_url, "--models", "gpt-test"]);
        let key = place.json(&["key", "create", "--name", "test"])["key"].as_str().unwrap().to_owned();
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .env_clear()
            .env("PORTCULLIS_DATA_DIR", place.data())
            .env("PORTCULLIS_EGRESS_ALLOW", &address)
            .env("PORTCULLIS_TIMEOUTS_DRAIN_MS", drain_ms)
            .env("PORTCULLIS_LOG_FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut program = Program(child);
        let mut log = BufReader::new(program.0.stderr.take().unwrap());
        let public = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            loop {
                line.clear();
                assert!(log.read_line(&mut line).unwrap() > 0, "the program ended before it served");
                let said: serde_json::Value = serde_json::from_str(&line).unwrap();
                if let Some(public) = said["public"].as_str() {
                    let public = public.parse().unwrap();
                    // Whatever it says later is taken off its hands, lest it wait for a reader.
                    std::thread::Builder::new()
                        .spawn(move || std::io::copy(&mut log, &mut std::io::sink()))
                        .unwrap();
                    return public;
                }
            }
        });
        let caller = Caller::new(public.await.unwrap(), key);
        Self { place, program, caller }
    }

    /// SIGTERM, and then until nobody is let in any more.
    async fn tell_to_stop(&self) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.program.0.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        eventually("the door to close", || async { TcpStream::connect(self.caller.address).await.is_err() })
            .await;
    }

    /// Waits for its end and gives the only row of the books.
    async fn row(mut self) -> serde_json::Value {
        let status = tokio::task::spawn_blocking(move || (self.program.0.wait().unwrap(), self.place));
        let (status, place) = tokio::time::timeout(Duration::from_secs(10), status).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
        let mut usage = place.json(&["usage", "list"]);
        let calls = usage["usage"].as_array_mut().unwrap();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }
}

async fn read_on(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    String::from_utf8(rest).unwrap()
}

#[tokio::test]
async fn a_running_stream_is_finished_before_the_program_ends() {
    let upstream = Upstream::start().await;
    let gate = Arc::new(Notify::new());
    let mut steps = broken(&[HELLO], Step::Wait(Arc::clone(&gate)));
    steps.extend([STOP, USAGE, DONE, ""].map(|event| Step::Send(chunk(event.as_bytes()))));
    upstream.then(steps);
    let serving = Serving::start(&upstream, "20000").await;
    let mut stream = serving.caller.open_until("/v1/chat/completions", REQUEST, "Hello").await;
    serving.tell_to_stop().await;
    gate.notify_one();
    let rest = read_on(&mut stream).await;
    assert!(rest.contains("data: [DONE]") && rest.contains(": x-portcullis-cost-usd"), "{rest}");
    let row = serving.row().await;
    assert_eq!((&row["outcome"], &row["source"]), (&"complete".into(), &"provider".into()), "{row}");
}

#[tokio::test]
async fn a_stream_that_outlasts_the_drain_is_told_so_and_booked() {
    let upstream = Upstream::start().await;
    upstream.then(broken(&[HELLO, HELLO], Step::Hang));
    let serving = Serving::start(&upstream, "200").await;
    let mut stream = serving.caller.open_until("/v1/chat/completions", REQUEST, "Hello").await;
    serving.tell_to_stop().await;
    let rest = read_on(&mut stream).await;
    assert!(rest.contains("\"unavailable\"") && !rest.contains("[DONE]"), "{rest}");
    let row = serving.row().await;
    assert_eq!((&row["outcome"], &row["source"]), (&"cut".into(), &"estimated".into()), "{row}");
}
