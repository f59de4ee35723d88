//! One request, top to bottom. The order is the security argument: nothing that costs money or touches a secret
//! happens before the line that allows it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use domain::code::Code;
use domain::scope::Access;
use http::{HeaderValue, Request, Response, Version, header};
use hyper::body::Incoming;

use crate::admit::admit;
use crate::arrival::Arrival;
use crate::authenticate::authenticate;
use crate::body::Body;
use crate::cors::{self, Reader};
use crate::decode::decode;
use crate::dispatch::dispatch;
use crate::gate::Gateway;
use crate::head::Head;
use crate::hold::hold;
use crate::permit::permit;
use crate::plan::plan;
use crate::refusal::{Refusal, Stop};
use crate::strangers::greet;
use crate::surface::{Endpoint, Route, route};
use crate::{batches, files, framing, inline, listing, references, relay, stateful, strangers};

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(crate) struct HangUp;

/// Whether there is room for one more request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// There is.
    Bearable,
    /// As many are in flight as may be; only questions for health are answered.
    Full,
}

/// Answers one request. Every way out passes here, so that none leaves without its request id.
pub(crate) async fn serve(
    gate: Arc<Gateway>,
    peer: IpAddr,
    load: Load,
    request: Request<Incoming>,
) -> Result<Response<Body>, HangUp> {
    let (parts, body) = request.into_parts();
    let head = Head::of(&parts);
    let arrival = Arrival::note(&gate, peer, &head).map_err(|_| HangUp)?;
    let mut reader = Reader::note(&gate, &head);
    if let Err(refusal) = framing::check(&head) {
        gate.meters.refused(refusal.code());
        let mut response = closing(&head, arrival.refuse(refusal));
        reader.mark(response.headers_mut());
        return Ok(response);
    }
    let answered = match route(&head.method, head.uri.path()) {
        Route::Live => Ok(plain(Bytes::from_static(b"ok"))),
        Route::Ready if gate.ready() => Ok(plain(Bytes::from_static(b"ready"))),
        Route::Ready => Err(Refusal::new(Code::Unavailable, "The gate takes no calls at the moment.").into()),
        _ if load == Load::Full => {
            Err(Refusal::new(Code::Unavailable, "The gate serves as many requests as it can.").into())
        }
        _ if cors::is_preflight(&head) => cors::preflight(&gate, &arrival, &reader, &head).await,
        Route::Call(endpoint) => call(&gate, &arrival, &mut reader, endpoint, &head, body).await,
        // Boxed because they are large and rare: a call is to take no more room than it needs.
        Route::Kept(kept) => Box::pin(stateful::serve(&gate, &arrival, &mut reader, kept, &head)).await,
        Route::Files(place) => Box::pin(files::serve(&gate, &arrival, &mut reader, place, &head, body)).await,
        Route::Batches(place) => {
            Box::pin(batches::serve(&gate, &arrival, &mut reader, place, &head, body)).await
        }
        Route::Models => listing::all(&gate, &arrival, &mut reader, &head).await,
        Route::Model(name) => listing::one(&gate, &arrival, &mut reader, &head, name).await,
        Route::SecurityTxt => match &gate.security_txt {
            Some(text) => Ok(plain(text.clone())),
            None => Err(strangers::stray(&gate, &arrival, nothing_here()).await),
        },
        Route::WrongMethod => {
            let refusal = Refusal::new(Code::MethodNotAllowed, "This path does not take this method.");
            Err(strangers::stray(&gate, &arrival, refusal).await)
        }
        Route::Unknown => Err(strangers::stray(&gate, &arrival, nothing_here()).await),
    };
    let mut response = answered.or_else(|stop| match stop {
        Stop::Refused(refusal) => {
            gate.meters.refused(refusal.code());
            Ok(arrival.refuse(refusal))
        }
        Stop::HangUp => Err(HangUp),
    })?;
    reader.mark(response.headers_mut());
    Ok(response)
}

/// A call to a model: each line earns what the next one needs.
async fn call(
    gate: &Arc<Gateway>,
    arrival: &Arrival,
    reader: &mut Reader,
    endpoint: Endpoint<'_>,
    head: &Head<'_>,
    body: Incoming,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    let caller = authenticate(gate, arrival, head).await?;
    reader.narrow(gate, &caller);
    let admitted = admit(gate, arrival, &caller).await?;
    reader.permit(arrival, &caller)?;
    permit(arrival, &caller, Access::of(endpoint.surface))?;
    let brought = inline::brought(&caller, head)?;
    let mut asked = decode(gate, &caller, endpoint, head, body).await?;
    // The content guards (screen) and the session governor (govern) take their place here, before a route is
    // chosen and before anything is held or sent.
    let (offers, key) = match &brought {
        None => match stateful::pinned(gate, &caller, &asked).await? {
            None => (plan(gate, &caller, &asked)?, None),
            Some(connection) => (stateful::plan(gate, &caller, &asked, &connection)?, None),
        },
        Some(brought) => {
            let (offers, key) = inline::plan(gate, &caller, &asked, brought)?;
            (offers, Some(key))
        }
    };
    let offers = references::bind(gate, &caller, &asked.facts.references, offers).await?;
    asked.neutralise(&offers)?;
    let held = hold(gate, arrival, &caller, admitted, &asked).await?;
    let reply = dispatch(gate, held.bringing(key), offers, &asked).await?;
    let dialect = asked.surface.dialect();
    drop(asked);
    relay::relay(gate, reply, dialect).await
}

fn nothing_here() -> Refusal {
    Refusal::new(Code::NotFound, "There is nothing at this path.")
}

/// Ends an HTTP/1 connection after this answer.
fn closing(head: &Head<'_>, mut response: Response<Body>) -> Response<Body> {
    if head.version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn plain(text: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
