//! A request about files or batches whose caller may ask it: what of them is the caller's, and who holds it. What is
//! another's is as unknown as what never was.

use std::sync::Arc;

use domain::batch::Batch;
use domain::code::Code;
use domain::file::File;
use domain::id::ProviderKeyId;
use domain::route::{Connection, Held};
use live::kept::{Kept, Owner};
use live::outbox::{Full, Ticket};
use wire::batch::is_name;
use wire::batch::object::NotTheObject;

use crate::arrival::Arrival;
use crate::authenticate::Caller;
use crate::gate::Gateway;
use crate::references::unanswered;
use crate::refusal::{Refusal, Stop};
use crate::upstream::Courier;

/// The request.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    /// The gate.
    pub gate: &'a Arc<Gateway>,
    /// When and whence it came.
    pub arrival: &'a Arrival,
    /// Who asks.
    pub caller: &'a Caller,
}

impl Visit<'_> {
    /// Whose files and batches are meant.
    pub(crate) fn owner(&self) -> Owner {
        Owner { org: self.caller.scope.org(), project: self.caller.scope.project() }
    }

    /// What is known of files and batches.
    pub(crate) fn kept(&self) -> &Kept {
        &self.gate.kept
    }

    /// Who asks providers on its behalf.
    pub(crate) fn courier(&self) -> Courier {
        Courier::of(self.gate, self.arrival)
    }

    /// The caller's file of this name; `param` is where the request names it.
    pub(crate) async fn file(&self, name: &str, param: &str) -> Result<File, Stop> {
        let found = match is_name(name) {
            true => self.kept().file(self.owner(), name).await.map_err(|failed| unanswered(&failed))?,
            false => None,
        };
        found.ok_or_else(|| no_file(param).into())
    }

    /// The caller's batch of this name.
    pub(crate) async fn batch(&self, name: &str) -> Result<Batch, Stop> {
        let found = self.kept().batch(self.owner(), name).await.map_err(|failed| unanswered(&failed))?;
        found.ok_or_else(|| Refusal::new(Code::NotFound, "There is no such batch here.").about("id").into())
    }

    /// The connection that holds something of the caller's. One that is no longer the caller's to use holds nothing.
    pub(crate) fn holder(
        &self,
        connection: ProviderKeyId,
        unknown: impl FnOnce() -> Refusal,
    ) -> Result<Arc<Connection>, Stop> {
        match self.gate.snapshot.routes().connection(connection, &self.caller.scope) {
            Held::By(connection) => Ok(Arc::clone(connection)),
            Held::NotTheirs => Err(unknown().into()),
            Held::OutOfService => {
                let message = "The connection that holds this is not in service, and no other has it.";
                Err(Refusal::new(Code::NoAvailableRoute, message).into())
            }
        }
    }

    /// Waits until a record is as durable as records are to be.
    pub(crate) async fn recorded(&self, ticket: Result<Ticket, Full>) -> Result<(), Stop> {
        let ticket = ticket.map_err(|full| {
            tracing::error!(call = %self.arrival.call, %full, "the outbox takes no record of a file or a batch");
            unrecorded()
        })?;
        self.gate.outbox.durable(ticket).await.map_err(|failed| {
            tracing::error!(call = %self.arrival.call, %failed, "a record of a file or a batch is not synced");
            unrecorded().into()
        })
    }
}

/// The refusal of a file that is nobody's, or another's.
pub(crate) fn no_file(param: &str) -> Refusal {
    Refusal::new(Code::NotFound, "There is no such file here.").about(param)
}

/// The refusal of what cannot be recorded.
pub(crate) fn unrecorded() -> Refusal {
    Refusal::new(Code::Unavailable, "Files and batches cannot be recorded at the moment.")
}

/// The refusal when a provider answers something else than it was asked for.
pub(crate) fn malformed(_: NotTheObject) -> Refusal {
    Refusal::new(Code::ProviderError, "The provider did not give a usable answer.")
}
