//! `bench-load MODE --name value …`: load at a fixed rate (`rate`), streams next to each other (`streams`), or streams
//! that are held open while a rate runs (`hold`). It prints JSON lines.

use std::io::Write;

use anyhow::{Context, Result, bail};
use bench::load::call::Target;
use bench::load::options::Options;
use bench::load::rate::Rate;
use bench::load::streams::Streams;
use bench::load::{hold, rate, streams};
use serde_json::Value;
use tokio::task::LocalSet;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let mode = words.next().context("say rate, streams or hold")?;
    let options = Options::read(words)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = LocalSet::new().block_on(&runtime, run(&mode, options))?;
    writeln!(std::io::stdout().lock(), "{seen}")?;
    Ok(())
}

async fn run(mode: &str, mut options: Options) -> Result<Value> {
    match mode {
        "rate" => {
            let (target, plan) = (Target::read(&mut options)?, Rate::read(&mut options)?);
            options.finish()?;
            rate::run(&plan, &target).await
        }
        "streams" => {
            let (target, plan) = (Target::read(&mut options)?, Streams::read(&mut options)?);
            options.finish()?;
            streams::run(&plan, &target).await
        }
        "hold" => {
            let (held, count): (String, u32) = (options.take("held")?, options.take("streams")?);
            let (foreground, plan) = (Target::read(&mut options)?, Rate::read(&mut options)?);
            let held = foreground.asking(&held);
            options.finish()?;
            hold::run(count, &held, &plan, &foreground).await
        }
        _ => bail!("there is no mode {mode}: say rate, streams or hold"),
    }
}
