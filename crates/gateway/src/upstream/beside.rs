//! The answer to what is no conversation: JSON, text, sound or events, by its media type. One that the endpoint does not
//! have is no answer.

use domain::usage::Surface;
use http::Response;
use http::header::CONTENT_TYPE;
use live::meters::Attempt;
use tokio::time::Instant;
use wire::flow::Flow;
use wire::surfaces::{self, Content, Reported};

use super::failure::Spoken;
use super::{Answered, Failure, Next, begin_stream, first_pieces, read_whole};
use crate::decode::Asked;
use crate::gate::Gateway;

const JSON: &str = "application/json";

/// Receives the answer in `response`, which came with a status of success.
pub(super) async fn receive(
    gate: &Gateway,
    response: Response<egress::Body>,
    asked: &Asked,
    spoken: Spoken<'_>,
    first_byte: Instant,
    whole: Instant,
) -> Result<Answered, Failure> {
    let (surface, streams) = (asked.surface, asked.facts.stream);
    match content(&response) {
        Some(Content::Events) if streams => {
            begin_stream(response, spoken, Flow::of_events(surface), first_byte).await
        }
        Some(Content::Sound(media_type)) if surface == Surface::Speech && !streams => {
            first_pieces(response, spoken, Flow::of_sound(media_type), first_byte).await
        }
        Some(Content::Text(media_type)) if surface == Surface::Transcriptions && !streams => {
            let body = read_whole(gate, response, whole).await?;
            let reported = surfaces::read_text(&body);
            Ok(Answered::Beside { body, reported, media_type })
        }
        // Models that cannot stream a transcript answer whole whoever asks.
        Some(Content::Json)
            if surface != Surface::Speech && (!streams || surface == Surface::Transcriptions) =>
        {
            let body = read_whole(gate, response, whole).await?;
            let reported = judge(surface, &body)?;
            Ok(Answered::Beside { body, reported, media_type: JSON })
        }
        _ => Err(Failure::provider(
            Next::Elsewhere,
            Attempt::Malformed,
            "the answer has a media type that this endpoint does not have",
        )),
    }
}

/// What the answer says it holds; one that does not say is taken for JSON.
fn content(response: &Response<egress::Body>) -> Option<Content> {
    match response.headers().get(CONTENT_TYPE) {
        None => Some(Content::Json),
        Some(media_type) => media_type.to_str().ok().and_then(surfaces::content),
    }
}

fn judge(surface: Surface, body: &[u8]) -> Result<Reported, Failure> {
    let reported = surfaces::read_answer(surface, body)
        .map_err(|malformed| Failure::provider(Next::Nothing, Attempt::Malformed, malformed.to_string()))?;
    if reported.answer.error.is_some() {
        return Err(Failure::provider(Next::Again, Attempt::Failed, "status 200 with an error inside"));
    }
    Ok(reported)
}
