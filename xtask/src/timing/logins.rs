//! How long failed logins wait, by what was wrong with them. Each comes from an address of its own, as a trusted proxy
//! tells it, and each account fails fewer times than lock it.

use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use super::{exchange, report, shuffled};
use crate::gate::{self, Server};
use crate::places::Places;
use crate::program::{output, say};

/// Attempts of each class.
const SAMPLES: usize = 200;
/// Callers at the same time: fewer than would wait for each other's hashes until the floor.
const CALLERS: usize = 4;
/// Attempts at one account: the fifth failure locks it.
const ATTEMPTS_PER_ACCOUNT: usize = 4;
/// Failures that lock an account.
const LOCKING: usize = 5;
/// The bound of the specification.
const WITHIN_MS: f64 = 5.0;
const PASSWORD: &str = "tulip 41 Wagon";
const SETTINGS: [&str; 2] = ["limits.login_requests_per_minute=1000000", "network.trusted_proxies=127.0.0.1"];
const CLASSES: [&str; 4] = ["unknown address", "wrong password", "locked", "disabled"];

/// Measures failed logins, and fails when their medians tell them apart.
pub fn measure(places: &Places, binary: &Path) -> Result<()> {
    let folder = gate::empty_folder(places, "timing-logins")?;
    let gate = gate::start(binary, &folder, None, &SETTINGS.map(str::to_owned))?;
    let address = gate.admin_address()?;
    people(binary, &folder, &gate)?;
    let order = shuffled(CLASSES.len() * SAMPLES)?;
    let measured: Vec<Result<Vec<(usize, f64)>>> = std::thread::scope(|scope| {
        let shares = order.chunks(order.len().div_ceil(CALLERS));
        let callers: Vec<_> = shares.map(|share| scope.spawn(move || caller(address, share))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap_or_else(|_| bail!("a caller died"))).collect()
    });
    let mut took = vec![vec![]; CLASSES.len()];
    for samples in measured {
        samples?.into_iter().for_each(|(class, ms)| took[class].push(ms));
    }
    say(&format!(
        "failed logins, {CALLERS} callers, classes in random order; milliseconds from request to answer"
    ));
    let mut medians: Vec<f64> =
        CLASSES.iter().zip(&mut took).map(|(name, took)| report(name, took)).collect();
    medians.sort_by(f64::total_cmp);
    let spread = medians[CLASSES.len() - 1] - medians[0];
    say(&format!("the medians of failed logins lie within {spread:.2} ms"));
    if spread > WITHIN_MS { bail!("more than {WITHIN_MS} ms tell failed logins apart") } else { Ok(()) }
}

fn caller(address: SocketAddrV4, share: &[usize]) -> Result<Vec<(usize, f64)>> {
    let one = |number: &usize| {
        let (class, sample) = (number % CLASSES.len(), number / CLASSES.len());
        let account = sample / ATTEMPTS_PER_ACCOUNT;
        let email = match class {
            0 => format!("nobody{sample}@example.com"),
            1 => format!("wrong{account}@example.com"),
            2 => "locked0@example.com".to_owned(),
            _ => format!("disabled{account}@example.com"),
        };
        attempt(address, *number, &email).map(|ms| (class, ms))
    };
    share.iter().map(one).collect()
}

fn attempt(address: SocketAddrV4, number: usize, email: &str) -> Result<f64> {
    let body = format!(r#"{{"email":"{email}","password":"not {PASSWORD}","session":"bearer"}}"#);
    exchange(address, &request("login", number, &body), "401")
}

fn request(path: &str, number: usize, body: &str) -> String {
    let from = format!("10.{}.{}.7", number / 250, number % 250);
    format!(
        "POST /api/v1/{path} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nx-forwarded-for: {from}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Makes the accounts, each with the password.
fn people(binary: &Path, folder: &Path, gate: &Server) -> Result<()> {
    let user = |arguments: &[&str]| -> Result<Value> {
        let mut command = Command::new(binary);
        command.arg("user").args(arguments).args(["--json", "--data-dir"]).arg(gate::data(folder));
        Ok(serde_json::from_str(&output(&mut command)?)?)
    };
    let make = |email: &str, number: usize| -> Result<()> {
        let made = user(&["create", email])?;
        let token = made["token"].as_str().unwrap_or_default();
        let body = format!(r#"{{"token":"{token}","password":"{PASSWORD}"}}"#);
        exchange(gate.admin_address()?, &request("password/reset", number, &body), "204").map(drop)
    };
    for account in 0..SAMPLES.div_ceil(ATTEMPTS_PER_ACCOUNT) {
        make(&format!("wrong{account}@example.com"), account)?;
        let disabled = format!("disabled{account}@example.com");
        make(&disabled, account)?;
        user(&["disable", &disabled])?;
    }
    make("locked0@example.com", 0)?;
    for number in 0..LOCKING {
        attempt(gate.admin_address()?, 5_000 + number, "locked0@example.com")?;
    }
    Ok(())
}
