//! Whether what an upstream answered whole is an answer, and that answer as the caller expects it.

use bytes::Bytes;
use domain::protocol::Protocol;
use domain::usage::Surface;
use live::meters::Attempt;
use wire::answer::{Answer, Malformed};
use wire::dialect::gemini::embed;
use wire::dialect::{self, Echo, anthropic, gemini};

use super::{Answered, Exchange, Failure, Next};
use crate::decode::Asked;
use crate::surface::GoogleMethod;

/// Judges `body`, which came with a status of success.
pub(super) fn judge(
    exchange: Exchange,
    asked: &Asked,
    body: Bytes,
    echo: &Echo<'_>,
) -> Result<Answered, Failure> {
    let (answer, body) = read(exchange, asked, body, echo)
        .map_err(|malformed| Failure::provider(Next::Nothing, Attempt::Malformed, malformed.to_string()))?;
    if answer.error.is_some() {
        return Err(Failure::provider(Next::Again, Attempt::Failed, "status 200 with an error inside"));
    }
    Ok(Answered::Whole { body, answer })
}

fn read(
    exchange: Exchange,
    asked: &Asked,
    body: Bytes,
    echo: &Echo<'_>,
) -> Result<(Answer, Bytes), Malformed> {
    let caller = asked.protocol();
    match exchange {
        Exchange::Conversation(upstream) => {
            let mut answer = dialect::read_answer(upstream, asked.surface, &body)?;
            if caller != Some(upstream) {
                // Whoever speaks another protocol is not told of the name.
                answer.kept_as = None;
            }
            let body = match caller {
                Some(caller) if caller != upstream && answer.error.is_none() => {
                    dialect::translate_answer(upstream, caller, &body, echo)?.into()
                }
                _ => body,
            };
            Ok((answer, body))
        }
        Exchange::Count(upstream) => {
            let count = match upstream {
                Protocol::Gemini => gemini::read_count_answer(&body),
                _ => anthropic::read_count_answer(&body),
            };
            let count = count.ok_or(Malformed::NotAnAnswer)?;
            let body = match caller {
                Some(caller) if caller == upstream => body,
                Some(Protocol::Gemini) => gemini::write_count_answer(count).into(),
                _ => anthropic::write_count_answer(count).into(),
            };
            Ok((Answer::default(), body))
        }
        Exchange::OpenAi if asked.surface == Surface::EmbedContent => {
            let answer = dialect::read_answer(Protocol::Chat, Surface::Embeddings, &body)?;
            let many = match asked.method {
                Some(GoogleMethod::EmbedBatch) => embed::Asked::Many,
                _ => embed::Asked::One,
            };
            Ok((answer, embed::from_openai(&body, many)?.into()))
        }
        Exchange::OpenAi => Ok((dialect::read_answer(Protocol::Chat, asked.surface, &body)?, body)),
        // Google does not say how many tokens it read: the bytes of the input tell.
        Exchange::GoogleEmbeddings if asked.surface == Surface::Embeddings => {
            let body = embed::to_openai_answer(&body, echo)?;
            Ok((Answer::default(), body.into()))
        }
        Exchange::GoogleEmbeddings => {
            let rows = embed::to_openai_answer(&body, echo)?;
            // One embedding of a model that is called otherwise here was asked for as a list of one.
            let is_list_of_one = asked.method == Some(GoogleMethod::Embed) && asked.facts.model != echo.model;
            let body =
                if is_list_of_one { embed::from_openai(&rows, embed::Asked::One)?.into() } else { body };
            Ok((Answer::default(), body))
        }
    }
}
