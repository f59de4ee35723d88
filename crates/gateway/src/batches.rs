//! Batches that providers work through for a project: begun once, shown by the provider that has them, and put into the
//! books when they have ended. What is another's is not there.

mod ahead;
mod create;
mod results;
mod settle;
mod used;
mod watch;

use std::sync::Arc;

use bytes::Bytes;
use domain::batch::Batch;
use domain::code::Code;
use domain::scope::Access;
use http::{Method, Response};
use hyper::body::Incoming;
use tokio::task::JoinSet;
use wire::batch::is_name;
use wire::batch::object::{self, Page};

use crate::admit::admit;
use crate::arrival::Arrival;
use crate::authenticate::authenticate;
use crate::body::Body;
use crate::cors::Reader;
use crate::gate::Gateway;
use crate::head::Head;
use crate::inline;
use crate::listing::respond;
use crate::permit::permit;
use crate::query::Query;
use crate::references::unanswered;
use crate::refusal::{Refusal, Stop};
use crate::strangers::greet;
use crate::upstream::{Courier, Errand};
use crate::visit::{Visit, malformed};

pub(crate) use ahead::Ahead;
pub use watch::{tick, watch};

/// Batches on one page of a list, for each of them is asked for at its provider.
const PAGE: u32 = 20;
/// How many of them are asked for at once.
const AT_ONCE: usize = 5;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// All batches.
    All,
    /// One.
    One(&'a str),
    /// The end of one.
    Cancel(&'a str),
}

impl<'a> Place<'a> {
    /// Reads a path without its version.
    pub(crate) fn read(rest: &'a str) -> Option<Self> {
        let below = rest.strip_prefix("/batches")?;
        if below.is_empty() {
            return Some(Self::All);
        }
        let name = below.strip_prefix('/')?;
        let (name, place): (_, fn(&'a str) -> Self) = match name.strip_suffix("/cancel") {
            Some(name) => (name, Self::Cancel),
            None => (name, Self::One),
        };
        is_name(name).then(|| place(name))
    }

    /// Whether it takes this method.
    pub(crate) fn takes(self, method: &Method) -> bool {
        match self {
            Self::All => [Method::GET, Method::POST].contains(method),
            Self::One(_) => *method == Method::GET,
            Self::Cancel(_) => *method == Method::POST,
        }
    }
}

/// Answers what is asked about batches.
pub(crate) async fn serve(
    gate: &Arc<Gateway>,
    arrival: &Arrival,
    reader: &mut Reader,
    place: Place<'_>,
    head: &Head<'_>,
    body: Incoming,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    let caller = authenticate(gate, arrival, head).await?;
    reader.narrow(gate, &caller);
    let admitted = admit(gate, arrival, &caller).await?;
    reader.permit(arrival, &caller)?;
    permit(arrival, &caller, Access::Batches)?;
    inline::refuse(head)?;
    let visit = Visit { gate, arrival, caller: &caller };
    let answer = match (place, &head.method) {
        (Place::All, &Method::POST) => create::create(&visit, head, body).await?,
        (Place::All, _) => list(&visit, head).await?.into(),
        (Place::One(name), _) => at_its_provider(&visit, name, Errand::get(path(name))).await?,
        (Place::Cancel(name), _) => {
            let errand = Errand::new(Method::POST, format!("{}/cancel", path(name)));
            at_its_provider(&visit, name, errand).await?
        }
    };
    Ok(respond(arrival, &admitted, answer))
}

/// Asks the provider of a batch for something that answers with the batch.
async fn at_its_provider(visit: &Visit<'_>, name: &str, errand: Errand) -> Result<Bytes, Stop> {
    let batch = visit.batch(name).await?;
    let holder = visit.holder(batch.connection, no_batch)?;
    let courier = visit.courier();
    let answer = courier.fetch(&holder, errand).await?;
    let told = object::read_batch(&answer).map_err(malformed)?;
    results::note(visit.gate, &courier, &holder, &batch, &told).await?;
    Ok(answer)
}

/// The project's batches: their names from the gate's own books, each as its provider shows it. One behind a connection
/// that is out of service is passed over.
async fn list(visit: &Visit<'_>, head: &Head<'_>) -> Result<Vec<u8>, Stop> {
    let query = Query::read(head.uri.query(), &["after", "limit"])?;
    let asked = query.page(PAGE)?;
    // One more than is shown tells whether another page follows.
    let page = live::kept::Page { limit: asked.limit.saturating_add(1), ..asked };
    let found = visit.kept().batches(visit.owner(), page).await;
    let mut batches = found.map_err(|failed| unanswered(&failed))?;
    let shown = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = if batches.len() > shown { Page::MoreFollows } else { Page::Last };
    batches.truncate(shown);
    let objects = objects(visit, batches).await?;
    let rows: Vec<(&str, &[u8])> =
        objects.iter().flatten().map(|(name, object)| (name.as_str(), &**object)).collect();
    Ok(object::write_batches(&rows, more))
}

/// Batches as their providers show them, in the given order.
async fn objects(visit: &Visit<'_>, batches: Vec<Batch>) -> Result<Vec<Option<(String, Bytes)>>, Stop> {
    let mut objects: Vec<Option<(String, Bytes)>> = vec![None; batches.len()];
    let mut asked = JoinSet::new();
    let mut left = batches.into_iter().enumerate();
    loop {
        while asked.len() < AT_ONCE
            && let Some((index, batch)) = left.next()
        {
            let Ok(holder) = visit.holder(batch.connection, no_batch) else { continue };
            let (gate, courier) = (Arc::clone(visit.gate), visit.courier());
            asked.spawn(async move {
                let shown = shown(&courier, &holder, &batch).await?;
                if let Some((_, told)) = &shown {
                    results::note(&gate, &courier, &holder, &batch, told).await?;
                }
                Ok::<_, Stop>((index, shown.map(|(answer, told)| (told.id, answer))))
            });
        }
        // Those that are still asked for are given up when this fails.
        let Some(done) = asked.join_next().await else { return Ok(objects) };
        let (index, object) = done
            .map_err(|_| Refusal::new(Code::Unavailable, "The batches cannot be listed at the moment."))??;
        if let Some(place) = objects.get_mut(index) {
            *place = object;
        }
    }
}

/// A batch as its provider shows it; none where it has no such batch any more.
async fn shown(
    courier: &Courier,
    holder: &Arc<domain::route::Connection>,
    batch: &Batch,
) -> Result<Option<(Bytes, object::BatchObject)>, Stop> {
    let name = batch.name.as_deref().unwrap_or_default();
    match courier.fetch(holder, Errand::get(path(name))).await {
        Ok(answer) => {
            let told = object::read_batch(&answer).map_err(malformed)?;
            Ok(Some((answer, told)))
        }
        Err(undone) if undone.effect.is_missing() => Ok(None),
        Err(undone) => Err(undone.into()),
    }
}

fn no_batch() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such batch here.").about("id")
}

fn path(name: &str) -> String {
    format!("batches/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_names() {
        let check = |path: &str, expect: Option<Place<'_>>| assert_eq!(Place::read(path), expect, "{path}");
        check("/batches", Some(Place::All));
        check("/batches/batch_1", Some(Place::One("batch_1")));
        check("/batches/batch_1/cancel", Some(Place::Cancel("batch_1")));
        check("/batches/", None);
        check("/batches//cancel", None);
        check("/batches/../files", None);
        check("/batches/batch_1/cancel/", None);
        check("/batches/batch%5F1", None);
        check("/batchesx", None);
    }

    #[test]
    fn a_batch_is_begun_shown_and_cancelled() {
        let check = |method: Method, path: &str, expect: bool| {
            assert_eq!(Place::read(path).unwrap().takes(&method), expect, "{method} {path}");
        };
        check(Method::POST, "/batches", true);
        check(Method::GET, "/batches", true);
        check(Method::DELETE, "/batches", false);
        check(Method::GET, "/batches/b", true);
        check(Method::POST, "/batches/b", false);
        check(Method::DELETE, "/batches/b", false);
        check(Method::POST, "/batches/b/cancel", true);
        check(Method::GET, "/batches/b/cancel", false);
    }
}
