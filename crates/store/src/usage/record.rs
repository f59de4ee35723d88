//! One record of a call as a row, written and read: the one place that knows the columns of the books.

use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::usage::{CallOpened, CallSettled, Outcome, RouteMode, Surface, UsageSource};

use crate::db::ReadFailed;
use crate::db::row::Row;
use crate::db::statement::Bind;
use crate::traces;

/// The columns to read.
pub(super) const COLUMNS: &str = "SELECT call_id, org_id, project_id, key_id, surface, provider_key_id, route_mode, \
    provider, model, outcome, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, \
    audio_tokens, cache_write_1h_tokens, image_tokens, pictures, sound_ms, characters, searches, source, cost_nanos, \
    pricing, price_version, started_at, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms";

/// The columns to write, in the order of [`write`].
pub(super) const INSERT: &str = "INSERT INTO usage (call_id, org_id, project_id, key_id, surface, provider_key_id, \
    route_mode, provider, model, outcome, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, \
    reasoning_tokens, audio_tokens, cache_write_1h_tokens, image_tokens, pictures, sound_ms, characters, searches, source, \
    cost_nanos, pricing, price_version, started_at) VALUES ";

/// The values of `call`.
pub(super) fn write(call: &CallSettled) -> [Bind; 27] {
    let CallOpened { call: id, org, project, key, surface, started_at, trace: _ } = &call.opened;
    let (tokens, units) = (&call.tokens, &call.units);
    [
        id.to_string().into(),
        org.to_string().into(),
        project.to_string().into(),
        key.to_string().into(),
        surface.word().into(),
        call.provider_key.map(|id| id.to_string()).into(),
        call.route_mode.map(|mode| mode.word().to_owned()).into(),
        call.provider.as_str().into(),
        call.model.as_str().into(),
        call.outcome.word().into(),
        count(tokens.input).into(),
        count(tokens.cache_read).into(),
        count(tokens.cache_write).into(),
        count(tokens.output).into(),
        count(tokens.reasoning).into(),
        count(tokens.audio).into(),
        count(tokens.cache_write_1h).into(),
        count(tokens.image).into(),
        count(units.pictures).into(),
        count(units.sound_ms).into(),
        count(units.characters).into(),
        count(units.searches).into(),
        call.source.word().into(),
        call.cost.nanos().into(),
        call.pricing.as_str().into(),
        call.price_version.as_str().into(),
        (*started_at).into(),
    ]
}

/// Reads what [`write`] wrote, with the trace that is still kept of it.
pub(super) fn read(row: &Row) -> Result<CallSettled, ReadFailed> {
    let opened = CallOpened {
        call: row.parse("call_id")?,
        org: row.parse("org_id")?,
        project: row.parse("project_id")?,
        key: row.parse("key_id")?,
        surface: row.read("surface", surface)?,
        started_at: row.time("started_at")?,
        trace: traces::read(row)?,
    };
    let route_mode: Option<String> = row.get("route_mode")?;
    Ok(CallSettled {
        opened,
        provider_key: row.parse_optional("provider_key_id")?,
        // A mode of a newer release is none that this one knows.
        route_mode: route_mode.as_deref().and_then(RouteMode::parse),
        provider: row.text("provider")?,
        model: row.text("model")?,
        outcome: row
            .read("outcome", |word| Outcome::ALL.into_iter().find(|outcome| outcome.word() == word))?,
        tokens: Tokens {
            input: row.number("input_tokens")?,
            cache_read: row.number("cache_read_tokens")?,
            cache_write: row.number("cache_write_tokens")?,
            output: row.number("output_tokens")?,
            reasoning: row.number("reasoning_tokens")?,
            audio: row.number("audio_tokens")?,
            cache_write_1h: row.number("cache_write_1h_tokens")?,
            image: row.number("image_tokens")?,
        },
        units: Units {
            pictures: row.number("pictures")?,
            sound_ms: row.number("sound_ms")?,
            characters: row.number("characters")?,
            searches: row.number("searches")?,
        },
        source: row.read("source", source)?,
        cost: Money::from_nanos(row.get("cost_nanos")?),
        pricing: row.text("pricing")?,
        price_version: row.text("price_version")?,
    })
}

/// A count as the database keeps it. A provider that claims more than 63 bits hold is held at that: a
/// record that could not be written would stop every record behind it.
pub(crate) fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// Reads the word of an endpoint.
pub(crate) fn surface(word: &str) -> Option<Surface> {
    Surface::ALL.into_iter().find(|surface| surface.word() == word)
}

fn source(word: &str) -> Option<UsageSource> {
    let all = [UsageSource::Provider, UsageSource::Estimated, UsageSource::None];
    all.into_iter().find(|source| source.word() == word)
}
