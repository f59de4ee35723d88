//! `portcullis config`: what is in force and where it comes from, the schema, the annotated default.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

use super::context::Context;
use super::output::{Output, Row, print};
use crate::config::fault::Fault;
use crate::config::{Config, DEFAULT_FILE, Loaded, Setting, schema, variable_of};

/// `portcullis config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the configuration in force with the source of each value, or every fault
    Check,
    /// Print the JSON Schema of the configuration file
    Schema,
    /// Print the annotated default file
    Default,
}

#[derive(Serialize)]
struct InForce {
    setting: String,
    value: toml::Value,
    source: String,
    variable: String,
}

impl Row for InForce {
    const HEAD: &'static [&'static str] = &["setting", "value", "source"];

    fn cells(&self) -> Vec<String> {
        vec![self.setting.clone(), self.value.to_string(), self.source.clone()]
    }
}

#[derive(Serialize)]
struct Report<'a> {
    file: Option<String>,
    settings: BTreeMap<&'a str, InForce>,
    warnings: &'a [Fault],
}

/// Runs it.
///
/// # Errors
/// Every fault of the configuration at once.
pub fn run(command: &ConfigCommand, context: &Context) -> Result<()> {
    match command {
        ConfigCommand::Default => Ok(print(DEFAULT_FILE)?),
        ConfigCommand::Schema => Ok(print(&format!("{:#}\n", schema::schema()))?),
        ConfigCommand::Check => {
            let (loaded, _) = Config::load_with_roots(&context.flags, &context.variables)?;
            check(&loaded, context.output)
        }
    }
}

/// Secrets are references by the time they are checked, so that every value may be shown.
fn check(loaded: &Loaded, output: Output) -> Result<()> {
    let file = loaded.file.as_ref().map(|file| file.display().to_string());
    let rows = loaded.settings.iter().map(|(name, setting)| in_force(name, setting));
    match output {
        Output::Json => {
            let settings = loaded.settings.keys().map(String::as_str).zip(rows).collect();
            output.document(&Report { file, settings, warnings: &loaded.warnings })?;
        }
        Output::Text => {
            output.list("settings", &rows.collect::<Vec<_>>(), "")?;
            output.say(&format!("\nfile: {}", file.as_deref().unwrap_or("none")))?;
            for warning in &loaded.warnings {
                output.say(&format!("warning: {warning}"))?;
            }
        }
    }
    Ok(())
}

fn in_force(name: &str, setting: &Setting) -> InForce {
    InForce {
        setting: name.to_owned(),
        value: setting.value.clone(),
        source: setting.source.to_string(),
        variable: variable_of(name),
    }
}
