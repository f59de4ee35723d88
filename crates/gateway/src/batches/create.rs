//! The beginning of a batch: recorded before its provider is asked, asked once, and recorded again by its name. Whatever
//! happens in between, the watcher finds it.

use std::sync::Arc;

use bytes::Bytes;
use domain::batch::Batch;
use domain::code::Code;
use domain::file::{Content, Requests};
use domain::route::{Connection, Offer};
use domain::scope::Access;
use domain::usage::{CallOpened, Outcome, Surface};
use http::HeaderValue;
use hyper::body::Incoming;
use wire::batch::create::{self, Create};
use wire::batch::object;

use super::settle;
use super::used::Used;
use crate::decode::{incoming, refused};
use crate::head::Head;
use crate::permit::permit;
use crate::plan::{batched, offered, permitted};
use crate::refusal::{Refusal, Stop};
use crate::upstream::{Effect, Errand};
use crate::visit::{Visit, malformed, no_file, unrecorded};

/// Where a request names the file.
const INPUT: &str = "input_file_id";

/// Begins a batch, and gives its object as the provider shows it.
pub(super) async fn create(visit: &Visit<'_>, head: &Head<'_>, body: Incoming) -> Result<Bytes, Stop> {
    incoming::json(head)?;
    let limit = visit.caller.key.limits.body_bytes as usize;
    let body = incoming::receive(visit.gate, head, body, limit).await?;
    let asked = create::read(&body).map_err(refused)?;
    permit(visit.arrival, visit.caller, Access::of(asked.surface))?;
    let (holder, requests) = input(visit, &asked).await?;
    let offer = still_offered(visit, &holder, &requests)?;
    let batch = opened(visit, &offer, asked.input_file, requests);
    visit.recorded(visit.kept().keep_batch(batch.clone())).await?;
    let errand = Errand::bring("batches", body, HeaderValue::from_static("application/json"));
    let answer = match visit.courier().fetch(&holder, errand).await {
        Ok(answer) => answer,
        Err(undone) if undone.effect == Effect::Unknown => return Err(undone.refusal.once().into()),
        Err(undone) => {
            settle::book(visit.gate, &batch, Outcome::Failed, Used::default());
            return Err(undone.into());
        }
    };
    let told = object::read_batch(&answer).map_err(|not_one| malformed(not_one).once())?;
    let named = Batch { name: Some(told.id), ..batch };
    let (call, ticket) = (named.opened.call, visit.kept().keep_batch(named));
    if ticket.is_ok() {
        visit.gate.ahead.name(call, visit.gate.clock.now());
    }
    visit.recorded(ticket).await.map_err(|_| unrecorded().once())?;
    Ok(answer)
}

/// The connection that holds the file, and the requests in it.
async fn input(visit: &Visit<'_>, asked: &Create) -> Result<(Arc<Connection>, Requests), Stop> {
    let file = visit.file(&asked.input_file, INPUT).await?;
    let Content::Requests(requests) = file.content else {
        let message = "This file holds no requests for a batch: bring them with the purpose `batch`.";
        return Err(Refusal::new(Code::InvalidRequest, message).about(INPUT).into());
    };
    if requests.surface != asked.surface {
        let message = "The requests in this file are for another endpoint.";
        return Err(Refusal::new(Code::InvalidRequest, message).about("endpoint").into());
    }
    Ok((visit.holder(file.connection, || no_file(INPUT))?, requests))
}

/// The offer of the model that the requests name, at the connection that holds them: what was permitted when the file was
/// brought need not be permitted now.
fn still_offered(visit: &Visit<'_>, holder: &Connection, requests: &Requests) -> Result<Offer, Stop> {
    let Visit { gate, caller, .. } = *visit;
    let name = format!("{}/{}", holder.provider, requests.model);
    let offers = batched(&name, requests.surface, offered(gate, caller, &name)?)?;
    let mut here = permitted(caller, &name, offers)?;
    here.retain(|offer| offer.connection.id == holder.id);
    here.into_iter().next().ok_or_else(|| {
        let message =
            format!("The file is kept by a connection that no longer offers you the model `{name}`.");
        Refusal::new(Code::InvalidRequest, message).about(INPUT).into()
    })
}

fn opened(visit: &Visit<'_>, offer: &Offer, input_file: String, requests: Requests) -> Batch {
    let Visit { arrival, caller, .. } = *visit;
    let Offer { connection, facts, .. } = offer;
    Batch {
        opened: CallOpened {
            call: arrival.call,
            org: caller.scope.org(),
            project: caller.scope.project(),
            key: caller.scope.key(),
            surface: Surface::Batches,
            started_at: arrival.at,
            // A batch may last longer than traces are kept.
            trace: None,
        },
        connection: connection.id,
        route_mode: connection.owner.mode(),
        provider: connection.provider.to_string(),
        input_file,
        requests,
        pricing: facts.batch_pricing(),
        price_version: facts.price_version.to_string(),
        name: None,
    }
}
