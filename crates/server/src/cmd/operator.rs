//! `portcullis operator`: tokens for the admin listener, which reads metrics by them.

use anyhow::Result;
use clap::Subcommand;
use domain::token::Kind;
use serde::Serialize;
use store::operator_tokens::{NewOperatorToken, OperatorToken};
use uuid::Uuid;

use super::context::{Context, open_store};
use super::instant;
use super::output::{Output, Row};

/// `portcullis operator …`
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make an operator token
    Create {
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// List operator tokens
    List,
    /// Remove an operator token for good
    Remove {
        /// Its id
        id: Uuid,
    },
}

#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    prefix: String,
    created_at: String,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] = &["name", "prefix", "id", "created"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.prefix.clone(), self.id.clone(), self.created_at.clone()]
    }
}

impl From<OperatorToken> for Listed {
    fn from(token: OperatorToken) -> Self {
        Self {
            id: token.id.to_string(),
            prefix: token.prefix.to_string(),
            created_at: instant::written(token.created_at),
            name: token.name,
        }
    }
}

/// The one answer that holds a token.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a str,
    #[serde(flatten)]
    listed: Listed,
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there.
pub async fn run(command: OperatorCommand, context: &Context) -> Result<()> {
    match command {
        OperatorCommand::Create { name } => create(name, context).await,
        OperatorCommand::List => {
            let store = context.store().await?;
            let rows: Vec<Listed> =
                store.operator_tokens().list().await?.into_iter().map(Listed::from).collect();
            store.close().await;
            let empty = "There is no operator token: `portcullis operator create --name NAME` makes one.";
            Ok(context.output.list("operator_tokens", &rows, empty)?)
        }
        OperatorCommand::Remove { id } => {
            let store = context.store().await?;
            store.operator_tokens().remove(id, &context.act()).await?;
            store.close().await;
            Ok(context.output.say("Removed: the admin listener refuses it from now on.")?)
        }
    }
}

async fn create(name: String, context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let token = vault::entropy::token(Kind::Operator)?;
    let digest = roots.pepper.digest(&vault::digest::sha256_of(&token));
    let new = NewOperatorToken {
        id: context.new_id()?,
        name,
        prefix: token.prefix(),
        digest,
        created_at: context.now(),
    };
    let listed = Listed::from(store.operator_tokens().insert(&new, &context.act()).await?);
    store.close().await;
    match context.output {
        Output::Json => context.output.document(&Made { token: token.reveal(), listed })?,
        Output::Text => {
            context.output.show(&listed)?;
            context.output.say("\nThis is the token. It is shown this once and kept nowhere:\n")?;
            context.output.say(token.reveal())?;
        }
    }
    Ok(())
}
