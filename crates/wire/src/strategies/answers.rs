//! Whole answers.

use domain::chat::{Answer, Choice, Json, Part};
use domain::price::Tokens;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::parts::maybe;
use super::requests::{calling, spoken};
use super::{Can, Says};

/// An answer that survives being written in the protocol and read again.
pub(crate) fn answer(says: &Says) -> BoxedStrategy<Answer> {
    let choices = vec(choice(says), 1..if says.can(Can::Choices) { 3 } else { 2 });
    let tier = maybe(says, Can::AnswerServiceTier, Just("default".to_owned()));
    ("[a-z]{3}_[a-zA-Z0-9]{8}", "[a-z]{3,6}-[0-9]", choices, tokens(says), tier)
        .prop_map(|(id, model, mut choices, tokens, service_tier)| {
            let mut seen = std::collections::HashSet::new();
            for choice in &mut choices {
                choice.parts.retain(|part| match part {
                    Part::ToolCall(call) => seen.insert(call.id.clone()),
                    _ => true,
                });
            }
            choices.retain(|choice| !choice.parts.is_empty());
            Answer { id: Some(id), model: Some(model), choices, tokens: Some(tokens), service_tier }
        })
        .boxed()
}

fn choice(says: &Says) -> BoxedStrategy<Choice> {
    let logprobs = maybe(
        says,
        Can::AnswerLogprobs,
        Just(Json::new(
            r#"{"content":[{"token":"a","logprob":-0.25,"bytes":[97],"top_logprobs":[]}],"refusal":null}"#,
        )),
    );
    let plain = (spoken(says), select(says.finishes.clone()));
    let mut ways = vec![(3, plain.boxed())];
    if says.can(Can::ToolCalls) {
        ways.push((2, (calling(says), Just(says.calls_finish.clone())).boxed()));
    }
    (proptest::strategy::Union::new_weighted(ways), logprobs)
        .prop_map(|((parts, finish), logprobs)| Choice { parts, finish: Some(finish), logprobs })
        .boxed()
}

fn tokens(says: &Says) -> BoxedStrategy<Tokens> {
    let count = || 0..5_000_u64;
    let optional = |what: Can| if says.can(what) { count().boxed() } else { Just(0).boxed() };
    let kinds = (
        count(),
        optional(Can::CacheRead),
        optional(Can::CacheWrite),
        count(),
        optional(Can::ReasoningTokens),
    );
    kinds
        .prop_map(|(input, cache_read, cache_write, output, reasoning)| Tokens {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            ..Tokens::default()
        })
        .boxed()
}
