//! Mail over connections that are protected: the server proves who it is before it learns anything, and a password goes
//! over TLS or not at all. The server is a real one.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::world::{World, eventually};

const ADA: &str = "ada@example.com";
const ACCOUNT: &str = "gate";
const PASSWORD: &str = "PLANTED-mail-password-1";

/// How a server speaks, and how one writes so in the settings.
#[derive(Clone, Copy)]
struct Way {
    server: &'static str,
    scheme: &'static str,
}

const TLS: Way = Way { server: "tls", scheme: "smtps" };
const STARTTLS: Way = Way { server: "starttls", scheme: "smtp" };

struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// A server with a certificate for `name`.
    async fn start(protection: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (certificate, key) = (folder.path().join("mail.pem"), folder.path().join("mail.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let out = std::fs::File::create(folder.path().join("out")).unwrap();
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ours = tests.join("../../.venv/bin/python");
        let program = if ours.exists() { ours } else { PathBuf::from("python3") };
        let child = Command::new(program)
            .arg(tests.join("tests/it/api/mail/server.py"))
            .arg(protection)
            .args([certificate, key])
            .args([ACCOUNT, PASSWORD])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()
            .expect("Python is missing: `cargo xtask setup` installs what the tests need");
        let mut server = Self { child, folder, port: 0 };
        eventually("the mail server to listen", || async { !server.events("listening").is_empty() }).await;
        server.port = u16::try_from(server.events("listening")[0]["port"].as_u64().unwrap()).unwrap();
        server
    }

    /// What it was told so far.
    fn events(&self, kind: &str) -> Vec<Value> {
        let said = std::fs::read_to_string(self.folder.path().join("out")).unwrap();
        let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == kind).collect()
    }

    fn certificate(&self) -> String {
        self.folder.path().join("mail.pem").display().to_string()
    }

    /// A world that sends its mail here as this account, and trusts this certificate besides those of the world.
    async fn world(&self, scheme: &str, password: &str, trusted: Option<&str>) -> World {
        let file = self.folder.path().join("password");
        let mut options = std::fs::OpenOptions::new();
        let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file).unwrap();
        std::io::Write::write_all(&mut opened, password.as_bytes()).unwrap();
        let (url, reference) =
            (format!("{scheme}://localhost:{}", self.port), format!("file:{}", file.display()));
        let mut settings = vec![
            ("mail.smtp_url", url.as_str()),
            ("mail.username", ACCOUNT),
            ("mail.password", reference.as_str()),
            ("mail.from", "Gate <gate@example.org>"),
        ];
        settings.extend(trusted.map(|trusted| ("egress.extra_roots", trusted)));
        let mut world = World::with(&settings).await;
        world.plant(password);
        world.account(ADA).await;
        world.api("").post("/api/v1/password/forgot", &json!({ "email": ADA }).to_string()).await.is(202);
        world
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn check_sent(way: Way) {
    let server = Server::start(way.server, "localhost").await;
    let world = server.world(way.scheme, PASSWORD, Some(&server.certificate())).await;
    eventually("the letter to arrive", || async { !server.events("message").is_empty() }).await;
    let message = &server.events("message")[0];
    assert_eq!(
        (&message["tls"], &message["account"], &message["to"]),
        (&json!(true), &json!(true), &json!([ADA]))
    );
    assert!(message["text"].as_str().unwrap().contains("Subject: Set a new password"), "{message}");
    let auth = &server.events("auth")[0];
    assert_eq!((&auth["tls"], &auth["login"]), (&json!(true), &json!(ACCOUNT)), "{}", way.scheme);
    world.finish().await;
}

/// Nothing is sent, and no password is given.
async fn check_refused(way: Way, server: Server, trusted: Option<&str>, said: &str) {
    let world = server.world(way.scheme, PASSWORD, trusted).await;
    let tried = || async { world.logged().contains("a letter could not be sent; trying again") };
    eventually("the failure to be logged", tried).await;
    assert!(world.logged().contains(said), "{said}");
    assert_eq!((server.events("auth"), server.events("message")), (vec![], vec![]), "{}", way.scheme);
    world.finish().await;
}

#[tokio::test]
async fn a_letter_goes_over_tls_from_the_first_byte_with_an_account() {
    check_sent(TLS).await;
}

#[tokio::test]
async fn a_letter_goes_over_starttls_with_an_account() {
    check_sent(STARTTLS).await;
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_learns_nothing() {
    for way in [TLS, STARTTLS] {
        let server = Server::start(way.server, "localhost").await;
        check_refused(way, server, None, "invalid peer certificate: UnknownIssuer").await;
    }
}

#[tokio::test]
async fn a_server_of_another_name_learns_nothing() {
    for way in [TLS, STARTTLS] {
        let server = Server::start(way.server, "elsewhere.example").await;
        let trusted = server.certificate();
        check_refused(
            way,
            server,
            Some(&trusted),
            "invalid peer certificate: certificate not valid for name",
        )
        .await;
    }
}

/// As somebody in between makes it look who takes STARTTLS out of what the server offers.
#[tokio::test]
async fn a_server_without_starttls_learns_nothing_though_it_asks() {
    check_refused(STARTTLS, Server::start("none", "localhost").await, None, "STARTTLS").await;
}

#[tokio::test]
async fn a_wrong_password_sends_nothing_and_is_not_tried_for_ever() {
    let server = Server::start(STARTTLS.server, "localhost").await;
    let wrong = "PLANTED-wrong-password-2";
    let world = server.world(STARTTLS.scheme, wrong, Some(&server.certificate())).await;
    let lost = || async { world.logged().contains("a letter could not be sent") };
    eventually("the letter to be given up", lost).await;
    assert!(world.logged().contains("the mail server refuses it"), "it would not take it later either");
    assert!(server.events("message").is_empty() && !server.events("auth").is_empty());
    world.finish().await;
}
