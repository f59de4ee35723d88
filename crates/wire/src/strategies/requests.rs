//! Whole requests.

use domain::chat::{
    CacheMark, Effort, Format, Function, Part, Request, Role, Sampling, Shown, Thinking, Tool, ToolCall,
    ToolChoice, ToolResult, Turn,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::parts::{cache, call, maybe, media, name, object, picture, said, schema, text, thought, words};
use super::{Can, Says};

/// A request that survives being written in the protocol and read again.
pub(crate) fn request(says: &Says) -> BoxedStrategy<Request> {
    let owned = says.clone();
    (turns(says), tools(says), settings(says), form(says), small(says))
        .prop_map(move |(turns, tools, settings, form, small)| {
            let mut request = Request { turns, ..settings };
            request.tool_choice = tool_choice(&owned, &tools, small.choice);
            request.parallel_tool_calls = small.parallel.filter(|_| !tools.is_empty());
            request.tools = tools.into_iter().map(Tool::Function).collect();
            (request.format, request.thinking) = form;
            request
        })
        .boxed()
}

fn turns(says: &Says) -> BoxedStrategy<Vec<Turn>> {
    let parts = if says.can(Can::SystemParts) { 1..3 } else { 1..2 };
    let mut speakers = vec![Role::System];
    if says.can(Can::Developer) {
        speakers.push(Role::Developer);
    }
    let instructions =
        (select(speakers), vec(text(says), parts)).prop_map(|(role, parts)| turn(role, parts)).boxed();
    let first = vec(instructions.clone(), 0..if says.can(Can::System) { 2 } else { 1 });
    let mut blocks: Vec<(u32, BoxedStrategy<Vec<Turn>>)> = vec![
        (4, user(says).prop_map(|turn| vec![turn]).boxed()),
        (2, spoken(says).prop_map(|parts| vec![turn(Role::Assistant, parts)]).boxed()),
    ];
    if says.can(Can::ToolCalls) {
        blocks.push((3, round(says)));
    }
    if says.can(Can::SystemAmid) {
        blocks.push((1, instructions.prop_map(|turn| vec![turn]).boxed()));
    }
    let rest = vec(proptest::strategy::Union::new_weighted(blocks), 0..4);
    let any_first = says.can(Can::AssistantFirst);
    (first, user(says), rest, any::<bool>())
        .prop_map(move |(first, opening, rest, without)| {
            let opening = (!(without && any_first) || rest.is_empty()).then_some(opening);
            let mut turns: Vec<Turn> =
                first.into_iter().chain(opening).chain(rest.into_iter().flatten()).collect();
            make_ids_unique(&mut turns);
            turns
        })
        .boxed()
}

/// Calls of one conversation never share an id.
fn make_ids_unique(turns: &mut [Turn]) {
    let mut seen = std::collections::HashSet::new();
    for turn in turns.iter_mut() {
        turn.parts.retain(|part| match part {
            Part::ToolCall(call) => seen.insert(call.id.clone()),
            _ => true,
        });
    }
    let mut answered = std::collections::HashSet::new();
    for turn in turns {
        turn.parts.retain(|part| match part {
            Part::ToolResult(result) => answered.insert(result.id.clone()),
            _ => true,
        });
        if turn.parts.is_empty() {
            turn.parts.push(Part::text("again"));
        }
    }
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, name: None, parts }
}

fn user(says: &Says) -> BoxedStrategy<Turn> {
    let part = match media(says) {
        Some(media) => prop_oneof![3 => text(says), 1 => media].boxed(),
        None => text(says).boxed(),
    };
    let parts =
        if says.can(Can::UserParts) { vec(part, 1..4).boxed() } else { vec(text(says), 1..2).boxed() };
    (parts, maybe(says, Can::TurnName, name()))
        .prop_map(|(parts, name)| Turn { role: Role::User, name, parts })
        .boxed()
}

/// What a model says in one turn, calls left out.
pub(super) fn spoken(says: &Says) -> BoxedStrategy<Vec<Part>> {
    let thoughts = match (says.can(Can::Reasoning), says.can(Can::SeveralThoughts)) {
        (false, _) => vec(thought(says), 0..1),
        (true, false) => vec(thought(says), 0..2),
        (true, true) => vec(thought(says), 0..3),
    };
    let texts = vec(said(says), 1..if says.can(Can::SeveralTexts) { 3 } else { 2 }).boxed();
    let pictures = vec(picture(), 0..if says.can(Can::ImageSaid) { 2 } else { 1 });
    let mut words_or_refusal = vec![(4, texts)];
    if says.can(Can::Refusal) {
        words_or_refusal.push((1, words().prop_map(|words| vec![Part::Refusal(words)]).boxed()));
    }
    (thoughts, proptest::strategy::Union::new_weighted(words_or_refusal), pictures)
        .prop_map(|(thoughts, said, pictures)| thoughts.into_iter().chain(said).chain(pictures).collect())
        .boxed()
}

/// Calls of tools, with what is said before them.
pub(super) fn calling(says: &Says) -> BoxedStrategy<Vec<Part>> {
    let thoughts = vec(thought(says), 0..if says.can(Can::Reasoning) { 2 } else { 1 });
    let texts = vec(said(says), 0..if says.can(Can::TextBesideCalls) { 2 } else { 1 });
    let calls = vec(call(says), 1..if says.can(Can::ParallelCalls) { 4 } else { 2 });
    (thoughts, texts, calls)
        .prop_map(|(thoughts, texts, mut calls)| {
            let mut seen = std::collections::HashSet::new();
            calls.retain(|call| seen.insert(call.id.clone()));
            thoughts.into_iter().chain(texts).chain(calls.into_iter().map(Part::ToolCall)).collect()
        })
        .boxed()
}

/// One round of tools: the calls, and their results in one turn.
fn round(says: &Says) -> BoxedStrategy<Vec<Turn>> {
    let owned = says.clone();
    let result = (result_parts(says), any::<bool>(), cache(says));
    let after = vec(text(says), 0..if says.can(Can::TextAfterResults) { 2 } else { 1 });
    (calling(says), vec(result, 4), after)
        .prop_map(move |(parts, results, after)| {
            let calls = parts.iter().filter_map(|part| match part {
                Part::ToolCall(call) => Some(call),
                _ => None,
            });
            let answered = |(call, (parts, is_error, cache)): (&ToolCall, _)| {
                Part::ToolResult(ToolResult {
                    id: call.id.clone(),
                    name: owned.can(Can::ResultName).then(|| call.name.clone()),
                    parts,
                    is_error: is_error && owned.can(Can::ResultError),
                    cache,
                })
            };
            let results = calls.zip(results).map(answered).chain(after).collect();
            vec![turn(Role::Assistant, parts), turn(Role::User, results)]
        })
        .boxed()
}

fn result_parts(says: &Says) -> BoxedStrategy<Vec<Part>> {
    let plain = prop_oneof![words(), object()].prop_map(Part::text).boxed();
    let part = if says.can(Can::ResultImages) { prop_oneof![plain, picture()].boxed() } else { plain };
    vec(part, if says.can(Can::ResultParts) { 0..3 } else { 1..2 }).boxed()
}

fn tools(says: &Says) -> BoxedStrategy<Vec<Function>> {
    if !says.can(Can::ToolCalls) {
        return Just(vec![]).boxed();
    }
    let parameters = if says.can(Can::ToolWithoutParameters) {
        proptest::option::of(schema()).boxed()
    } else {
        schema().prop_map(Some).boxed()
    };
    let strict = maybe(says, Can::ToolStrict, any::<bool>());
    let mark = maybe(says, Can::CacheTools, Just(CacheMark::FiveMinutes));
    let tool = (name(), proptest::option::of(words()), parameters, strict, mark).prop_map(
        |(name, description, parameters, strict, cache)| Function {
            name,
            description,
            parameters,
            strict,
            cache,
        },
    );
    vec(tool, 0..4)
        .prop_map(|mut tools| {
            let mut seen = std::collections::HashSet::new();
            tools.retain(|tool| seen.insert(tool.name.clone()));
            tools
        })
        .boxed()
}

/// What is chosen among the tools, by a number.
fn tool_choice(says: &Says, tools: &[Function], number: u8) -> ToolChoice {
    let Some(first) = tools.first() else { return ToolChoice::Auto };
    let names = || tools.iter().take(2).map(|tool| tool.name.clone()).collect::<Vec<_>>();
    match number % 6 {
        0 => ToolChoice::None,
        1 => ToolChoice::Required,
        2 if says.can(Can::ToolNamed) => ToolChoice::Named(first.name.clone()),
        3 if says.can(Can::ToolAmong) && tools.len() > 1 => {
            ToolChoice::Among { names: names(), required: true }
        }
        4 if says.can(Can::ToolAmongFree) => ToolChoice::Among { names: names(), required: false },
        _ => ToolChoice::Auto,
    }
}

#[derive(Debug, Clone)]
struct Small {
    choice: u8,
    parallel: Option<bool>,
}

fn small(says: &Says) -> BoxedStrategy<Small> {
    (any::<u8>(), maybe(says, Can::ParallelToolCalls, any::<bool>()))
        .prop_map(|(choice, parallel)| Small { choice, parallel })
        .boxed()
}

fn settings(says: &Says) -> BoxedStrategy<Request> {
    let tenth = || (0..=10_u8).prop_map(|tenths| f64::from(tenths) / 10.0);
    let sampling =
        (
            maybe(says, Can::Temperature, tenth()),
            maybe(says, Can::TopP, tenth()),
            maybe(says, Can::TopK, 1..100_u64),
            maybe(says, Can::Penalties, tenth()),
            maybe(says, Can::Penalties, tenth()),
            maybe(says, Can::Seed, 0..i64::from(i32::MAX)),
        )
            .prop_map(|(temperature, top_p, top_k, frequency_penalty, presence_penalty, seed)| {
                Sampling { temperature, top_p, top_k, frequency_penalty, presence_penalty, seed }
            });
    let stop = maybe(says, Can::Stop, vec("[A-Z#]{1,6}", 1..4));
    let words = (
        maybe(says, Can::Verbosity, select(vec!["low".to_owned(), "medium".to_owned(), "high".to_owned()])),
        maybe(says, Can::User, name()),
        maybe(says, Can::CacheKey, name()),
        maybe(says, Can::ServiceTier, select(vec!["auto".to_owned(), "default".to_owned()])),
        maybe(says, Can::Modalities, Just(vec!["text".to_owned(), "image".to_owned()])),
    );
    let numbers = (
        proptest::option::of(5_000..60_000_u64),
        maybe(says, Can::Choices, 2..4_u32),
        maybe(says, Can::Logprobs, 0..6_u32),
        maybe(says, Can::Stream, Just(())),
    );
    (sampling, stop, words, numbers)
        .prop_map(|(sampling, stop, words, (max_output_tokens, choices, logprobs, stream))| Request {
            sampling,
            stop: stop.unwrap_or_default(),
            verbosity: words.0,
            user: words.1,
            cache_key: words.2,
            service_tier: words.3,
            modalities: words.4.unwrap_or_default(),
            max_output_tokens,
            choices,
            logprobs,
            stream: stream.is_some(),
            ..Request::default()
        })
        .boxed()
}

fn form(says: &Says) -> BoxedStrategy<(Format, Option<Thinking>)> {
    let mut forms = vec![Just(Format::Text).boxed()];
    if says.can(Can::FormatJson) {
        forms.push(Just(Format::Json).boxed());
    }
    if says.can(Can::FormatSchema) {
        let named =
            if says.can(Can::SchemaName) { name().prop_map(Some).boxed() } else { Just(None).boxed() };
        let described = maybe(says, Can::SchemaDescription, words());
        let strict = maybe(says, Can::SchemaStrict, any::<bool>());
        let schema = (named, described, schema(), strict).prop_map(|(name, description, schema, strict)| {
            Format::Schema { name, description, schema, strict }
        });
        forms.push(schema.boxed());
    }
    let efforts = vec![Effort::Minimal, Effort::Low, Effort::Medium, Effort::High];
    let mut ways = Vec::new();
    if says.can(Can::Effort) {
        let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
        ways.push(select(efforts).prop_map(effort).boxed());
    }
    if says.can(Can::Budget) {
        let budget = |budget| Thinking { budget_tokens: Some(budget), ..Thinking::default() };
        ways.push((1_024..5_000_u64).prop_map(budget).boxed());
    }
    if says.can(Can::Dynamic) {
        ways.push(Just(Thinking { dynamic: true, ..Thinking::default() }).boxed());
    }
    let thinking = if ways.is_empty() {
        Just(None).boxed()
    } else {
        let shown =
            if says.can(Can::Shown) { vec![Shown::Default, Shown::Summary] } else { vec![Shown::Default] };
        let whole = (proptest::strategy::Union::new(ways), select(shown))
            .prop_map(|(thinking, shown)| Thinking { shown, ..thinking });
        proptest::option::of(whole).boxed()
    };
    (proptest::strategy::Union::new(forms), thinking).boxed()
}
