//! A file on its way to the account that keeps it. Requests for a batch are read line by line, permitted and planned like
//! calls, for nobody reads them again before they are answered; anything else is passed on unread.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use domain::code::Code;
use domain::file::{Content, File, Requests};
use domain::route::{Connection, Offer};
use domain::scope::Access;
use domain::usage::Surface;
use http::HeaderValue;
use hyper::body::Incoming;
use wire::batch::object;
use wire::batch::requests::{self, Lines};
use wire::batch::upload::{self, Upload};
use wire::catalog;

use crate::decode::incoming;
use crate::decode::upload::{MAX_UPLOAD_BYTES, refused, unsupported};
use crate::head::Head;
use crate::permit::permit;
use crate::plan::{batched, offered, permitted};
use crate::query::Query;
use crate::references;
use crate::refusal::{Refusal, Stop};
use crate::upstream::Errand;
use crate::visit::{Visit, malformed, unrecorded};

/// What a file of requests for a batch is for.
const BATCH: &str = "batch";
/// What nothing here is for: models are not trained through the gate.
const TRAINING: &str = "fine-tune";
/// Bytes that requests for a batch may have, where the key does not allow its bodies more.
const MAX_REQUESTS_BYTES: usize = 5 << 20;

/// A file that may go where it is planned to go.
struct Planned {
    connection: Arc<Connection>,
    content: Content,
    /// The form for the provider.
    form: Bytes,
}

/// Takes a file in, and gives its object as the provider shows it.
pub(super) async fn upload(visit: &Visit<'_>, head: &Head<'_>, body: Incoming) -> Result<Bytes, Stop> {
    let query = Query::read(head.uri.query(), &["provider"])?;
    let boundary = incoming::form(head)?;
    let media_type = HeaderValue::from_str(&boundary.media_type()).map_err(|_| unsupported())?;
    let body = incoming::receive(visit.gate, head, body, MAX_UPLOAD_BYTES).await?;
    let form = upload::read(&boundary, &body).map_err(|bad| refused(&bad))?;
    let planned = match form.purpose.as_str() {
        BATCH if query.get("provider").is_some() => {
            let message =
                "Requests for a batch go where their model is: write its provider in front of its name.";
            return Err(Refusal::new(Code::InvalidRequest, message).about("provider").into());
        }
        BATCH => plan_requests(visit, &form, &body).await?,
        purpose if purpose.starts_with(TRAINING) => {
            let message = "Files for training are not taken here.";
            return Err(Refusal::new(Code::InvalidRequest, message).about("purpose").into());
        }
        _ => Planned { connection: keeper(visit, &query)?, content: Content::Opaque, form: body },
    };
    if !visit.gate.outbox.ready() {
        return Err(unrecorded().into());
    }
    let Planned { connection, content, form: outgoing } = planned;
    let errand = Errand::bring("files", outgoing, media_type);
    let answer = visit.courier().fetch(&connection, errand).await?;
    let told = object::read_file(&answer).map_err(malformed)?;
    let file = File {
        org: visit.caller.scope.org(),
        project: visit.caller.scope.project(),
        key: visit.caller.scope.key(),
        connection: connection.id,
        name: told.id,
        bytes: told.bytes.unwrap_or_else(|| u64::try_from(form.content.len()).unwrap_or(u64::MAX)),
        filename: form.filename,
        purpose: form.purpose,
        at: visit.arrival.at,
        content,
    };
    let name = file.name.clone();
    visit.recorded(visit.kept().keep_file(file)).await?;
    if !visit.kept().posted_file(visit.owner(), &name).await {
        tracing::warn!(call = %visit.arrival.call, "a file is recorded but not in lists yet");
    }
    Ok(answer)
}

/// Reads requests for a batch, and finds the connection that may have them.
async fn plan_requests(visit: &Visit<'_>, form: &Upload, body: &Bytes) -> Result<Planned, Stop> {
    let content = body.get(form.content.clone()).map(|content| body.slice_ref(content)).unwrap_or_default();
    let limit = MAX_REQUESTS_BYTES.max(visit.caller.key.limits.body_bytes as usize);
    if content.len() > limit {
        let message = format!("Requests for a batch may have at most {limit} bytes here.");
        return Err(Refusal::new(Code::BodyTooLarge, message).into());
    }
    // Apart from the thread, which serves others meanwhile: the largest file takes it a tenth of a second.
    let reading = {
        let content = content.clone();
        tokio::task::spawn_blocking(move || requests::read(&content))
    };
    let lines = reading
        .await
        .map_err(|_| Refusal::new(Code::Unavailable, "The file cannot be read at the moment."))?
        .map_err(|bad| Refusal::new(Code::InvalidRequest, format!("In the file, {bad}.")).about("file"))?;
    permit(visit.arrival, visit.caller, Access::of(lines.surface))?;
    let Offer { connection, model, .. } = plan(visit, &lines).await?;
    let content = lines.rewrite(&content, &model);
    let form = form.rewrite(body, &content).ok_or_else(|| {
        let message = "The file cannot stand in this form with the provider's name of its model.";
        Refusal::new(Code::InvalidRequest, message).about("file")
    })?;
    let requests = Requests {
        surface: lines.surface,
        model: model.to_string(),
        count: lines.count,
        input_bytes: lines.input_bytes,
    };
    Ok(Planned { connection, content: Content::Requests(requests), form })
}

/// The best offer for requests, at which everything that they name may be named.
async fn plan(visit: &Visit<'_>, lines: &Lines) -> Result<Offer, Stop> {
    let Visit { gate, caller, .. } = *visit;
    let offers = batched(&lines.model, lines.surface, offered(gate, caller, &lines.model)?)?;
    let mut offers = permitted(caller, &lines.model, offers)?;
    for named in &lines.references {
        offers = references::allowing(gate, caller, &named.reference, offers).await?;
        if offers.is_empty() {
            let place = format!("line {} of the file in ", named.line);
            return Err(references::unknown(&named.reference, &place).into());
        }
    }
    let none = || Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
    offers.into_iter().next().ok_or_else(|| none().into())
}

/// The connection that keeps files of other kinds for the caller. Where several providers would, the caller says which.
fn keeper(visit: &Visit<'_>, query: &Query<'_>) -> Result<Arc<Connection>, Stop> {
    let routes = visit.gate.snapshot.routes();
    let keeps = |connection: &&Arc<Connection>| {
        catalog::provider(&connection.provider).is_some_and(|row| row.has(Surface::Batches))
    };
    let keepers: Vec<_> = routes.serving(&visit.caller.scope).into_iter().filter(keeps).collect();
    let providers: BTreeSet<&str> = keepers.iter().map(|keeper| &*keeper.provider).collect();
    let wanted = match (query.get("provider"), providers.len()) {
        (Some(wanted), _) => wanted,
        (None, 0 | 1) => providers.first().copied().unwrap_or_default(),
        (None, _) => {
            let choices = providers.into_iter().collect::<Vec<_>>().join(", ");
            let message =
                format!("Several providers keep files here; ask with ?provider= one of: {choices}.");
            return Err(Refusal::new(Code::InvalidRequest, message).about("provider").into());
        }
    };
    let found = keepers.into_iter().find(|keeper| &*keeper.provider == wanted);
    found.cloned().ok_or_else(|| {
        let message = "There is no provider here that keeps files, or none of this name.";
        Refusal::new(Code::InvalidRequest, message).about("provider").into()
    })
}
