//! `portcullis user`: the people who have an account. Passwords are not typed here: a token that works once lets the
//! person choose one.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use domain::id::UserId;
use domain::token::{Kind, Token};
use serde::Serialize;
use store::Store;
use store::mailed_tokens::{NewMailedToken, Purpose};
use store::page::{MAX_LIMIT, Page};
use store::switch::Switch;
use store::users::{NewUser, User};
use vault::digest::Pepper;

use super::context::{Context, open_store};
use super::instant;
use super::output::{Output, Row};

/// How long a token works that lets a person choose a password.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// `portcullis user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account, and a token with which the person chooses its password
    Create(CreateArgs),
    /// List the accounts
    List,
    /// Lock a person out: every login ends
    Disable {
        /// E-mail address, user name or id
        user: String,
    },
    /// Let a person in again
    Enable {
        /// E-mail address, user name or id
        user: String,
    },
    /// Make a token with which a person chooses another password
    ResetPassword {
        /// E-mail address, user name or id
        user: String,
    },
    /// Take the second factor of a person away who lost it
    ResetSecondFactor {
        /// E-mail address, user name or id
        user: String,
    },
}

/// `portcullis user create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The e-mail address; it is taken for proved
    email: String,
    /// A user name to log in with as well
    #[arg(long)]
    username: Option<String>,
    /// Make the person an operator of the installation
    #[arg(long)]
    operator: bool,
}

#[derive(Serialize)]
struct UserRow {
    id: String,
    email: String,
    username: Option<String>,
    state: &'static str,
    operator: bool,
    second_factor: bool,
    last_login_at: Option<String>,
    created_at: String,
}

impl Row for UserRow {
    const HEAD: &'static [&'static str] =
        &["email", "user name", "id", "state", "standing", "second factor", "last login", "created"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.email.clone(),
            self.username.clone().unwrap_or_else(|| "none".to_owned()),
            self.id.clone(),
            self.state.to_owned(),
            if self.operator { "operator" } else { "person" }.to_owned(),
            if self.second_factor { "on" } else { "off" }.to_owned(),
            self.last_login_at.clone().unwrap_or_else(|| "never".to_owned()),
            self.created_at.clone(),
        ]
    }
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            state: user.state.word(),
            operator: user.operator,
            second_factor: user.totp_confirmed_at.is_some(),
            last_login_at: user.last_login_at.map(instant::written),
            created_at: instant::written(user.created_at),
            email: user.email,
            username: user.username,
        }
    }
}

/// The one answer that holds a token.
#[derive(Serialize)]
struct Told<'a> {
    token: &'a str,
    #[serde(flatten)]
    row: UserRow,
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there.
pub async fn run(command: UserCommand, context: &Context) -> Result<()> {
    match command {
        UserCommand::Create(args) => create(args, context).await,
        UserCommand::ResetPassword { user } => reset_password(&user, context).await,
        UserCommand::List => list(context).await,
        UserCommand::Disable { user } => set(&user, Switch::Disabled, context).await,
        UserCommand::Enable { user } => set(&user, Switch::Active, context).await,
        UserCommand::ResetSecondFactor { user } => {
            let store = context.store().await?;
            let found = find(&store, &user).await?;
            store.users().remove_totp(found.id, &context.act()).await?;
            store.close().await;
            Ok(context.output.say("The next login asks for the password alone.")?)
        }
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let act = context.act();
    let new = NewUser {
        id: UserId::new(context.new_id()?),
        email: args.email,
        username: args.username,
        password: None,
        operator: args.operator,
        email_verified_at: Some(act.at),
        created_at: act.at,
    };
    let user = store.users().create(&new, &act).await?;
    let token = issue(&store, &roots.pepper, &user, context).await?;
    store.close().await;
    tell(user, &token, context)
}

async fn reset_password(asked: &str, context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let user = find(&store, asked).await?;
    let token = issue(&store, &roots.pepper, &user, context).await?;
    store.close().await;
    tell(user, &token, context)
}

async fn list(context: &Context) -> Result<()> {
    let store = context.store().await?;
    let (mut rows, mut page) = (vec![], Page { after: None, limit: MAX_LIMIT });
    loop {
        let read = store.users().page(&page).await?;
        rows.extend(read.rows.into_iter().map(UserRow::from));
        match read.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    store.close().await;
    let empty = "Nobody has an account yet: `portcullis user create EMAIL --operator` makes the first.";
    Ok(context.output.list("users", &rows, empty)?)
}

async fn set(asked: &str, state: Switch, context: &Context) -> Result<()> {
    let store = context.store().await?;
    let found = find(&store, asked).await?;
    let user = store.users().set_state(found.id, state, &context.act()).await?;
    store.close().await;
    Ok(context.output.show(&UserRow::from(user))?)
}

async fn find(store: &Store, asked: &str) -> Result<User> {
    if let Ok(id) = asked.parse::<UserId>() {
        return Ok(store.users().get(id).await?);
    }
    match store.users().find(asked).await? {
        Some(account) => Ok(account.user),
        None => bail!("there is no account `{asked}`. `portcullis user list` shows all"),
    }
}

/// A token with which the person chooses a password; one that was made before works no more.
async fn issue(store: &Store, pepper: &Pepper, user: &User, context: &Context) -> Result<Token> {
    let (token, act) = (vault::entropy::token(Kind::Reset)?, context.act());
    let new = NewMailedToken {
        purpose: Purpose::Reset,
        user: user.id,
        email: user.email.clone(),
        digest: pepper.digest(&vault::digest::sha256_of(&token)),
        expires_at: act.at.plus_seconds(TOKEN_SECONDS),
    };
    store.mailed_tokens().issue(&new, &act).await?;
    Ok(token)
}

fn tell(user: User, token: &Token, context: &Context) -> Result<()> {
    let row = UserRow::from(user);
    match context.output {
        Output::Json => context.output.document(&Told { token: token.reveal(), row })?,
        Output::Text => {
            context.output.show(&row)?;
            context.output.say(
                "\nWith this token the person chooses a password (POST /api/v1/password/reset). It works once, for \
                 24 hours, and is shown this once:\n",
            )?;
            context.output.say(token.reveal())?;
        }
    }
    Ok(())
}
