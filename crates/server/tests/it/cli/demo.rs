//! The demo as a process: it works as it says, reads its encryption keys anew, and leaves one key behind however often
//! it is started.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Place;
use crate::chat::request;
use crate::world::caller::Caller;
use crate::world::eventually;

/// A demo that runs. It is killed when it is dropped.
struct Demo {
    child: Child,
    log: std::path::PathBuf,
    said: Value,
}

impl Demo {
    async fn start(place: &Place) -> Self {
        let (said, log) = (place.data().with_extension("said"), place.data().with_extension("log"));
        let file = |path| std::fs::File::create(path).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args([
                "demo",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(place.data())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(file(&said))
            .stderr(file(&log))
            .spawn()
            .unwrap();
        let mut demo = Self { child, log, said: Value::Null };
        let read = || std::fs::read_to_string(&said).unwrap();
        eventually("the demo to be ready", async || read().ends_with('\n')).await;
        demo.said = serde_json::from_str(&read()).unwrap();
        demo
    }

    fn text(&self, name: &str) -> String {
        self.said[name].as_str().unwrap().to_owned()
    }

    fn address(&self, name: &str) -> std::net::SocketAddr {
        let url = self.text(name);
        url.trim_start_matches("http://").trim_end_matches("/v1").parse().unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Calls with this key, and asks the admin listener with this token.
    async fn statuses(&self, key: &str, token: &str) -> [u16; 2] {
        let caller = Caller::new(self.address("base_url"), key.to_owned());
        let admin = Caller::new(self.address("admin_url"), token.to_owned());
        let called = caller.post("/v1/chat/completions", &request("demo-fast")).await;
        [called.status, admin.get("/metrics").await.status]
    }

    async fn end(mut self) {
        self.signal(Signal::TERM);
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn each_start_ends_the_key_of_the_last_and_sighup_reads_keys_anew() {
    let place = Place::empty();
    let demo = Demo::start(&place).await;
    let (key, token) = (demo.text("api_key"), demo.text("operator_token"));
    assert_eq!(demo.statuses(&key, &token).await, [200, 200]);
    demo.signal(Signal::HUP);
    eventually("the keys to be read anew", async || {
        demo.log().contains("the encryption keys were read anew")
    })
    .await;
    assert_eq!(demo.statuses(&key, &token).await, [200, 200]);
    demo.end().await;

    let own = place.json(&["key", "create", "--name", "demo of my own"])["key"].as_str().unwrap().to_owned();
    let demo = Demo::start(&place).await;
    assert_eq!(demo.statuses(&key, &token).await, [401, 401]);
    assert_eq!(demo.statuses(&demo.text("api_key"), &demo.text("operator_token")).await, [200, 200]);
    assert_eq!(demo.statuses(&own, "").await, [200, 401], "what a person made stays");
    let keys = place.json(&["key", "list"]);
    let active = keys["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "active").count();
    assert_eq!(active, 2);
    assert_eq!(place.json(&["operator", "list"])["operator_tokens"].as_array().unwrap().len(), 1);
    demo.end().await;
}
