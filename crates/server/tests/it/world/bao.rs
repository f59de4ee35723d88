//! A real OpenBao on loopback, for keys that are kept elsewhere: with a Transit engine, two keys, and a token that may
//! use one of them. It dies with the test.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::caller::Caller;
use super::eventually;

const ROOT: &str = "PLANTED-root-token-of-the-key-server";

pub struct Bao {
    child: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
    root: Caller,
    /// What the gate was given.
    pub token: String,
}

impl Bao {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server takes no free port by itself; nobody else takes this one meanwhile.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program())
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address={address}"))
            .env_clear()
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .expect("`bao` is missing: `cargo xtask setup` installs it");
        let mut bao = Self {
            child,
            folder,
            address,
            root: Caller::new(address, ROOT.to_owned()),
            token: String::new(),
        };
        let listens = || async { tokio::net::TcpStream::connect(address).await.is_ok() };
        eventually("the key server to listen", listens).await;
        eventually("the key server to say its unseal key", || async { bao.unseal_key().is_some() }).await;
        bao.asks("/v1/sys/mounts/transit", r#"{"type":"transit"}"#).await;
        for key in ["acme", "other"] {
            bao.asks(&format!("/v1/transit/keys/{key}"), "{}").await;
        }
        let rights = ["encrypt", "decrypt", "rewrap"]
            .map(|act| format!(r#"path \"transit/{act}/acme\" {{ capabilities = [\"update\"] }}"#));
        bao.asks("/v1/sys/policies/acl/gate", &format!(r#"{{"policy":"{}"}}"#, rights.join(" "))).await;
        let made = bao.asks("/v1/auth/token/create", r#"{"policies":["gate"],"period":"1h"}"#).await;
        bao.token = made["auth"]["client_token"].as_str().unwrap().to_owned();
        std::fs::write(bao.token_file(), &bao.token).unwrap();
        std::fs::set_permissions(bao.token_file(), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        bao
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the address policy has to allow.
    pub fn place(&self) -> String {
        self.address.to_string()
    }

    /// The file with the token.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("transit.token")
    }

    /// From now on it answers 503.
    pub async fn seal(&self) {
        self.asks("/v1/sys/seal", "").await;
    }

    pub async fn unseal(&self) {
        let key = self.unseal_key().unwrap();
        self.asks("/v1/sys/unseal", &format!(r#"{{"key":"{key}"}}"#)).await;
    }

    /// Makes a new version of the key, and lets nothing be unwrapped that is older than `oldest`.
    pub async fn new_version(&self) {
        self.asks("/v1/transit/keys/acme/rotate", "{}").await;
    }

    /// Lets nothing be unwrapped that an older version wrapped.
    pub async fn forget_versions_before(&self, oldest: u32) {
        let body = format!(r#"{{"min_decryption_version":{oldest}}}"#);
        self.asks("/v1/transit/keys/acme/config", &body).await;
    }

    /// Takes the gate's token away.
    pub async fn revoke(&self) {
        self.asks("/v1/auth/token/revoke", &format!(r#"{{"token":"{}"}}"#, self.token)).await;
    }

    async fn asks(&self, path: &str, body: &str) -> Value {
        let answer = self.root.post(path, body).await;
        assert!(matches!(answer.status, 200 | 204), "{path}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn unseal_key(&self) -> Option<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let line = log.lines().find_map(|line| line.strip_prefix("Unseal Key: "))?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the setup of the tests puts it, or else on the path.
fn program() -> PathBuf {
    let ours = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/bao");
    if ours.exists() { ours } else { PathBuf::from("bao") }
}
