//! `portcullis doctor`: examines an installation from configuration to listeners and says what to mend. It changes
//! nothing.

mod database;
mod retention;
mod surroundings;

use anyhow::{Result, bail};
use serde::Serialize;

use super::context::Context;
use super::output::{Output, Row};
use crate::config::Config;
use crate::config::fault::Fault;

/// How an examination ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Finding {
    Ok,
    Warn,
    Fail,
}

/// One examination.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    name: String,
    finding: Finding,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), finding: Finding::Ok, detail: detail.into(), fix: None }
    }

    fn warn(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.to_owned(), finding: Finding::Warn, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// What stops a start.
    fn fault(fault: Fault) -> Self {
        Self::fail(&fault.subject, fault.problem, fault.fix)
    }

    /// What would stop production.
    fn unwise(fault: Fault) -> Self {
        Self::warn(&fault.subject, fault.problem, fault.fix)
    }

    /// What production was told to do without.
    fn overridden(fault: Fault) -> Self {
        let detail = format!("{} (overridden: `{}`)", fault.problem, fault.check.unwrap_or_default());
        Self::warn(&fault.subject, detail, fault.fix)
    }

    fn fail(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.to_owned(), finding: Finding::Fail, detail: detail.into(), fix: Some(fix.into()) }
    }
}

impl Row for Check {
    const HEAD: &'static [&'static str] = &["finding", "check", "detail"];

    fn cells(&self) -> Vec<String> {
        let word = match self.finding {
            Finding::Ok => "ok",
            Finding::Warn => "warn",
            Finding::Fail => "FAIL",
        };
        let detail = match &self.fix {
            Some(fix) => format!("{}. {fix}", self.detail),
            None => self.detail.clone(),
        };
        vec![word.to_owned(), self.name.clone(), detail]
    }
}

/// Runs it.
///
/// # Errors
/// When something must be mended; the findings are printed before.
pub async fn run(context: &Context) -> Result<()> {
    let mut checks = Vec::new();
    match Config::load_with_roots(&context.flags, &context.variables) {
        Err(faults) => {
            checks.extend(faults.0.into_iter().map(Check::fault));
            // What does not need the secrets can still be examined when the settings alone are sound.
            if let Some(config) = Config::unsettled(&context.flags, &context.variables) {
                surroundings::examine(&config, context.now(), &mut checks).await;
                database::examine(&config, None, &context.clock, &mut checks).await;
            }
        }
        Ok((loaded, roots)) => {
            let from =
                loaded.file.as_ref().map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
            checks.push(Check::ok("configuration", format!("no fault ({from})")));
            checks.extend(loaded.warnings.into_iter().map(Check::unwise));
            checks.extend(loaded.overridden.into_iter().map(Check::overridden));
            surroundings::examine(&loaded.config, context.now(), &mut checks).await;
            database::examine(&loaded.config, Some(roots), &context.clock, &mut checks).await;
        }
    }
    report(&checks, context.output)
}

#[derive(Serialize)]
struct Report<'a> {
    healthy: bool,
    checks: &'a [Check],
}

fn report(checks: &[Check], output: Output) -> Result<()> {
    let failed = checks.iter().filter(|check| check.finding == Finding::Fail).count();
    match output {
        Output::Json => output.document(&Report { healthy: failed == 0, checks })?,
        Output::Text => output.list("checks", checks, "")?,
    }
    match failed {
        0 => Ok(()),
        1 => bail!("one thing must be mended"),
        many => bail!("{many} things must be mended"),
    }
}
