//! A provider that keeps files and works through batches: a small one of our own that answers in OpenAI's form and does
//! what the test says with the next request of a kind.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::World;
use super::upstream::{Received, read_request};

/// What happens to the next request that begins so.
#[derive(Clone)]
pub enum Trouble {
    /// It is done, and answered with this status and an error.
    DoneThen(u16),
    /// It is not done, and answered with this status and an error.
    Refused(u16),
    /// It is done, and nothing answers.
    DoneThenCut,
}

#[derive(Clone, Debug)]
pub struct Stored {
    pub filename: String,
    pub purpose: String,
    pub content: Vec<u8>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Stored>,
    batches: BTreeMap<String, Value>,
    received: Vec<Received>,
    troubles: Vec<(String, Trouble)>,
    made: usize,
    hung_up: Vec<Instant>,
}

#[derive(Clone)]
pub struct Keeper {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Seconds since 1970 that it takes for now.
    pub now: u64,
}

impl World {
    /// What the meters show.
    pub async fn metrics(&mut self) -> String {
        let admin = self.admin();
        self.scrape(admin).await
    }

    /// Looks after the batches that are not in the books, as the gate does every minute.
    pub async fn look_after_batches(&self) {
        self.running.as_ref().unwrap().look_after_batches().await;
    }
}

impl Keeper {
    /// One whose clock stands at `now`.
    pub async fn start(now: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keeper = Self { address: listener.local_addr().unwrap(), state: Arc::default(), now };
        let serving = keeper.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        keeper
    }

    /// What happens to the next request whose first line begins so.
    pub fn meets(&self, start: &str, trouble: Trouble) {
        self.state.lock().unwrap().troubles.push((start.to_owned(), trouble));
    }

    /// Ends a batch with these files.
    pub fn ends(&self, batch: &str, status: &str, output: Option<&str>, errors: Option<&str>) {
        let mut state = self.state.lock().unwrap();
        for (member, content) in [("output_file_id", output), ("error_file_id", errors)] {
            let Some(content) = content else { continue };
            let name = state.name("file");
            let stored = Stored {
                filename: format!("{batch}_{member}.jsonl"),
                purpose: "batch_output".to_owned(),
                content: content.as_bytes().to_vec(),
            };
            state.files.insert(name.clone(), stored);
            state.batches.get_mut(batch).unwrap()[member] = json!(name);
        }
        state.batches.get_mut(batch).unwrap()["status"] = json!(status);
    }

    /// Changes a batch.
    pub fn change(&self, batch: &str, member: &str, value: Value) {
        self.state.lock().unwrap().batches.get_mut(batch).unwrap()[member] = value;
    }

    /// Changes what is in a file.
    pub fn replace(&self, file: &str, content: Vec<u8>) {
        self.state.lock().unwrap().files.get_mut(file).unwrap().content = content;
    }

    /// Forgets a file.
    pub fn loses(&self, file: &str) {
        self.state.lock().unwrap().files.remove(file).unwrap();
    }

    pub fn file(&self, name: &str) -> Stored {
        self.state.lock().unwrap().files[name].clone()
    }

    pub fn files(&self) -> usize {
        self.state.lock().unwrap().files.len()
    }

    /// A batch as it is now.
    pub fn batch(&self, name: &str) -> Value {
        self.state.lock().unwrap().batches[name].clone()
    }

    pub fn batches(&self) -> Vec<String> {
        self.state.lock().unwrap().batches.keys().cloned().collect()
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// The first lines of what was received, without the version.
    pub fn asked(&self) -> Vec<String> {
        let line = |one: &Received| one.head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        self.received().iter().map(line).collect()
    }

    /// When peers left in the middle of an answer.
    pub fn hung_up(&self) -> usize {
        self.state.lock().unwrap().hung_up.len()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(received) = read_request(&mut stream, &mut buffer).await {
            let answer = self.state.lock().unwrap().answer(&received, self.now);
            let Some((status, body)) = answer else { return };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let sent = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            if sent.is_err() {
                self.state.lock().unwrap().hung_up.push(Instant::now());
                return;
            }
        }
    }
}

impl State {
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{}", self.made)
    }

    fn answer(&mut self, received: &Received, now: u64) -> Option<(u16, Vec<u8>)> {
        self.received.push(received.clone());
        let line = received.head.lines().next().unwrap();
        let trouble = self.troubles.iter().position(|(start, _)| line.starts_with(start.as_str()));
        let trouble = trouble.map(|index| self.troubles.remove(index).1);
        if let Some(Trouble::Refused(status)) = trouble {
            return Some((status, error("refused by the test")));
        }
        let done = self.done(line, received, now);
        match trouble {
            Some(Trouble::DoneThen(status)) => Some((status, error("failed by the test"))),
            Some(Trouble::DoneThenCut) => None,
            _ => Some(done),
        }
    }

    fn done(&mut self, line: &str, received: &Received, now: u64) -> (u16, Vec<u8>) {
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let path = target.split('?').next().unwrap();
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["files"]) => {
                let name = self.name("file");
                self.files.insert(name.clone(), form(received));
                (200, self.file_object(&name, now).unwrap())
            }
            ("GET", ["files", name]) => {
                self.file_object(name, now).map_or_else(missing, |object| (200, object))
            }
            ("DELETE", ["files", name]) => match self.files.remove(*name) {
                Some(_) => (200, json!({"id": name, "object": "file", "deleted": true}).to_string().into()),
                None => missing(),
            },
            ("GET", ["files", name, "content"]) => {
                self.files.get(*name).map_or_else(missing, |file| (200, file.content.clone()))
            }
            ("POST", ["batches"]) => {
                let name = self.name("batch");
                let asked = received.json();
                let batch = json!({
                    "id": name, "object": "batch", "endpoint": asked["endpoint"], "errors": null,
                    "input_file_id": asked["input_file_id"], "completion_window": asked["completion_window"],
                    "status": "validating", "output_file_id": null, "error_file_id": null,
                    "created_at": now, "metadata": asked["metadata"],
                });
                self.batches.insert(name, batch.clone());
                (200, batch.to_string().into())
            }
            ("GET", ["batches"]) => {
                let data: Vec<&Value> = self.batches.values().rev().collect();
                let list = json!({"object": "list", "data": data, "has_more": false});
                (200, list.to_string().into())
            }
            ("GET", ["batches", name]) => {
                self.batches.get(*name).map_or_else(missing, |batch| (200, batch.to_string().into()))
            }
            ("POST", ["batches", name, "cancel"]) => match self.batches.get_mut(*name) {
                Some(batch) => {
                    batch["status"] = json!("cancelling");
                    (200, batch.to_string().into())
                }
                None => missing(),
            },
            _ => (418, error("the keeper has no such thing")),
        }
    }

    fn file_object(&self, name: &str, now: u64) -> Option<Vec<u8>> {
        let file = self.files.get(name)?;
        let object = json!({
            "id": name, "object": "file", "bytes": file.content.len(), "created_at": now,
            "filename": file.filename, "purpose": file.purpose, "status": "processed", "status_details": null,
        });
        Some(object.to_string().into())
    }
}

fn missing() -> (u16, Vec<u8>) {
    (404, error("no such object"))
}

fn error(message: &str) -> Vec<u8> {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": "id", "code": null}})
        .to_string()
        .into()
}

/// The parts of an upload, as a reader of our own sees them.
fn form(received: &Received) -> Stored {
    let media_type = received.head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap();
    let boundary = media_type.split("boundary=").nth(1).unwrap().trim_matches('"');
    let delimiter = format!("--{boundary}");
    let (mut purpose, mut filename, mut content) = (String::new(), String::new(), Vec::new());
    for part in split(&received.body, delimiter.as_bytes()) {
        let Some(end) = part.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(part[..end].to_vec()).unwrap();
        let value = &part[end + 4..part.len() - 2];
        if head.contains("name=\"purpose\"") {
            purpose = String::from_utf8(value.to_vec()).unwrap();
        } else if let Some((_, rest)) = head.split_once("filename=\"") {
            filename = rest.split('"').next().unwrap().to_owned();
            content = value.to_vec();
        }
    }
    Stored { filename, purpose, content }
}

fn split<'b>(body: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    while let Some(at) = body[start..].windows(delimiter.len()).position(|window| window == delimiter) {
        parts.push(&body[start..start + at]);
        start += at + delimiter.len();
    }
    parts
}
