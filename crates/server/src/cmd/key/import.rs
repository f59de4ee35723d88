//! `portcullis key import`: takes over the keys of another gateway, which stores them as plain SHA-256. Their holders go
//! on with the keys they have; no key is seen here.

mod csv;
mod litellm;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use domain::id::KeyId;
use domain::limit::Limits;
use domain::scope::KeyState;
use domain::time::Timestamp;
use domain::token::Prefix;
use serde::Serialize;
use store::keys::{ImportedKey, Key, KeyRefused, NewKey};
use store::projects::Project;

use self::litellm::{Found, Models};
use crate::cmd::context::{Context, open_store};
use crate::cmd::output::Row;
use crate::cmd::resolve;
use crate::config::roots::Roots;

/// Most bytes of a file.
const MOST_BYTES: u64 = 64 << 20;

/// `portcullis key import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The keys as JSON, JSON lines or CSV
    file: PathBuf,
    /// Which gateway they come from
    #[arg(long, value_enum)]
    format: Format,
    /// The project they are to belong to, by name or id; may be left out when there is only one
    #[arg(long)]
    project: Option<String>,
    /// The project's organization, by name or id
    #[arg(long)]
    org: Option<String>,
    /// Models of those keys whose models are their team's; without it, such keys are left out
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    models: Vec<String>,
    /// Requests in any 60 seconds of keys that have no such limit [default: from the configuration, as the following]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rpm: Option<u32>,
    /// Requests in any second, of all of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    burst: Option<u32>,
    /// Requests in flight of keys that have no such limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrent: Option<u32>,
}

/// Which gateway keys come from.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The table `LiteLLM_VerificationToken`, or the answer of `/key/list?return_full_object=true`
    #[value(name = "litellm")]
    LiteLlm,
}

/// What became of one key.
#[derive(Debug, Serialize)]
struct Outcome {
    name: String,
    id: Option<String>,
    prefix: Option<String>,
    outcome: &'static str,
    /// Why it was left out, or what of it has no equal here.
    note: Option<String>,
}

impl Row for Outcome {
    const HEAD: &'static [&'static str] = &["name", "id", "prefix", "outcome", "note"];

    fn cells(&self) -> Vec<String> {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        let outcome = self.outcome.to_owned();
        vec![self.name.clone(), or_none(&self.id), or_none(&self.prefix), outcome, or_none(&self.note)]
    }
}

impl Outcome {
    fn left_out(name: String, why: String) -> Self {
        Self { name, id: None, prefix: None, outcome: "left out", note: Some(why) }
    }
}

/// Takes over the keys of a file.
///
/// # Errors
/// When the file cannot be read, the project is not clear, the store cannot be written, or a key was left out.
pub(super) async fn import(args: ImportArgs, context: &Context) -> Result<()> {
    let Format::LiteLlm = args.format;
    let rows = litellm::rows(&text(&args)?).with_context(|| args.file.display().to_string())?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let project = resolve::project(&store, args.org.as_deref(), args.project.as_deref()).await?;
    let act = context.act();
    let wish = Wish { args: &args, defaults: loaded.config.limits, project: &project, roots: &roots };
    let (mut outcomes, mut wanted) = (vec![], vec![]);
    for (number, row) in (1..).zip(&rows) {
        let read = litellm::read(row, &format!("key {number}"));
        match read.and_then(|found| wish.key(found, KeyId::new(context.new_id()?), act.at)) {
            Ok(one) => wanted.push(one),
            Err(why) => outcomes
                .push(Outcome::left_out(litellm::name(row, &format!("key {number}")), why.to_string())),
        }
    }
    let (keys, notes): (Vec<ImportedKey>, Vec<Option<String>>) = wanted.into_iter().unzip();
    let made = store.keys().import(project.id, &keys, &act).await?;
    store.close().await;
    let told = keys.into_iter().zip(notes).zip(made);
    outcomes.extend(told.map(|((key, note), made)| outcome(key.new, note, made)));
    context.output.list("keys", &outcomes, "There is no key in this file.")?;
    let left_out = outcomes.iter().filter(|outcome| outcome.outcome == "left out").count();
    if left_out > 0 {
        bail!("{left_out} of {} keys were left out; the list says why", rows.len());
    }
    Ok(())
}

fn text(args: &ImportArgs) -> Result<String> {
    let name = args.file.display();
    let length = std::fs::metadata(&args.file).with_context(|| format!("{name} cannot be read"))?.len();
    if length > MOST_BYTES {
        bail!("{name} has {length} bytes; import at most {MOST_BYTES} at a time");
    }
    std::fs::read_to_string(&args.file).with_context(|| format!("{name} cannot be read"))
}

/// What is to become of the keys.
struct Wish<'a> {
    args: &'a ImportArgs,
    defaults: Limits,
    project: &'a Project,
    roots: &'a Roots,
}

impl Wish<'_> {
    /// The key to be kept, and what of it is lost.
    fn key(&self, found: Found, id: KeyId, now: Timestamp) -> Result<(ImportedKey, Option<String>)> {
        let models = match found.models {
            Models::Listed(models) => models,
            Models::Elsewhere if !self.args.models.is_empty() => self.args.models.clone(),
            Models::Elsewhere => {
                bail!("its models are those of its team or of a group: say which with --models")
            }
        };
        if found.expires_at.is_some_and(|at| at <= now) {
            bail!("it has expired");
        }
        let limits = Limits {
            requests_per_minute: found.rpm.or(self.args.rpm).unwrap_or(self.defaults.requests_per_minute),
            burst_per_second: self.args.burst.unwrap_or(self.defaults.burst_per_second),
            concurrent: found.concurrent.or(self.args.concurrent).unwrap_or(self.defaults.concurrent),
            tokens_per_minute: found.tpm.or(self.defaults.tokens_per_minute),
            ..self.defaults
        };
        let new = NewKey {
            id,
            org: self.project.org,
            project: self.project.id,
            user: None,
            name: found.name,
            prefix: Prefix::of_sha256(&found.sha256),
            digest: self.roots.pepper.digest(&found.sha256),
            models,
            scopes: vec![],
            allowed_ips: None,
            limits,
            expires_at: found.expires_at,
            created_at: now,
        };
        let state = if found.blocked { KeyState::Disabled } else { KeyState::Active };
        let lost = (!found.lost.is_empty()).then(|| format!("without its {}", found.lost.join(", ")));
        Ok((ImportedKey { new, state }, lost))
    }
}

fn outcome(new: NewKey, note: Option<String>, made: Result<Key, KeyRefused>) -> Outcome {
    let (name, prefix) = (new.name, new.prefix.to_string());
    match made {
        Ok(key) => Outcome {
            name,
            id: Some(key.id.to_string()),
            prefix: Some(prefix),
            outcome: if key.state == KeyState::Active { "imported" } else { "imported, disabled" },
            note,
        },
        Err(KeyRefused::Duplicate) => {
            Outcome { name, id: None, prefix: Some(prefix), outcome: "was here", note: None }
        }
        Err(refused) => Outcome::left_out(name, refused.to_string()),
    }
}
