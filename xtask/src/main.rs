//! All automation of the project: `cargo xtask COMMAND`. It knows the repository and the tools around it, and
//! nothing of what the product does.

mod abuse;
mod advisories;
mod api_page;
mod bench;
mod check;
mod facts;
mod foreground;
mod fuzz;
mod gate;
mod kill;
mod matrix;
mod model;
mod places;
mod profile;
mod program;
mod provider;
mod run;
mod sbom;
mod secrets;
mod setup;
mod test;
mod tidy;
mod timing;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::program::say;

const USAGE: &str = "\
cargo xtask COMMAND

  setup                 install what the tests need and is missing (quick when nothing is)
  test                  build, then every suite: Rust, official SDKs, the admin API, the real model, kill -9
  e2e                   build, then the suites of foreign clients alone: SDKs, admin API, real model
  matrix                official clients before upstreams of each protocol, and the page of what each can do
  check [NAME]          format, lints, tidy, licences and bans, advisories, secrets, documentation
  api                   the description of the admin API anew, and the table of its page
  facts                 the page of what real traffic does, with the tests that hold it
  sbom                  what the program is made of, as CycloneDX, in target/sbom
  tidy                  the rules of the house alone
  run [--model NAME]    the gate in front of the demo provider or of a real local model (smollm2)
  kill [--rounds N]     kill -9 under 200 streams, then compare the books (default 20 rounds)
  bench                 what a call costs beside nginx and the floor of the stack, in one run
  profile [--check | --write] [--binary PATH]
                        instructions of a request, counted by callgrind, and whether they became more
  fuzz [--minutes N] [--target NAME]
                        the fuzz targets, one after the other (default: each for 10 minutes)
  timing [--binary PATH]  how long refused credentials and failed logins wait, class by class
  abuse [--only NAME] [--binary PATH]
                        attacks of their full size, and what other callers feel of them";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(&format!("xtask: {fault:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let places = Places::find();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["setup"] => setup::everything(&places),
        ["test"] => test::everything(&places),
        ["e2e"] => test::end_to_end(&places),
        ["matrix"] => matrix::write(&places),
        ["check"] => check::everything(&places),
        ["check", name] => check::only(&places, name),
        ["api"] => api_page::write(&places),
        ["facts"] => facts::write(&places),
        ["sbom"] => sbom::write(&places),
        ["tidy"] => tidy::everything(&places),
        ["run", "--model", name, rest @ ..] => run::with_model(&places, name, rest),
        ["run", rest @ ..] => run::with_demo_provider(&places, rest),
        ["kill"] => kill::rounds(&places, kill::FULL_ROUNDS),
        ["kill", "--rounds", count] => kill::rounds(&places, count.parse()?),
        ["timing"] => timing::refusals(&places, None),
        ["timing", "--binary", path] => timing::refusals(&places, Some(path)),
        ["abuse", rest @ ..] => abuse::from_words(&places, rest),
        ["bench"] => bench::all(&places),
        ["profile", rest @ ..] => profile::from_words(&places, rest),
        ["fuzz", rest @ ..] => fuzz::targets(&places, rest),
        _ => bail!("no such command\n\n{USAGE}"),
    }
}
