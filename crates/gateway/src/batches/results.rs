//! The files that a batch leaves behind, which belong to whoever asked for the batch: recorded before their names are told.

use std::sync::Arc;

use domain::batch::Batch;
use domain::code::Code;
use domain::file::{Content, File};
use domain::route::Connection;
use live::kept::Owner;
use wire::batch::object::{BatchObject, FileObject, read_file};

use crate::gate::Gateway;
use crate::references::unanswered;
use crate::refusal::Refusal;
use crate::upstream::{Courier, Errand};
use crate::visit::unrecorded;

/// What the provider says such files are for.
const PURPOSE: &str = "batch_output";

/// Records the files that `told` names, as far as they are not known.
pub(super) async fn note(
    gate: &Gateway,
    courier: &Courier,
    holder: &Arc<Connection>,
    batch: &Batch,
    told: &BatchObject,
) -> Result<(), Refusal> {
    if batch.name.as_deref().is_some_and(|name| name != told.id) {
        return Err(Refusal::new(Code::ProviderError, "The provider did not give a usable answer."));
    }
    let owner = Owner { org: batch.opened.org, project: batch.opened.project };
    for name in [&told.output_file, &told.error_file].into_iter().flatten() {
        let known = gate.kept.file(owner, name).await.map_err(|failed| unanswered(&failed))?;
        if known.is_some() {
            continue;
        }
        let shown = shown(courier, holder, name).await;
        let file = File {
            org: owner.org,
            project: owner.project,
            key: batch.opened.key,
            connection: batch.connection,
            name: name.clone(),
            filename: shown.filename.unwrap_or_else(|| format!("{}_results.jsonl", told.id)),
            purpose: shown.purpose.unwrap_or_else(|| PURPOSE.to_owned()),
            bytes: shown.bytes.unwrap_or(0),
            at: gate.clock.now(),
            content: Content::Results(batch.opened.call),
        };
        let ticket = gate.kept.keep_file(file).map_err(|full| {
            tracing::error!(call = %batch.opened.call, %full, "the results of a batch cannot be recorded");
            unrecorded()
        })?;
        gate.outbox.durable(ticket).await.map_err(|failed| {
            tracing::error!(call = %batch.opened.call, %failed, "the results of a batch are not synced");
            unrecorded()
        })?;
    }
    Ok(())
}

/// What its provider says of a file; nothing where it does not answer, for the name is enough.
async fn shown(courier: &Courier, holder: &Arc<Connection>, name: &str) -> FileObject {
    let answer = courier.fetch(holder, Errand::get(format!("files/{name}"))).await;
    answer.ok().and_then(|answer| read_file(&answer).ok()).unwrap_or_default()
}
