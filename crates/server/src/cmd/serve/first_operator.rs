//! The way into an installation that nobody has an account of: a token, shown once at the start, for the first operator.
//! Whoever reads what the gate says at its start runs the installation anyway.

use anyhow::{Context as _, Result};
use domain::audit::{Act, Actor};
use domain::id::InvitationId;
use domain::time::Clock;
use domain::token::{Kind, Token};
use store::Store;
use store::invitations::{Grants, NewInvitation};
use vault::digest::Pepper;

/// How long the token works.
const SECONDS: i64 = 24 * 60 * 60;
/// Name of the actor in the audit trail.
const ACTOR: &str = "serve";

/// A token for the first operator, in the place of any made before; none when somebody has an account.
///
/// # Errors
/// When the books do not answer.
pub async fn token(store: &Store, pepper: &Pepper, clock: &Clock) -> Result<Option<Token>> {
    if store.users().count().await.context("the accounts cannot be read")? > 0 {
        return Ok(None);
    }
    let (now, token) = (clock.now(), vault::entropy::token(Kind::Invitation)?);
    let new = NewInvitation {
        id: InvitationId::new(vault::entropy::uuid_v7(now)?),
        grants: Grants::Setup,
        email: None,
        prefix: token.prefix(),
        digest: pepper.digest(&vault::digest::sha256_of(&token)),
        expires_at: now.plus_seconds(SECONDS),
    };
    let made = store.invitations().set_up(&new, &Act::new(Actor::system(ACTOR), now)).await;
    Ok(made.context("the token of the first operator cannot be kept")?.map(|_| token))
}

/// What is shown of it. It is no log line: logs are kept and copied.
#[must_use]
pub fn notice(token: &Token, admin: std::net::SocketAddr) -> String {
    format!(
        "Nobody has an account yet. This token makes the first operator; it works once, for 24 hours, and is shown \
         this once:\n\n  {}\n\nPOST /api/v1/setup on {admin} takes it with an e-mail address and a password; \
         `portcullis user create --operator` does without it.",
        token.reveal()
    )
}
