//! `portcullis egress check`: tries the address policy in force on URLs and addresses, without a call.

use std::io::{BufRead, Read as _};
use std::net::IpAddr;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use egress::{Policy, SystemResolver, Target};
use serde::Serialize;

use super::context::Context;
use super::output::{self, Output};

/// Most bytes of one line of standard input; what is longer is no URL that would pass.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// `portcullis egress …`
#[derive(Debug, Subcommand)]
pub enum EgressCommand {
    /// Say of each URL or IP address whether the gate would call it, and why not
    Check(CheckArgs),
}

/// `portcullis egress check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// URLs and IP addresses; without any, one per line of standard input
    #[arg(value_name = "URL|IP")]
    inputs: Vec<String>,
    /// Look names up, and judge the addresses they lead to at this moment
    #[arg(long)]
    resolve: bool,
}

/// What the policy says of one input.
#[derive(Serialize)]
struct Judged<'a> {
    input: &'a str,
    verdict: &'static str,
    reason: Option<&'static str>,
    #[serde(skip)]
    said: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<IpAddr>,
}

/// Runs it. A rejected input is an answer, not a failure.
///
/// # Errors
/// When the configuration has faults, or standard input or output fails.
pub async fn run(command: EgressCommand, context: &Context) -> Result<()> {
    let EgressCommand::Check(args) = command;
    let policy = Policy::new(context.config()?.egress.allow);
    if args.inputs.is_empty() {
        let mut lines = std::io::stdin().lock();
        while let Some(line) = next_line(&mut lines).context("standard input cannot be read")? {
            judge(&policy, &line, &args, context.output).await?;
        }
    }
    for input in &args.inputs {
        judge(&policy, input, &args, context.output).await?;
    }
    Ok(())
}

async fn judge(policy: &Policy, input: &str, args: &CheckArgs, output: Output) -> Result<()> {
    let judged = match (policy.check(&url_of(input)), args.resolve) {
        (Err(rejected), _) => reject(input, rejected.word(), rejected.to_string()),
        (Ok(_), false) => allow(input, Vec::new()),
        (Ok(target), true) => resolved(policy, input, &target).await,
    };
    match output {
        Output::Json => output.document(&judged)?,
        Output::Text => output::line(&judged.said)?,
    }
    Ok(())
}

async fn resolved<'a>(policy: &Policy, input: &'a str, target: &Target) -> Judged<'a> {
    match egress::look_up(policy, &SystemResolver, target).await {
        Ok(addresses) => allow(input, addresses),
        Err(egress::Failed::Refused(rejected)) => reject(input, rejected.word(), rejected.to_string()),
        Err(failed) => reject(input, "unresolved", failed.to_string()),
    }
}

fn allow(input: &str, addresses: Vec<IpAddr>) -> Judged<'_> {
    let listed: String = addresses.iter().map(|address| format!(" {address}")).collect();
    let said = format!("allow   {input}{listed}");
    Judged { input, verdict: "allow", reason: None, said, addresses }
}

fn reject<'a>(input: &'a str, reason: &'static str, sentence: String) -> Judged<'a> {
    let said = format!("reject  {input}  {reason}: {sentence}");
    Judged { input, verdict: "reject", reason: Some(reason), said, addresses: Vec::new() }
}

/// An address alone is judged as the host of a URL.
fn url_of(input: &str) -> String {
    let bare = input.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(input);
    match bare.parse() {
        Ok(IpAddr::V4(address)) => format!("https://{address}/"),
        Ok(IpAddr::V6(address)) => format!("https://[{address}]/"),
        Err(_) => input.to_owned(),
    }
}

/// The next line without its end. Of one that is too long only the beginning is kept, which is too long as well; what
/// is not UTF-8 holds a character that no URL may hold.
fn next_line(lines: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    if lines.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() {
        lines.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_each_is_one_input() {
        let long = "x".repeat(usize::try_from(MAX_LINE_BYTES).unwrap() + 10);
        let text = format!("https://a/\n\n 10.0.0.1\r\n{long}\nlast");
        let mut lines = text.as_bytes();
        let read: Vec<String> = std::iter::from_fn(|| next_line(&mut lines).unwrap()).collect();
        assert_eq!(read.len(), 5);
        assert_eq!((&*read[0], &*read[1], &*read[2], &*read[4]), ("https://a/", "", " 10.0.0.1\r", "last"));
        assert!(long.starts_with(&read[3]) && read[3].len() > 2_048);
    }

    #[test]
    fn addresses_are_judged_as_hosts() {
        for (input, expect) in [
            ("10.0.0.1", "https://10.0.0.1/"),
            ("::1", "https://[::1]/"),
            ("[::1]", "https://[::1]/"),
            ("http://a", "http://a"),
            ("fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(url_of(input), expect);
        }
    }
}
