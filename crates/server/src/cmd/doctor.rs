//! `portcullis doctor`: examines an installation from configuration to listeners and says what to mend. It changes
//! nothing.

mod database;
mod surroundings;

use anyhow::{Result, bail};
use serde::Serialize;

use super::context::Context;
use super::output::{Output, Row};
use crate::config::Config;

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
            checks.extend(
                faults.0.into_iter().map(|fault| Check::fail(&fault.subject, fault.problem, fault.fix)),
            );
            // What does not need the secrets can still be examined when the settings alone are sound.
            if let Ok(loaded) = Config::load(&context.flags, &context.variables) {
                surroundings::examine(&loaded.config, &mut checks).await;
                database::examine(&loaded.config, None, &mut checks).await;
            }
        }
        Ok((loaded, roots)) => {
            let from =
                loaded.file.as_ref().map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
            checks.push(Check::ok("configuration", format!("no fault ({from})")));
            let warnings = loaded.warnings.into_iter();
            checks.extend(warnings.map(|fault| Check::warn(&fault.subject, fault.problem, fault.fix)));
            surroundings::examine(&loaded.config, &mut checks).await;
            database::examine(&loaded.config, Some(&roots), &mut checks).await;
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
