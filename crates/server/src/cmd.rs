//! The command line: one tree of commands, and the way from its words to the functions that do the work. What a
//! command does is in the file that bears its name.

pub mod addresses;
pub mod audit;
pub mod config;
pub mod context;
pub mod demo;
pub mod doctor;
pub mod egress;
mod foundation;
pub mod init;
pub mod instant;
pub mod key;
pub mod model;
pub mod openapi;
pub mod operator;
pub mod org;
pub mod output;
pub mod own_limit;
pub mod project;
pub mod provider;
mod resolve;
pub mod retention;
pub mod serve;
pub mod usage;
pub mod user;
pub mod vault;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};

use self::context::Context;
use self::output::Output;
use crate::ambient;
use crate::config::Flags;
use crate::config::environment::Variables;

/// The gate between applications and language models
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true)]
pub struct CommandLine {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
struct Shared {
    /// Configuration file [default: portcullis.toml in the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, the journal and the key files
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Any setting of the configuration, such as limits.concurrent=128; may be repeated
    #[arg(long = "set", global = true, value_name = "SETTING=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gate
    Serve(ServeArgs),
    /// Try Portcullis: an installation of its own with a demo provider and a fresh key
    Demo(demo::DemoArgs),
    /// Make an installation: folder, configuration, secrets, database, first organization and project
    Init(init::InitArgs),
    /// Organizations
    #[command(subcommand)]
    Org(org::OrgCommand),
    /// Projects of an organization
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// API keys of a project
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Connections to providers
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Models and their prices
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Tokens for the admin listener
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// People, who log in to the admin API
    #[command(subcommand)]
    User(user::UserCommand),
    /// Calls, what they used and what they cost
    Usage(usage::UsageArgs),
    /// The audit trail: who did what, in a chain that cannot be changed unseen
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// How long data is kept, and the removal of what is past its time
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    /// Encryption keys: what each of them wraps, and their exchange
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// The address policy for outgoing calls
    #[command(subcommand)]
    Egress(egress::EgressCommand),
    /// The configuration in force, its schema, its default
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the description of the admin API
    Openapi,
    /// Examine an installation and say what to mend
    Doctor,
}

/// `portcullis serve`
#[derive(Debug, Args)]
struct ServeArgs {
    /// Address for applications
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Address for operators
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
}

/// Runs a command.
///
/// # Errors
/// Whatever went wrong, in a sentence that says what to do.
pub fn run(line: CommandLine, variables: Variables) -> Result<()> {
    let mut runtime = match line.command {
        Command::Serve(_) | Command::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().context("the asynchronous runtime does not start")?;
    runtime.block_on(dispatch(line, variables))
}

async fn dispatch(line: CommandLine, variables: Variables) -> Result<()> {
    let output = if line.shared.json { Output::Json } else { Output::Text };
    let mut flags = line.shared.into_flags();
    if let Command::Serve(args) = &line.command {
        let addresses = [("listen.public", args.listen), ("listen.admin", args.admin_listen)];
        let given =
            addresses.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_string())));
        flags.settings.extend(given);
    }
    let context = Context { flags, variables, clock: ambient::system_clock(), output };
    match line.command {
        Command::Serve(_) => serve::run(&context.flags, &context.variables).await,
        Command::Demo(args) => demo::run(args, &context).await,
        Command::Init(args) => init::run(args, &context).await,
        Command::Org(command) => org::run(command, &context).await,
        Command::Project(command) => project::run(command, &context).await,
        Command::Key(command) => key::run(command, &context).await,
        Command::Provider(command) => provider::run(command, &context).await,
        Command::Model(command) => model::run(command, &context).await,
        Command::Operator(command) => operator::run(command, &context).await,
        Command::User(command) => user::run(command, &context).await,
        Command::Usage(args) => usage::run(args, &context).await,
        Command::Audit(command) => audit::run(command, &context).await,
        Command::Retention(command) => retention::run(command, &context).await,
        Command::Vault(command) => vault::run(command, &context).await,
        Command::Egress(command) => egress::run(command, &context).await,
        Command::Config(command) => config::run(&command, &context),
        Command::Openapi => openapi::run(),
        Command::Doctor => doctor::run(&context).await,
    }
}

impl Shared {
    fn into_flags(self) -> Flags {
        let mut settings = self.set;
        settings.extend(self.data_dir.map(|folder| ("data_dir".to_owned(), folder.display().to_string())));
        Flags { config: self.config, settings }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write SETTING=VALUE, such as limits.concurrent=128".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_of_commands_contradicts_itself_nowhere() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn shared_options_stand_anywhere() {
        let line = CommandLine::parse_from([
            "portcullis",
            "key",
            "list",
            "--json",
            "--data-dir",
            "d",
            "--set",
            "a.b=c=d",
        ]);
        assert!(line.shared.json);
        let flags = line.shared.into_flags();
        assert_eq!(flags.settings, [("a.b".into(), "c=d".into()), ("data_dir".to_owned(), "d".to_owned())]);
        assert!(CommandLine::try_parse_from(["portcullis", "serve", "--set", "novalue"]).is_err());
    }
}
