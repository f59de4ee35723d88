//! `portcullis audit`: the audit trail: proved, listed, exported. Nothing here can change a row.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use control::audit::export;
use control::audit::verify::{NotProved, Proved, verify_with};
use data_encoding::HEXLOWER;
use domain::audit::action::Action;
use domain::audit::chain::Link;
use domain::audit::detail::Detail;
use serde::Serialize;
use store::audit::AuditFilter;

use super::context::{Context, open_store};
use super::instant;
use super::output::{Output, Row, complain, print};

/// `portcullis audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prove that no row was changed, removed or moved, or name the first that was
    Verify,
    /// List the newest rows
    List {
        /// Which rows
        #[command(flatten)]
        filter: Filter,
        /// How many to list at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Write rows to standard output, one JSON object a line, and a last line that signs them
    Export(Filter),
    /// List the actions that rows tell of
    Actions,
}

/// Which rows.
#[derive(Debug, Args)]
pub struct Filter {
    /// Of this action only; `portcullis audit actions` lists them
    #[arg(long, value_parser = action)]
    action: Option<String>,
    /// About this identifier or name only
    #[arg(long)]
    resource: Option<String>,
    /// From this instant on: 2026-12-31, 2026-12-31T12:00:00Z, or a length of time before now such as 7d
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Until this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    seq: i64,
    at: String,
    actor: String,
    actor_id: String,
    prefix: String,
    action: String,
    resource: String,
    outcome: String,
    request_id: String,
    ip: String,
    user_agent: String,
    detail: serde_json::Value,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] =
        &["row", "at", "actor", "action", "resource", "outcome", "ip", "detail"];

    fn cells(&self) -> Vec<String> {
        let actor = [&self.actor, &self.actor_id, &self.prefix];
        let actor: Vec<&str> =
            actor.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        vec![
            self.seq.to_string(),
            self.at.clone(),
            actor.join(" "),
            self.action.clone(),
            self.resource.clone(),
            self.outcome.clone(),
            self.ip.clone(),
            self.detail.to_string(),
        ]
    }
}

impl From<Link> for Listed {
    fn from(link: Link) -> Self {
        let entry = link.entry;
        // A detail that is no JSON was not written by us; it is shown as the text it is.
        let detail = serde_json::from_str(&entry.detail)
            .unwrap_or_else(|_| serde_json::Value::String(entry.detail.clone()));
        Self {
            seq: link.seq,
            at: instant::written(entry.at),
            actor: entry.actor.kind,
            actor_id: entry.actor.id,
            prefix: entry.actor.prefix,
            action: entry.action,
            resource: entry.resource,
            outcome: entry.outcome,
            request_id: entry.request_id,
            ip: entry.ip,
            user_agent: entry.user_agent,
            detail,
        }
    }
}

#[derive(Serialize)]
struct Known {
    action: &'static str,
    about: &'static str,
}

impl Row for Known {
    const HEAD: &'static [&'static str] = &["action", "meaning"];

    fn cells(&self) -> Vec<String> {
        vec![self.action.to_owned(), self.about.to_owned()]
    }
}

/// What a proof came to.
#[derive(Default, Serialize)]
struct Report {
    proved: bool,
    rows: u64,
    hash: String,
    heads: u64,
    unsigned_rows: u64,
    /// Those of the rows that are in archive files.
    archived_rows: u64,
    /// Archive files that are not in their folder: their signed ends stand for their rows.
    absent_archives: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Broken>,
}

#[derive(Serialize)]
struct Broken {
    /// `row`, `head` or `archive`.
    what: &'static str,
    number: i64,
    fault: &'static str,
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, a filter is none, an export cannot be recorded, or the trail is broken.
pub async fn run(command: AuditCommand, context: &Context) -> Result<()> {
    match command {
        AuditCommand::Verify => prove(context).await,
        AuditCommand::List { filter, limit } => list(&filter, limit, context).await,
        AuditCommand::Export(filter) => write_out(&filter, context).await,
        AuditCommand::Actions => {
            let known = |action: &Action| Known { action: action.word(), about: action.about() };
            let rows: Vec<Known> = Action::ALL.iter().map(known).collect();
            Ok(context.output.list("actions", &rows, "")?)
        }
    }
}

async fn prove(context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let archives = loaded.config.audit_archive_dir();
    let progress = |rows| complain(&format!("{rows} rows proved"));
    let result = verify_with(&store, &roots.audit, Some(&archives), progress).await;
    store.close().await;
    let output = context.output;
    match result {
        Ok(Proved { rows, this, heads, unsigned, archived, absent }) => {
            let hash = HEXLOWER.encode(&this);
            match output {
                Output::Json => output.document(&Report {
                    proved: true,
                    rows,
                    hash,
                    heads,
                    unsigned_rows: unsigned,
                    archived_rows: archived,
                    absent_archives: absent,
                    broken: None,
                })?,
                Output::Text => output.say(&format!(
                    "The audit trail is whole: {rows} rows, {heads} signed heads, {unsigned} rows after the last head.{}\n\
                     Last hash: {hash}",
                    archives_told(archived, absent)
                ))?,
            }
            Ok(())
        }
        Err(broken) => {
            let found = match &broken {
                NotProved::Row(row) => Some(Broken { what: "row", number: row.seq, fault: row.fault.word() }),
                NotProved::Head { id, fault, .. } => {
                    Some(Broken { what: "head", number: *id, fault: fault.word() })
                }
                NotProved::Archive { id, fault } => {
                    Some(Broken { what: "archive", number: *id, fault: fault.word() })
                }
                NotProved::Unreadable { .. } | NotProved::Read(_) => None,
            };
            if output == Output::Json && found.is_some() {
                output.document(&Report { broken: found, ..Report::default() })?;
            }
            Err(broken.into())
        }
    }
}

/// What is said of rows that have left the database.
fn archives_told(archived: u64, absent: u64) -> String {
    match (archived, absent) {
        (0, 0) => String::new(),
        (_, 0) => format!("\n{archived} of the rows are in archive files."),
        _ => format!(
            "\n{archived} of the rows are in archive files; {absent} archive files are not in their folder, and their \
             signed ends stand for their rows."
        ),
    }
}

async fn list(asked: &Filter, limit: u32, context: &Context) -> Result<()> {
    let filter = filter(asked, context)?;
    let store = context.store().await?;
    let rows: Vec<Listed> =
        store.audit().newest(&filter, limit).await?.into_iter().map(Listed::from).collect();
    store.close().await;
    Ok(context.output.list("audit", &rows, "No row of the audit trail fits.")?)
}

/// Records the export, and only then exports.
async fn write_out(asked: &Filter, context: &Context) -> Result<()> {
    let filter = filter(asked, context)?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let mut detail = Detail::none();
    for (name, value) in [
        ("action", &asked.action),
        ("resource", &asked.resource),
        ("since", &asked.since),
        ("until", &asked.until),
    ] {
        detail = value.iter().fold(detail, |detail, value| detail.text(name, value));
    }
    store.audit().record(&context.act().done(Action::AUDIT_EXPORT, "audit", detail)).await?;
    let exported = export::export(&store.audit().rows(), &roots.audit, &filter, print).await;
    store.close().await;
    complain(&format!("{} rows exported", exported?));
    Ok(())
}

fn filter(asked: &Filter, context: &Context) -> Result<AuditFilter> {
    let now = context.now();
    let instant =
        |text: &Option<String>| text.as_deref().map(|text| instant::read_past(text, now)).transpose();
    let (since, until) = (instant(&asked.since)?, instant(&asked.until)?);
    if since.zip(until).is_some_and(|(since, until)| until <= since) {
        bail!("--until is not after --since, so that no row can fit. Exchange them");
    }
    let (action, resource) = (asked.action.clone(), asked.resource.clone());
    Ok(AuditFilter { action, resource, since, until, ..AuditFilter::default() })
}

fn action(text: &str) -> Result<String, String> {
    if Action::ALL.iter().any(|action| action.word() == text) {
        return Ok(text.to_owned());
    }
    Err("no action is called that; `portcullis audit actions` lists them".to_owned())
}
