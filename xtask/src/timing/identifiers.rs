//! How long the admin API takes to say that there is no such thing, for what is another tenant's and for what is
//! nobody's.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{exchange, report, shuffled};
use crate::gate;
use crate::places::Places;
use crate::program::{output, say};

/// Questions of each class.
const SAMPLES: usize = 500;
/// How far apart the medians may be: less than a network hides.
const WITHIN_MS: f64 = 0.5;
const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "tulip 41 Wagon";
const SETTINGS: [&str; 2] =
    ["limits.login_requests_per_minute=1000000", "limits.admin_requests_per_minute=1000000"];

/// Measures both, and fails when their medians tell them apart.
pub fn measure(places: &Places, binary: &Path) -> Result<()> {
    let folder = gate::empty_folder(places, "timing-identifiers")?;
    let gate = gate::start(binary, &folder, None, &SETTINGS.map(str::to_owned))?;
    let address = gate.admin_address()?;
    let tell = |arguments: &[&str]| -> Result<Value> {
        let mut command = Command::new(binary);
        command.args(arguments).args(["--json", "--data-dir"]).arg(gate::data(&folder));
        Ok(serde_json::from_str(&output(&mut command)?)?)
    };
    let foreign = text(&tell(&["key", "create"])?, "id")?;
    let org = text(&tell(&["org", "create", "elsewhere"])?, "id")?;
    let token = owner(address, &org, &tell)?;
    let unknown = format!("key_{}", "f".repeat(32));

    let (mut took, names) = ([vec![], vec![]], ["another's key", "nobody's key"]);
    for number in shuffled(2 * SAMPLES)? {
        let class = number % 2;
        let id = [&foreign, &unknown][class];
        let request = format!(
            "GET /api/v1/keys/{id} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        took[class].push(exchange(address, &request, "404")?);
    }
    say("what is not there, for a member of another organization; milliseconds from request to answer");
    let medians: Vec<f64> = names.iter().zip(&mut took).map(|(name, took)| report(name, took)).collect();
    let spread = (medians[0] - medians[1]).abs();
    say(&format!("the medians of what is not there lie within {spread:.3} ms"));
    if spread > WITHIN_MS {
        bail!("more than {WITHIN_MS} ms tell what is another's from nothing")
    } else {
        Ok(())
    }
}

/// Makes somebody the owner of an organization, and logs them in there.
fn owner(address: SocketAddrV4, org: &str, tell: &impl Fn(&[&str]) -> Result<Value>) -> Result<String> {
    let made = tell(&["user", "create", EMAIL])?;
    let reset = format!(r#"{{"token":"{}","password":"{PASSWORD}"}}"#, text(&made, "token")?);
    post(address, "password/reset", "", &reset)?;
    let login = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","session":"bearer"}}"#);
    let token = text(&post(address, "login", "", &login)?, "access_token")?;
    let invited = tell(&["org", "invite", org, EMAIL])?;
    let acceptance = format!(r#"{{"token":"{}"}}"#, text(&invited, "token")?);
    post(address, "me/invitations/accept", &token, &acceptance)?;
    post(address, "me/org", &token, &format!(r#"{{"org_id":"{org}"}}"#))?;
    Ok(token)
}

fn post(address: SocketAddrV4, path: &str, token: &str, body: &str) -> Result<Value> {
    let bearer = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let request = format!(
        "POST /api/v1/{path} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n{bearer}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without an end of its head")?;
    if !head.starts_with("HTTP/1.1 2") {
        bail!("{path}: {}", head.lines().next().unwrap_or_default());
    }
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(body)? })
}

fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {value}"))
}
