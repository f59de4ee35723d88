//! Names of things that the account behind a connection keeps, in the body of a call. Whoever shares an account could name
//! what is another's: at the platform's connections a project may name the files that it brought there itself, and nothing
//! else. At a connection of the caller's own the account is theirs.

use domain::code::Code;
use domain::route::{Offer, Owner};
use live::kept;
use wire::batch::is_name;
use wire::request::{Kind, Reference};

use crate::authenticate::Caller;
use crate::gate::Gateway;
use crate::plan::permits;
use crate::refusal::{Refusal, Stop};

/// Of these offers those at which everything that a call names may be named; never none.
pub(crate) async fn bind(
    gate: &Gateway,
    caller: &Caller,
    references: &[Reference],
    mut offers: Vec<Offer>,
) -> Result<Vec<Offer>, Stop> {
    for reference in references {
        offers = allowing(gate, caller, reference, offers).await?;
        if offers.is_empty() {
            return Err(unknown(reference, "").into());
        }
    }
    Ok(offers)
}

/// Of these offers those at which `reference` may be named, if there are any.
pub(crate) async fn allowing(
    gate: &Gateway,
    caller: &Caller,
    reference: &Reference,
    mut offers: Vec<Offer>,
) -> Result<Vec<Offer>, Stop> {
    // A model that a tool asks is used by the caller's key like the one that answers.
    if reference.kind == Kind::Model {
        offers.retain(|offer| permits(caller, &offer.connection.provider, &reference.id));
        return Ok(offers);
    }
    // Where there is no choice and the account is the caller's own, there is nothing to find out.
    if let [only] = offers.as_slice()
        && only.connection.owner != Owner::Platform
    {
        return Ok(offers);
    }
    let holder = match reference.kind {
        Kind::File if is_name(&reference.id) => {
            let owner = kept::Owner { org: caller.scope.org(), project: caller.scope.project() };
            let found = gate.kept.file(owner, &reference.id).await.map_err(|failed| unanswered(&failed))?;
            found.map(|file| file.connection)
        }
        _ => None,
    };
    offers.retain(|Offer { connection, .. }| match holder {
        Some(holder) => connection.id == holder,
        None => connection.owner != Owner::Platform,
    });
    Ok(offers)
}

/// The refusal of a name that is nobody's here, or another's; `place` is where in a larger whole it stands.
pub(crate) fn unknown(reference: &Reference, place: &str) -> Refusal {
    let what = match reference.kind {
        Kind::File => "file",
        Kind::Item => "item",
        Kind::Prompt => "prompt",
        Kind::VectorStore => "vector store",
        Kind::Container => "container",
        Kind::CachedContent => "cached content",
        Kind::Skill => "skill",
        Kind::Model => {
            let message = format!(
                "This key may not use the model `{}` that {place}{} names.",
                reference.id, reference.field
            );
            return Refusal::new(Code::ModelNotAllowed, message).about(reference.field);
        }
    };
    let message = format!("The {what} that {place}{} names is not found here.", reference.field);
    Refusal::new(Code::NotFound, message).about(reference.field)
}

/// The refusal while the store cannot be asked what is kept.
pub(crate) fn unanswered(failed: &live::snapshot::LookupFailed) -> Refusal {
    tracing::error!(cause = %failed, "files and batches could not be looked up");
    Refusal::new(Code::Unavailable, "Files and batches cannot be looked up at the moment.")
}
