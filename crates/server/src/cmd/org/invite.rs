//! `portcullis org invite`: lets a person in, above all the first owner. The person accepts in the admin API.

use anyhow::Result;
use clap::Args;
use domain::id::InvitationId;
use domain::role::OrgRole;
use domain::token::Kind;
use serde::Serialize;
use store::Store;
use store::invitations::{Grants, NewInvitation};
use store::members::By;

use crate::cmd::context::Context;
use crate::cmd::output::Output;
use crate::cmd::{instant, resolve};

/// How long an invitation works.
const SECONDS: i64 = 24 * 60 * 60;

/// `portcullis org invite`
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// The organization's name or id
    org: String,
    /// The e-mail address of the person
    email: String,
    /// What the person may do there: owner, admin, member or auditor
    #[arg(long, default_value = "owner", value_parser = role)]
    role: OrgRole,
}

fn role(word: &str) -> Result<OrgRole, String> {
    OrgRole::parse(word).ok_or_else(|| "a role is owner, admin, member or auditor".to_owned())
}

/// The one answer that holds the token.
#[derive(Serialize)]
struct Told<'a> {
    token: &'a str,
    id: String,
    org_id: String,
    email: Option<String>,
    role: &'static str,
    expires_at: String,
}

/// Makes the invitation and shows its token.
pub(super) async fn run(store: Store, args: InviteArgs, context: &Context) -> Result<()> {
    let (_, roots) = context.config_with_roots()?;
    let org = resolve::org(&store, Some(&args.org)).await?;
    let (token, act) = (vault::entropy::token(Kind::Invitation)?, context.act());
    let new = NewInvitation {
        id: InvitationId::new(context.new_id()?),
        grants: Grants::Membership { org: org.id, role: args.role },
        email: Some(args.email),
        prefix: token.prefix(),
        digest: roots.pepper.digest(&vault::digest::sha256_of(&token)),
        expires_at: act.at.plus_seconds(SECONDS),
    };
    let made = store.invitations().create(&new, By::Operator, &act).await?;
    store.close().await;
    let told = Told {
        token: token.reveal(),
        id: made.id.to_string(),
        org_id: org.id.to_string(),
        email: made.email,
        role: args.role.word(),
        expires_at: instant::written(made.expires_at),
    };
    match context.output {
        Output::Json => context.output.document(&told)?,
        Output::Text => {
            context.output.say(
                "With this token the person gets in: new people at POST /api/v1/invitations/accept, those who have an \
                 account at POST /api/v1/me/invitations/accept. It works once, for 24 hours, and is shown this once:\n",
            )?;
            context.output.say(told.token)?;
        }
    }
    Ok(())
}
