//! A whole answer on its way down: counted, settled, then sent.

use bytes::Bytes;
use domain::usage::Outcome;
use http::{HeaderValue, Response, header};
use wire::openai;

use crate::body::Body;
use crate::call::{Call, Produced};
use crate::headers::{write_answer, write_cost};
use crate::refusal::Stop;

/// Settles the call and answers with the upstream's bytes as they came.
pub(crate) async fn send(
    mut call: Call,
    body: Bytes,
    answer: &openai::Answer,
) -> Result<Response<Body>, Stop> {
    let produced = Produced { tokens: answer.tokens, output_bytes: answer.output_bytes };
    let settled = call.settle(Outcome::Complete, 200, produced);
    let mut response = Response::new(Body::whole(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    write_answer(headers, &call);
    if let Some((cost, ticket)) = settled {
        write_cost(headers, cost);
        if let Err(failed) = call.gate().outbox.durable(ticket).await {
            tracing::error!(%failed, "a settlement was recorded but not yet synced to disk");
        }
    }
    Ok(response)
}
