//! One row of a catalogue file as it is written, and the check that makes it a model.

use domain::money::{Money, NotMoney};
use domain::price::{Price, Pricing, Stepped};
use serde::Deserialize;

use super::{Kind, Modalities, Modality, Model, provider};

/// The longest model name or note, in bytes.
const LONGEST_TEXT: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: String,
    #[serde(default)]
    pub(super) model: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) provider: String,
    pub(super) name: String,
    #[serde(default)]
    aliases: Vec<String>,
    kind: Kind,
    context_tokens: Option<u32>,
    max_output_tokens: Option<u32>,
    reads: Option<Vec<Modality>>,
    writes: Option<Vec<Modality>>,
    batch_percent: Option<BatchPercent>,
    pricing: Option<Word>,
    input: Option<String>,
    cache_read: Option<String>,
    cache_write: Option<String>,
    output: Option<String>,
    reasoning: Option<String>,
    audio: Option<String>,
    request: Option<String>,
    cache_write_1h: Option<String>,
    image: Option<String>,
    per_picture: Option<String>,
    per_second: Option<String>,
    per_million_characters: Option<String>,
    per_search: Option<String>,
    long_prompt: Option<LongPrompt>,
    source: Option<String>,
    checked: Option<String>,
    note: Option<String>,
}

/// What may stand in place of prices.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Word {
    Free,
    Unpriced,
}

/// What a row may say of batches in place of its provider.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum BatchPercent {
    Of(u8),
    Word(NotInBatches),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum NotInBatches {
    None,
}

/// The prices of a call whose prompt has at least `from_tokens` tokens; what is not given is as in the row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongPrompt {
    from_tokens: u32,
    input: String,
    cache_read: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    output: String,
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadRow {
    /// No provider has that slug.
    #[error("there is no such provider")]
    UnknownProvider,
    /// A model name that no request could hold.
    #[error("a name is 1 to {LONGEST_TEXT} bytes without white space or control characters")]
    BadName,
    /// Two models of one provider answer to it.
    #[error("the name {0:?} is given twice")]
    NameTwice(String),
    /// A price that is not an amount.
    #[error("{field}: {fault}")]
    NotAnAmount {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: NotMoney,
    },
    /// A price below zero.
    #[error("{0} is negative: a negative price would credit its caller")]
    Negative(&'static str),
    /// A price that has no default.
    #[error("{0} is missing; write pricing = \"free\" or \"unpriced\" when there is no price")]
    Missing(&'static str),
    /// `pricing` beside prices.
    #[error("{0} stands beside pricing = \"free\" or \"unpriced\": keep one of them")]
    PriceBesideWord(&'static str),
    /// Zero tokens.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A list of forms without any, or with one twice.
    #[error("{0} must name each of text, image, audio, video and pdf once; leave it out where nobody says")]
    BadModalities(&'static str),
    /// A kind of model that writes none of these forms.
    #[error("writes stands in a row whose kind writes nothing")]
    WritesNothing,
    /// A batch that costs nothing, or more than the same calls elsewhere.
    #[error("batch_percent must be 1 to 100, or \"none\" where there is no price in a batch")]
    BadBatchPercent,
    /// Not an https address.
    #[error("source must be an https address")]
    BadSource,
    /// Not a date.
    #[error("checked must be a date such as 2026-11-22")]
    BadDate,
    /// Too much text.
    #[error("note must be at most {LONGEST_TEXT} bytes")]
    LongNote,
}

impl Row {
    pub(super) fn checked(self, version: &str) -> Result<Model, BadRow> {
        let whose = provider(&self.provider).ok_or(BadRow::UnknownProvider)?;
        let provider = whose.slug;
        if !is_name(&self.name) || !self.aliases.iter().all(|alias| is_name(alias)) {
            return Err(BadRow::BadName);
        }
        for (field, tokens) in
            [("context_tokens", self.context_tokens), ("max_output_tokens", self.max_output_tokens)]
        {
            if tokens == Some(0) {
                return Err(BadRow::Zero(field));
            }
        }
        let reads = modalities("reads", self.reads.as_deref())?;
        let writes = modalities("writes", self.writes.as_deref())?;
        if !writes.is_unknown() && !self.kind.has_output() {
            return Err(BadRow::WritesNothing);
        }
        let batch_percent = match self.batch_percent {
            None => whose.batch_percent,
            Some(BatchPercent::Word(NotInBatches::None)) => None,
            Some(BatchPercent::Of(percent @ 1..=100)) => Some(percent),
            Some(BatchPercent::Of(_)) => return Err(BadRow::BadBatchPercent),
        };
        if self.source.as_deref().is_some_and(|source| !is_https(source)) {
            return Err(BadRow::BadSource);
        }
        if self.checked.as_deref().is_some_and(|checked| !is_date(checked)) {
            return Err(BadRow::BadDate);
        }
        if self.note.as_deref().is_some_and(|note| note.len() > LONGEST_TEXT) {
            return Err(BadRow::LongNote);
        }
        Ok(Model {
            provider,
            kind: self.kind,
            context_tokens: self.context_tokens,
            max_output_tokens: self.max_output_tokens,
            reads,
            writes,
            pricing: self.pricing()?,
            batch_percent,
            cached_in_batch: whose.cached_in_batch,
            price_version: format!("{version}/{provider}/{}", self.name).into(),
            name: self.name,
            aliases: self.aliases,
            source_url: self.source,
            checked: self.checked,
            note: self.note,
        })
    }

    fn pricing(&self) -> Result<Pricing, BadRow> {
        let Some(word) = self.pricing else { return self.priced() };
        let given = [
            ("input", self.input.is_some()),
            ("cache_read", self.cache_read.is_some()),
            ("cache_write", self.cache_write.is_some()),
            ("output", self.output.is_some()),
            ("reasoning", self.reasoning.is_some()),
            ("audio", self.audio.is_some()),
            ("request", self.request.is_some()),
            ("cache_write_1h", self.cache_write_1h.is_some()),
            ("image", self.image.is_some()),
            ("per_picture", self.per_picture.is_some()),
            ("per_second", self.per_second.is_some()),
            ("per_million_characters", self.per_million_characters.is_some()),
            ("per_search", self.per_search.is_some()),
            ("long_prompt", self.long_prompt.is_some()),
        ];
        match (given.into_iter().find(|(_, present)| *present), word) {
            (Some((field, _)), _) => Err(BadRow::PriceBesideWord(field)),
            (None, Word::Free) => Ok(Pricing::Free),
            (None, Word::Unpriced) => Ok(Pricing::Unpriced),
        }
    }

    fn priced(&self) -> Result<Pricing, BadRow> {
        let units = Price {
            picture: amount("per_picture", self.per_picture.as_deref())?,
            second: amount("per_second", self.per_second.as_deref())?,
            characters: amount("per_million_characters", self.per_million_characters.as_deref())?,
            search: amount("per_search", self.per_search.as_deref())?,
            ..Price::default()
        };
        let Price { picture, second, characters, search, .. } = units;
        // What is sold by units alone has no tokens to pay for.
        let by_units = [picture, second, characters, search].iter().any(Option::is_some);
        let input = match amount("input", self.input.as_deref())? {
            Some(input) => input,
            None if by_units => Money::ZERO,
            None => return Err(BadRow::Missing("input")),
        };
        let output = match amount("output", self.output.as_deref())? {
            Some(output) => output,
            None if by_units || !self.kind.has_output() => Money::ZERO,
            None => return Err(BadRow::Missing("output")),
        };
        let base = Price::new(input, output).map_err(|_| BadRow::Negative("input or output"))?;
        let cache_write = amount("cache_write", self.cache_write.as_deref())?.unwrap_or(base.cache_write);
        let price = Price {
            cache_read: amount("cache_read", self.cache_read.as_deref())?.unwrap_or(base.cache_read),
            cache_write,
            cache_write_1h: amount("cache_write_1h", self.cache_write_1h.as_deref())?.unwrap_or(cache_write),
            image: amount("image", self.image.as_deref())?.unwrap_or(base.image),
            picture,
            second,
            characters,
            search,
            reasoning: amount("reasoning", self.reasoning.as_deref())?.unwrap_or(base.reasoning),
            audio: amount("audio", self.audio.as_deref())?.unwrap_or(base.audio),
            request: amount("request", self.request.as_deref())?.unwrap_or(base.request),
            ..base
        };
        match &self.long_prompt {
            None => Ok(Pricing::Priced(price)),
            Some(long) => long.over(price),
        }
    }
}

impl LongPrompt {
    fn over(&self, below: Price) -> Result<Pricing, BadRow> {
        if self.from_tokens == 0 {
            return Err(BadRow::Zero("long_prompt.from_tokens"));
        }
        let input = amount("long_prompt.input", Some(&self.input))?.unwrap_or(below.input);
        let output = amount("long_prompt.output", Some(&self.output))?.unwrap_or(below.output);
        let base = Price::new(input, output).map_err(|_| BadRow::Negative("long_prompt"))?;
        let cache_write =
            amount("long_prompt.cache_write", self.cache_write.as_deref())?.unwrap_or(base.cache_write);
        let beyond = Price {
            input,
            output,
            reasoning: base.reasoning,
            cache_read: amount("long_prompt.cache_read", self.cache_read.as_deref())?
                .unwrap_or(base.cache_read),
            cache_write,
            cache_write_1h: amount("long_prompt.cache_write_1h", self.cache_write_1h.as_deref())?
                .unwrap_or(cache_write),
            audio: below.audio.max(base.audio),
            image: below.image.max(base.image),
            ..below
        };
        Ok(Pricing::Stepped(Stepped { below, from_prompt_tokens: u64::from(self.from_tokens), beyond }))
    }
}

fn modalities(field: &'static str, listed: Option<&[Modality]>) -> Result<Modalities, BadRow> {
    match listed {
        None => Ok(Modalities::default()),
        Some(listed) => Modalities::of(listed).ok_or(BadRow::BadModalities(field)),
    }
}

/// USD per million tokens, per unit or per request, as a decimal text.
fn amount(field: &'static str, text: Option<&str>) -> Result<Option<Money>, BadRow> {
    let Some(text) = text else { return Ok(None) };
    let amount: Money = text.parse().map_err(|fault| BadRow::NotAnAmount { field, fault })?;
    if amount < Money::ZERO { Err(BadRow::Negative(field)) } else { Ok(Some(amount)) }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&name.len())
        && !name.chars().any(|character| character.is_whitespace() || character.is_control())
}

fn is_https(address: &str) -> bool {
    address.len() <= LONGEST_TEXT
        && address.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        && address.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| {
        text.get(range)
            .filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|part| part.parse().ok())
    };
    let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let (year, month, day): (Option<u16>, Option<u16>, Option<u16>) =
        (number(0..4), number(5..7), number(8..10));
    dashes
        && year.is_some()
        && month.is_some_and(|month| (1..=12).contains(&month))
        && day.is_some_and(|day| (1..=31).contains(&day))
}
