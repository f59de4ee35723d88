//! The `portcullis` program: reads the command line and the environment, runs one command, prints what went wrong.

use std::process::ExitCode;

use clap::Parser;
use server::cmd::{self, CommandLine, output};
use server::config::environment::Variables;
use server::{discretion, footprint};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code of a command that failed; wrong usage is 2, as the argument parser has it.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    if let Err(problem) = discretion::keep() {
        output::complain(&format!("portcullis: warning: {problem}"));
    }
    footprint::keep_small();
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(help) => {
            // Help and version come this way too; when they cannot be written there is nobody to tell.
            let _ = help.print();
            return ExitCode::from(u8::try_from(help.exit_code()).unwrap_or(FAILED));
        }
    };
    match cmd::run(line, Variables::of_this_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("portcullis: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}
