//! What surrounds an installation: its folder, its addresses, its catalogue, its environment.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use domain::time::Timestamp;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};

use super::Check;
use crate::boot;
use crate::config::roots::RIGHTS_OF_OTHERS;
use crate::config::{Config, Environment, Tls};

/// How long whoever holds an address may take to say who they are.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Most bytes of that answer.
const ANSWER_BYTES: usize = 1_024;

pub(super) async fn examine(config: &Config, now: Timestamp, checks: &mut Vec<Check>) {
    checks.push(environment(config));
    checks.push(folder(config));
    checks.push(match boot::catalogue(config) {
        Ok(catalogue) => Check::ok("catalogue", format!("version {}", catalogue.version)),
        Err(error) => {
            Check::fail("catalogue", format!("{error:#}"), "Correct the file named in catalog.file.")
        }
    });
    checks.push(security_contact(config, now));
    checks.push(address("listen.public", config.listen.public, config.tls.as_ref()).await);
    checks.push(address("listen.admin", config.listen.admin, config.admin_tls.as_ref()).await);
}

fn environment(config: &Config) -> Check {
    match config.environment {
        Environment::Production => Check::ok("environment", "production"),
        Environment::Development => Check::warn(
            "environment",
            "development: unsafe secrets are only warned of",
            "Set environment = \"production\" for real traffic.",
        ),
    }
}

/// Whether somebody who finds a weakness is told where to go.
fn security_contact(config: &Config, now: Timestamp) -> Check {
    let name = "site.security_contact";
    match &config.site {
        None => Check::warn(
            name,
            "nobody is named who can be told of a weakness",
            "Set site.security_contact and site.security_expires.",
        ),
        Some(contact) if contact.expires.unix_timestamp_nanos() / 1_000 <= i128::from(now.0) => Check::warn(
            name,
            "the time until which the contact holds is over",
            "Set site.security_expires anew.",
        ),
        Some(contact) => Check::ok(name, contact.contact.clone()),
    }
}

fn folder(config: &Config) -> Check {
    let name = "data_dir";
    let shown = config.data_dir.display();
    let Ok(metadata) = std::fs::metadata(&config.data_dir) else {
        return Check::fail(
            name,
            format!("{shown} is not there"),
            "Make an installation with `portcullis init`.",
        );
    };
    let writable =
        rustix::fs::access(&config.data_dir, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    if !metadata.is_dir() || writable.is_err() {
        return Check::fail(
            name,
            format!("{shown} cannot be written"),
            "Give the account of the gate the right to.",
        );
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & RIGHTS_OF_OTHERS != 0 {
        let fix = format!("Run `chmod 700 {shown}`.");
        return Check::warn(
            name,
            format!("others than its owner can look into {shown} (mode {mode:03o})"),
            fix,
        );
    }
    Check::ok(name, shown.to_string())
}

/// An address must be free, or held by a running gate.
async fn address(name: &str, address: SocketAddr, tls: Option<&Tls>) -> Check {
    match TcpListener::bind(address) {
        Ok(_) => Check::ok(name, format!("{address} is free")),
        // Its certificate bears a name, and the address is all that is known here.
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && tls.is_some() => Check::warn(
            name,
            format!("{address} is taken; over TLS it was not asked whether a gate answers there"),
            "Ask its /healthz by the name of its certificate.",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => match answers(address).await {
            Ok(()) => Check::ok(name, format!("{address} is answered by a running gate")),
            Err(error) => {
                let detail = format!("{address} is taken by something that is no gate ({error:#})");
                Check::fail(name, detail, "Stop it, or choose another address.")
            }
        },
        Err(error) => {
            Check::fail(name, format!("{address} cannot be bound: {error}"), "Choose another address.")
        }
    }
}

/// Asks whoever listens there for the health of a gate, through the same way out as every other request.
async fn answers(address: SocketAddr) -> Result<()> {
    let reachable = SocketAddr::new(
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        },
        address.port(),
    );
    let policy = Arc::new(egress::Policy::new(vec![reachable.to_string().parse()?]));
    let target = policy.check(&format!("http://{reachable}/healthz"))?;
    let client = egress::Client::new(policy, egress::Settings::default())?;
    let request = Request::builder().body(Full::new(Bytes::new()))?;
    tokio::time::timeout(ANSWER_WITHIN, async {
        let response = client.send(&target, request).await?;
        let healthy = response.status() == StatusCode::OK;
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let said = body.map(|body| body.to_bytes()).unwrap_or_default();
        anyhow::ensure!(healthy && said.trim_ascii() == b"ok", "it does not answer /healthz as a gate does");
        Ok(())
    })
    .await
    .context("it does not answer in time")?
}
