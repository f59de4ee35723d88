//! What a provider keeps of earlier answers, and whoever goes on from it. An answer is its organization's and is held by
//! the account behind one connection: a request that names it goes there and nowhere else, and to somebody else it is as
//! unknown as one that never was.

use std::sync::Arc;

use domain::code::Code;
use domain::id::ProviderKeyId;
use domain::protocol::Protocol;
use domain::route::{Connection, Held, Offer};
use domain::scope::Access;
use domain::usage::Surface;
use http::{Method, Response};
use vault::digest::sha256;
use wire::request::Continued;

use crate::admit::admit;
use crate::arrival::Arrival;
use crate::authenticate::{Caller, authenticate};
use crate::body::Body;
use crate::cors::Reader;
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::head::Head;
use crate::permit::permit;
use crate::plan::{answering, permitted};
use crate::refusal::{Refusal, Stop};
use crate::strangers::greet;
use crate::upstream::{self, Courier, Errand, Exchange};
use crate::{inline, listing};

/// Bytes that the name of an answer may have in a path.
const MAX_ID_BYTES: usize = 256;
/// What a query may ask for. Streams are not among it: a whole answer is read.
const ASKABLE: [&str; 5] = ["include", "include%5B%5D", "after", "limit", "order"];

/// An answer that a path names, or what went into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept<'a> {
    /// Its name.
    pub id: &'a str,
    /// Which of the two.
    pub part: Part,
}

/// What of a kept answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The answer.
    Answer,
    /// What was asked.
    InputItems,
}

impl<'a> Kept<'a> {
    /// Reads a path without its version.
    pub(crate) fn read(rest: &'a str) -> Option<Self> {
        let name = rest.strip_prefix("/responses/")?;
        let (id, part) = match name.strip_suffix("/input_items") {
            Some(id) => (id, Part::InputItems),
            None => (name, Part::Answer),
        };
        let is_name = (1..=MAX_ID_BYTES).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        is_name.then_some(Self { id, part })
    }

    /// Whether it takes this method.
    pub(crate) fn takes(self, method: &Method) -> bool {
        *method == Method::GET || (*method == Method::DELETE && self.part == Part::Answer)
    }

    fn path(self) -> String {
        let below = if self.part == Part::InputItems { "/input_items" } else { "" };
        format!("{}/{}{below}", Surface::Responses.path(), self.id)
    }
}

/// Shows or removes a kept answer.
pub(crate) async fn serve(
    gate: &Arc<Gateway>,
    arrival: &Arrival,
    reader: &mut Reader,
    kept: Kept<'_>,
    head: &Head<'_>,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    let caller = authenticate(gate, arrival, head).await?;
    reader.narrow(gate, &caller);
    let admitted = admit(gate, arrival, &caller).await?;
    reader.permit(arrival, &caller)?;
    permit(arrival, &caller, Access::of(Surface::Responses))?;
    inline::refuse(head)?;
    let path = match head.uri.query() {
        Some(query) => format!("{}?{}", kept.path(), askable(query)?),
        None => kept.path(),
    };
    let unknown = || Refusal::new(Code::NotFound, "There is no such response here.").about("id");
    let connection = held(gate, &caller, kept.id, unknown).await?;
    let errand = Errand::new(head.method.clone(), path);
    let body = Courier::of(gate, arrival).fetch(&connection, errand).await?;
    Ok(listing::respond(arrival, &admitted, body))
}

/// A query that asks only for what is known, in plain words, as a target takes it.
fn askable(query: &str) -> Result<String, Refusal> {
    let query = query.replace("[]=", "%5B%5D=").replace("%5b%5d=", "%5B%5D=");
    let plain = |value: &str| {
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let known = |member: &str| {
        member.split_once('=').is_some_and(|(name, value)| ASKABLE.contains(&name) && plain(value))
    };
    if query.split('&').all(known) {
        return Ok(query);
    }
    let message = "A query here may have after, include, limit and order alone, each with a plain value.";
    Err(Refusal::new(Code::InvalidRequest, message))
}

/// The connection that a request is bound to, because it goes on from what is kept there; none for one that goes on
/// from nothing.
pub(crate) async fn pinned(
    gate: &Gateway,
    caller: &Caller,
    asked: &Asked,
) -> Result<Option<Arc<Connection>>, Stop> {
    match &asked.facts.continues {
        None => Ok(None),
        Some(Continued::Answer(id)) => {
            let unknown = || {
                let message = "The response that previous_response_id names is not found here.";
                Refusal::new(Code::PreviousResponseNotFound, message).about("previous_response_id")
            };
            held(gate, caller, id, unknown).await.map(Some)
        }
        // Conversations cannot be made through the gate, so that none is anybody's.
        Some(Continued::Conversation(_)) => {
            Err(Refusal::new(Code::NotFound, "There is no such conversation here.")
                .about("conversation")
                .into())
        }
    }
}

/// The offers of `connection`, which alone may answer; never none.
pub(crate) fn plan(
    gate: &Gateway,
    caller: &Caller,
    asked: &Asked,
    connection: &Connection,
) -> Result<Vec<Offer>, Stop> {
    let name = asked.facts.model.as_str();
    let routes = gate.snapshot.routes();
    let here = |name: &str| -> Vec<Offer> {
        let mut offers = routes.plan(name, &caller.scope).unwrap_or_default();
        offers.retain(|offer| {
            offer.connection.id == connection.id
                && upstream::exchange(offer, asked.surface)
                    == Some(Exchange::Conversation(Protocol::Responses))
        });
        offers
    };
    let mut offers = here(name);
    if offers.is_empty() {
        // A bare name that several offer is this one's here.
        offers = here(&format!("{}/{name}", connection.provider));
    }
    if offers.is_empty() {
        let message = format!(
            "The previous response is kept by {}, through a connection that does not offer you the model `{name}`.",
            connection.provider
        );
        return Err(Refusal::new(Code::InvalidRequest, message).about("model").into());
    }
    permitted(caller, name, answering(asked, offers)?)
}

/// The connection that keeps the answer `id` of the caller's organization.
async fn held(
    gate: &Gateway,
    caller: &Caller,
    id: &str,
    unknown: impl Fn() -> Refusal,
) -> Result<Arc<Connection>, Stop> {
    let found: Option<ProviderKeyId> =
        gate.answers.find(caller.scope.org(), &sha256(id.as_bytes())).await.map_err(|failed| {
            tracing::error!(cause = %failed, "a kept answer could not be looked up");
            Refusal::new(Code::Unavailable, "Kept responses cannot be looked up at the moment.")
        })?;
    let connection = found.ok_or_else(&unknown)?;
    match gate.snapshot.routes().connection(connection, &caller.scope) {
        Held::By(connection) => Ok(Arc::clone(connection)),
        Held::NotTheirs => Err(unknown().into()),
        Held::OutOfService => {
            let message = "The connection that keeps this response is not in service, and no other has it.";
            Err(Refusal::new(Code::NoAvailableRoute, message).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_names() {
        let check = |path: &str, expect: Option<(&str, Part)>| {
            assert_eq!(Kept::read(path).map(|kept| (kept.id, kept.part)), expect, "{path}");
        };
        check("/responses/resp_1-a", Some(("resp_1-a", Part::Answer)));
        check("/responses/resp_1/input_items", Some(("resp_1", Part::InputItems)));
        check("/responses/", None);
        check("/responses", None);
        check("/responses//input_items", None);
        check("/responses/../files", None);
        check("/responses/..", None);
        check("/responses/resp_1/cancel", None);
        check("/responses/resp%5F1", None);
        check(&format!("/responses/{}", "x".repeat(257)), None);
    }

    #[test]
    fn a_kept_answer_is_shown_and_removed() {
        let check = |method: Method, path: &str, expect: bool| {
            assert_eq!(Kept::read(path).unwrap().takes(&method), expect, "{method} {path}");
        };
        check(Method::GET, "/responses/r", true);
        check(Method::DELETE, "/responses/r", true);
        check(Method::POST, "/responses/r", false);
        check(Method::GET, "/responses/r/input_items", true);
        check(Method::DELETE, "/responses/r/input_items", false);
    }

    #[test]
    fn a_query_asks_for_what_is_known() {
        let check = |query: &str, expect: bool| assert_eq!(askable(query).is_ok(), expect, "{query}");
        check("limit=2&order=asc&after=item_1&include[]=reasoning.encrypted_content", true);
        check("include%5B%5D=a&include%5b%5d=b&include=c", true);
        check("limit", false);
        check("limit=", false);
        check("after=%2F..", false);
        check("stream=true", false);
        check("limit=2&x", false);
        check("", false);
    }
}
