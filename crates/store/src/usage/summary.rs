//! Sums over records. The database adds halves of 32 bits each, which cannot overflow below two thousand million
//! records, and the halves are joined here in 128 bits: no sum of money is ever rounded, wrapped or refused.

use domain::id::OrgId;
use domain::price::{Tokens, Units};
use domain::time::Timestamp;
use time::Date;

use super::places::{bearers, is_of_some};
use super::{UsageFilter, WITH_TRACES, filtered, tables};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed};

/// What to group records by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The day on which the call began, in UTC: `2026-01-31`.
    Day,
    /// The model that answered, as `provider/model`. When none was called, as the caller wrote it, and `none` where no
    /// trace is kept.
    Model,
    /// The key, by its identifier.
    Key,
    /// The project, by its identifier.
    Project,
    /// How the call ended.
    Outcome,
}

/// The records of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub label: String,
    /// How many they are.
    pub calls: u64,
    /// What was used, by kind; a sum beyond 64 bits is held at the largest number.
    pub tokens: Tokens,
    /// What was used and is not counted in tokens, likewise.
    pub units: Units,
    /// What they cost in nano-dollars, exactly.
    pub cost_nanos: i128,
}

impl Group {
    /// The cost as a decimal of US dollars without trailing zeros.
    #[must_use]
    pub fn cost_usd(&self) -> String {
        const NANOS_PER_USD: u128 = 1_000_000_000;
        let sign = if self.cost_nanos < 0 { "-" } else { "" };
        let nanos = self.cost_nanos.unsigned_abs();
        let text = format!("{sign}{}.{:09}", nanos / NANOS_PER_USD, nanos % NANOS_PER_USD);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

const MICROS_PER_DAY: &str = "started_at / 86400000000";
const MODEL: &str =
    "CASE WHEN provider = '' THEN COALESCE(model_asked, 'none') ELSE provider || '/' || model END";

/// Both halves of the sum of each column.
macro_rules! sums {
    ($($column:literal),*) => {
        concat!($(
            ", CAST(SUM(", $column, " / 4294967296) AS BIGINT) AS ", $column, "_high",
            ", CAST(SUM(", $column, " % 4294967296) AS BIGINT) AS ", $column, "_low"
        ),*)
    };
}

const SUMS: &str = sums!(
    "cost_nanos",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_tokens",
    "cache_write_1h_tokens",
    "image_tokens",
    "pictures",
    "sound_ms",
    "characters",
    "searches"
);

pub(super) async fn summary(
    db: &Db,
    org: Option<OrgId>,
    by: GroupBy,
    filter: &UsageFilter,
) -> Result<Vec<Group>, ReadFailed> {
    let rows = db.fetch_all(grouped(org, by, filter)).await?;
    let mut groups = rows.iter().map(|row| group(row, by)).collect::<Result<Vec<_>, _>>()?;
    match by {
        GroupBy::Day => groups.sort_by(|a, b| a.label.cmp(&b.label)),
        _ => groups.sort_by(|a, b| b.cost_nanos.cmp(&a.cost_nanos).then_with(|| a.label.cmp(&b.label))),
    }
    Ok(groups)
}

/// The question, with a row for each group.
pub(super) fn grouped(org: Option<OrgId>, by: GroupBy, filter: &UsageFilter) -> Statement {
    let expression = match by {
        GroupBy::Day => MICROS_PER_DAY,
        GroupBy::Model => MODEL,
        GroupBy::Key => "key_id",
        GroupBy::Project => "project_id",
        GroupBy::Outcome => "outcome",
    };
    let statement = Statement::new("SELECT CAST(")
        .push(expression)
        .push(" AS TEXT) AS label, COUNT(*) AS calls")
        .push(SUMS)
        .push(if by == GroupBy::Model { WITH_TRACES } else { tables(filter) })
        .and("org_id =", org.map(|org| org.to_string()));
    let statement = if is_of_some(org, filter) && filter.request_id.is_none() {
        let filter = UsageFilter { model: None, ..filter.clone() };
        bearers(statement.push(" AND c.bearer IN ("), org, &filter).push(")")
    } else {
        statement
    };
    // With a time to begin at, all records are read in the order in which they lie.
    let since = filter.since.or(Some(Timestamp(i64::MIN)));
    filtered(statement, &UsageFilter { since, ..filter.clone() }).push(" GROUP BY 1")
}

fn group(row: &Row, by: GroupBy) -> Result<Group, ReadFailed> {
    let counted = |high, low| sum(row, high, low).map(|sum| u64::try_from(sum.max(0)).unwrap_or(u64::MAX));
    Ok(Group {
        label: if by == GroupBy::Day { row.read("label", day)? } else { row.text("label")? },
        calls: row.number("calls")?,
        tokens: Tokens {
            input: counted("input_tokens_high", "input_tokens_low")?,
            cache_read: counted("cache_read_tokens_high", "cache_read_tokens_low")?,
            cache_write: counted("cache_write_tokens_high", "cache_write_tokens_low")?,
            output: counted("output_tokens_high", "output_tokens_low")?,
            reasoning: counted("reasoning_tokens_high", "reasoning_tokens_low")?,
            audio: counted("audio_tokens_high", "audio_tokens_low")?,
            cache_write_1h: counted("cache_write_1h_tokens_high", "cache_write_1h_tokens_low")?,
            image: counted("image_tokens_high", "image_tokens_low")?,
        },
        units: Units {
            pictures: counted("pictures_high", "pictures_low")?,
            sound_ms: counted("sound_ms_high", "sound_ms_low")?,
            characters: counted("characters_high", "characters_low")?,
            searches: counted("searches_high", "searches_low")?,
        },
        cost_nanos: sum(row, "cost_nanos_high", "cost_nanos_low")?,
    })
}

fn sum(row: &Row, high: &'static str, low: &'static str) -> Result<i128, ReadFailed> {
    Ok((i128::from(row.get::<i64>(high)?) << 32) + i128::from(row.get::<i64>(low)?))
}

/// A number of days since 1970 as a date.
fn day(days: &str) -> Option<String> {
    const JULIAN_DAY_OF_1970: i32 = 2_440_588;
    let date = Date::from_julian_day(JULIAN_DAY_OF_1970.checked_add(days.parse().ok()?)?).ok()?;
    Some(format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::money::Money;
    use proptest::prelude::*;

    #[test]
    fn days_are_dates() {
        let check = |days: &str, expect: Option<&str>| assert_eq!(day(days).as_deref(), expect, "{days}");
        check("0", Some("1970-01-01"));
        check("20454", Some("2026-01-01"));
        check("11016", Some("2000-02-29"));
        check("99999999", None);
        check("x", None);
    }

    proptest! {
        #[test]
        fn a_sum_shows_like_money(nanos in i64::MIN + 1..i64::MAX) {
            let (tokens, units) = (Tokens::default(), Units::default());
            let group = Group { label: String::new(), calls: 1, tokens, units, cost_nanos: nanos.into() };
            prop_assert_eq!(group.cost_usd(), Money::from_nanos(nanos).to_string());
        }
    }
}
