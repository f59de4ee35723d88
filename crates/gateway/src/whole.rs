//! A whole answer on its way down: counted, settled, then sent.

use bytes::Bytes;
use domain::price::Units;
use domain::usage::Outcome;
use http::{HeaderValue, Response, header};
use live::outbox::Ticket;
use wire::answer::Answer;

use crate::body::Body;
use crate::call::{Call, Produced};
use crate::headers::{write_answer, write_cost};
use crate::refusal::Stop;

/// A whole answer.
pub(crate) struct Whole {
    /// Its bytes, as they came or as they were translated.
    pub body: Bytes,
    /// What it says.
    pub answer: Answer,
    /// What was used and is not counted in tokens, where the provider said so.
    pub units: Option<Units>,
    /// The same, where the answer shows no more than how much it was at least.
    pub at_least: Option<Units>,
    /// Its media type.
    pub media_type: &'static str,
}

/// Settles the call and answers.
pub(crate) async fn send(mut call: Box<Call>, whole: Whole) -> Result<Response<Body>, Stop> {
    let (response, settled) = answer(&mut call, whole);
    if let Some(ticket) = settled {
        for ticket in call.answer_kept().into_iter().chain([ticket]) {
            if let Err(failed) = call.gate().outbox.durable(ticket).await {
                tracing::error!(%failed, "a settlement was recorded but not yet synced to disk");
            }
        }
    }
    Ok(response)
}

/// The answer, and what its settlement is waited for with.
fn answer(call: &mut Call, whole: Whole) -> (Response<Body>, Option<Ticket>) {
    let Whole { body, answer, units, at_least, media_type } = whole;
    if let Some(name) = &answer.kept_as {
        call.keep_answer(name);
    }
    let Answer { tokens, advice, output_bytes, .. } = answer;
    let produced = Produced { tokens, advice, units, at_least, output_bytes };
    let settled = call.settle(Outcome::Complete, 200, produced);
    let mut response = Response::new(Body::whole(body));
    let headers = response.headers_mut();
    write_answer(headers, call);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let ticket = settled.map(|(cost, ticket)| {
        write_cost(headers, cost);
        ticket
    });
    (response, ticket)
}
