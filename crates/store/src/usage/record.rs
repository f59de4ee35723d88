//! One record of a call as a row, written and read: the one place that knows the columns of the books.

use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::usage::{CallOpened, CallSettled, Outcome, RouteMode, Surface, UsageSource};

use super::kinds::Numbers;
use crate::db::ReadFailed;
use crate::db::row::Row;
use crate::db::statement::Bind;
use crate::traces;

/// The columns to read.
pub(super) const COLUMNS: &str = "SELECT call_id, org_id, project_id, key_id, surface, provider_key_id, route_mode, \
    provider, model, outcome, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, \
    audio_tokens, cache_write_1h_tokens, image_tokens, pictures, sound_ms, characters, searches, source, cost_nanos, \
    pricing, price_version, started_at, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms";

/// The columns to write of a call that has none of the rare counts, in the order of [`write`].
pub(super) const INSERT: &str = "INSERT INTO usage_calls (started_at, call_id, kind, bearer, input_tokens, cache_read_tokens, \
    output_tokens, reasoning_tokens, cost_nanos) VALUES ";

/// The columns to write of any call, in the order of [`write_whole`].
pub(super) const INSERT_WHOLE: &str = "INSERT INTO usage_calls (started_at, call_id, kind, bearer, input_tokens, \
    cache_read_tokens, output_tokens, reasoning_tokens, cost_nanos, cache_write_tokens, cache_write_1h_tokens, \
    audio_tokens, image_tokens, pictures, sound_ms, characters, searches) VALUES ";

/// The values of `call`, whose kind has these numbers, without the rare counts.
pub(super) fn write(call: &CallSettled, numbers: Numbers) -> [Bind; 9] {
    let tokens = &call.tokens;
    [
        call.opened.started_at.into(),
        call.opened.call.to_string().into(),
        numbers.kind.into(),
        numbers.bearer.into(),
        count(tokens.input).into(),
        count(tokens.cache_read).into(),
        count(tokens.output).into(),
        count(tokens.reasoning).into(),
        call.cost.nanos().into(),
    ]
}

/// The values of `call` with all counts.
pub(super) fn write_whole(call: &CallSettled, numbers: Numbers) -> [Bind; 17] {
    let [started_at, id, kind, bearer, input, cache_read, output, reasoning, cost] = write(call, numbers);
    let [cache_write, cache_write_1h, audio, image, pictures, sound, characters, searches] =
        rare(call).map(|amount| count(amount).into());
    [
        started_at,
        id,
        kind,
        bearer,
        input,
        cache_read,
        output,
        reasoning,
        cost,
        cache_write,
        cache_write_1h,
        audio,
        image,
        pictures,
        sound,
        characters,
        searches,
    ]
}

/// Whether a call has any of the counts that most calls have none of.
pub(super) fn has_rare(call: &CallSettled) -> bool {
    rare(call).iter().any(|amount| *amount > 0)
}

fn rare(call: &CallSettled) -> [u64; 8] {
    let (tokens, units) = (&call.tokens, &call.units);
    [
        tokens.cache_write,
        tokens.cache_write_1h,
        tokens.audio,
        tokens.image,
        units.pictures,
        units.sound_ms,
        units.characters,
        units.searches,
    ]
}

/// Reads what was written, with the trace that is still kept of it.
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
