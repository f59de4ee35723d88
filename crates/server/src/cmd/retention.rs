//! `portcullis retention`: how long data is kept, and the removal of what is past its time.

use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use control::retention::{Keeper, Worked};
use domain::id::UserId;
use domain::retention::{Class, Level, Range, Term};
use serde::Serialize;
use store::Store;
use store::retention::{Canary, Cause, Run, Setting, Whose};
use tokio::sync::watch;

use super::context::{Context, open_store};
use super::output::{Output, Row, complain};
use super::{instant, resolve};

/// Runs that `show` lists.
const RUNS_SHOWN: u32 = 20;

/// `portcullis retention …`
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show how long each class of data is kept, what was set, and what was removed lately
    Show,
    /// Set how long a class is kept
    Set(SetArgs),
    /// Remove what is past its time now; a gate that is serving does so by itself
    Run {
        /// Classes to go over [default: all]
        #[arg(value_parser = class)]
        classes: Vec<Class>,
    },
}

/// `portcullis retention set`
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The class, as `portcullis retention show` calls it
    #[arg(value_parser = class)]
    class: Class,
    /// For how long, in the unit of the class; without it, what holds when nothing is set
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    /// For this organization only, by name or id
    #[arg(long, conflicts_with = "user")]
    org: Option<String>,
    /// For this person only, by id
    #[arg(long)]
    user: Option<UserId>,
}

/// A class as it is printed. The names of fields are stable.
#[derive(Serialize)]
struct Shown {
    class: &'static str,
    unit: &'static str,
    kept: Option<u32>,
    default: Option<u32>,
    least: Option<u32>,
    most: Option<u32>,
    overrides: Vec<Override>,
    about: &'static str,
}

#[derive(Serialize)]
struct Override {
    level: &'static str,
    subject: String,
    keep: u32,
}

impl Row for Shown {
    const HEAD: &'static [&'static str] = &["class", "kept", "range", "set for", "what"];

    fn cells(&self) -> Vec<String> {
        let kept = self.kept.map_or_else(|| "for ever".to_owned(), |kept| format!("{kept} {}", self.unit));
        let range = match (self.least, self.most) {
            (Some(least), Some(most)) => format!("{least}-{most}"),
            _ => "fixed".to_owned(),
        };
        let set: Vec<String> = self
            .overrides
            .iter()
            .map(|one| format!("{} {}", one.subject, one.keep).trim().to_owned())
            .collect();
        vec![self.class.to_owned(), kept, range, set.join(", "), self.about.to_owned()]
    }
}

/// A run as it is printed.
#[derive(Serialize)]
struct Ran {
    id: String,
    class: String,
    cause: &'static str,
    state: &'static str,
    removed: u64,
    created_at: String,
    ended_at: Option<String>,
    fault: Option<String>,
}

impl Row for Ran {
    const HEAD: &'static [&'static str] = &["began", "class", "cause", "state", "removed", "fault"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.created_at.clone(),
            self.class.clone(),
            self.cause.to_owned(),
            self.state.to_owned(),
            self.removed.to_string(),
            self.fault.clone().unwrap_or_default(),
        ]
    }
}

/// What was set.
#[derive(Serialize)]
struct Set {
    class: &'static str,
    unit: &'static str,
    keep: Option<u32>,
}

/// All that `show` tells.
#[derive(Serialize)]
struct Report {
    classes: Vec<Shown>,
    runs: Vec<Ran>,
}

impl From<Run> for Ran {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.to_string(),
            class: run.class,
            cause: run.cause.word(),
            state: run.state.word(),
            removed: run.removed,
            created_at: instant::written(run.created_at),
            ended_at: run.ended_at.map(instant::written),
            fault: run.fault,
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or a class does not take what is set.
pub async fn run(command: RetentionCommand, context: &Context) -> Result<()> {
    match command {
        RetentionCommand::Show => show(context).await,
        RetentionCommand::Set(args) => set(&args, context).await,
        RetentionCommand::Run { classes } => remove(classes, context).await,
    }
}

async fn show(context: &Context) -> Result<()> {
    let store = context.store().await?;
    let settings = store.retention().settings().all().await?;
    let mut classes = Vec::with_capacity(Class::ALL.len());
    for class in Class::ALL {
        classes.push(shown(*class, store.retention().kept(*class).await?, &settings));
    }
    let runs: Vec<Ran> =
        store.retention().newest_runs(RUNS_SHOWN).await?.into_iter().map(Ran::from).collect();
    let canary = store.retention().canary(context.now()).await?;
    store.close().await;
    match context.output {
        Output::Json => context.output.document(&Report { classes, runs })?,
        Output::Text => {
            context.output.list("classes", &classes, "")?;
            context.output.say("")?;
            context.output.list("runs", &runs, "Nothing was gone over yet.")?;
        }
    }
    if let Canary::Overdue(planted) = canary {
        bail!(
            "data past its time does not leave: the canary of {} is still there. Is the gate serving? Its log says why \
             a run failed",
            instant::written(planted)
        );
    }
    Ok(())
}

fn shown(class: Class, kept: Option<u32>, settings: &[Setting]) -> Shown {
    let range = if let Term::Set(range) = class.term() { Some(range) } else { None };
    let overrides = settings.iter().filter(|setting| setting.class == class).filter_map(|setting| {
        let subject = match setting.whose {
            Whose::Installation => return None,
            Whose::Org(id) => id.to_string(),
            Whose::User(id) => id.to_string(),
        };
        Some(Override { level: Level::word(setting.whose.level()), subject, keep: setting.keep })
    });
    Shown {
        class: class.word(),
        unit: class.unit().word(),
        kept,
        default: class.default(),
        least: range.map(|Range { least, .. }| least),
        most: range.map(|Range { most, .. }| most),
        overrides: overrides.collect(),
        about: class.about(),
    }
}

async fn set(args: &SetArgs, context: &Context) -> Result<()> {
    let store = context.store().await?;
    let whose = match (&args.org, args.user) {
        (Some(org), _) => Whose::Org(resolve::org(&store, Some(org)).await?.id),
        (None, Some(user)) => Whose::User(user),
        (None, None) => Whose::Installation,
    };
    store.retention().settings().set(args.class, whose, args.keep, &context.act()).await?;
    store.close().await;
    let (class, unit) = (args.class.word(), args.class.unit().word());
    match context.output {
        Output::Json => context.output.document(&Set { class, unit, keep: args.keep })?,
        Output::Text => context.output.say(&match args.keep {
            Some(keep) => format!("`{class}` is kept for {keep} {unit}."),
            None => format!("`{class}` is kept as if nothing had been set."),
        })?,
    }
    Ok(())
}

/// Goes over classes in this process, one after the other, to their end.
async fn remove(classes: Vec<Class>, context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let classes = if classes.is_empty() {
        Class::ALL.iter().copied().filter(|class| class.leaves()).collect()
    } else {
        classes
    };
    let keeper = Keeper {
        store: store.clone(),
        keys: Arc::new(roots.audit),
        archives: loaded.config.audit_archive_dir(),
        clock: context.clock.clone(),
    };
    let result = work_off(&keeper, &classes, context).await;
    let scrubbed = scrub(&store).await;
    store.close().await;
    let runs = result?;
    scrubbed?;
    context.output.list("runs", &runs, "")?;
    if runs.iter().any(|run| run.state != "done") {
        bail!("not everything that is past its time was removed");
    }
    Ok(())
}

async fn work_off(keeper: &Keeper, classes: &[Class], context: &Context) -> Result<Vec<Ran>> {
    let (_going, stop) = watch::channel(false);
    let mut runs = Vec::with_capacity(classes.len());
    for class in classes {
        let begun = keeper.begin(*class, Cause::Asked, Some(&context.act())).await?;
        let ended = match keeper.work_off(&begun, &stop).await? {
            Worked::Done(ended) => ended,
            Worked::GivenUp(_) | Worked::Paused => keeper.store.retention().run(begun.id).await?,
        };
        runs.push(ended.into());
    }
    Ok(runs)
}

async fn scrub(store: &Store) -> Result<()> {
    if !store.retention().scrub().await? {
        complain("the write-ahead log is in use; what was removed leaves it when the gate next empties it");
    }
    Ok(())
}

fn class(word: &str) -> Result<Class, String> {
    Class::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Class::ALL.iter().map(|class| class.word()).collect();
        format!("no class is called that; they are {}", words.join(", "))
    })
}
