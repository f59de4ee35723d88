//! Calls, what they used and what they cost: one by one and summed. Members see those of their organization, operators
//! all. What else is told of a call is there for as long as its trace is kept.

use domain::id::{CallId, KeyId, ProjectId};
use domain::price::{Tokens, Units};
use domain::usage::{CallSettled, Trace};
use serde::{Deserialize, Serialize};
use store::page::{Page, Paged};
use store::usage::{Cursor, Group, GroupBy, Records, UsageFilter};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::api::access::{ANY_ROLE, Routes, Rule};
use crate::api::caller::Reader;
use crate::api::json::{Instant, Json};
use crate::api::page::{Asked, Listed, Order, Pages, Paging};
use crate::api::problem::Problem;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::OperatorOr(ANY_ROLE), routes!(list_usage))
        .add(Rule::OperatorOr(ANY_ROLE), routes!(sum_usage))
}

/// Which calls; what is absent is any.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UsageQuery {
    /// Of this project.
    #[param(required = false, nullable = false, pattern = "^proj_[0-9a-f]{32}$")]
    project_id: Option<String>,
    /// With this key.
    #[param(required = false, nullable = false, pattern = "^key_[0-9a-f]{32}$")]
    key_id: Option<String>,
    /// Of this model, as the provider knows it or as `provider/model`, or as it was asked for while the trace is kept.
    #[param(required = false, nullable = false)]
    model: Option<String>,
    /// With this request id, while the trace is kept.
    #[param(required = false, nullable = false)]
    request_id: Option<String>,
    /// Begun at this time or later.
    #[param(required = false, nullable = false, inline)]
    since: Option<Instant>,
    /// Begun before this time.
    #[param(required = false, nullable = false, inline)]
    until: Option<Instant>,
}

/// How to sum.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Grouping {
    /// What to group by.
    #[param(required = false, nullable = false, inline)]
    by: Option<UsageGrouping>,
}

/// What calls can be grouped by.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UsageGrouping {
    Day,
    Model,
    Key,
    Project,
    Outcome,
}

/// A call.
#[derive(Debug, Serialize, ToSchema)]
struct UsageRow {
    #[schema(pattern = "^call_[0-9a-f]{32}$")]
    id: String,
    org_id: String,
    project_id: String,
    key_id: String,
    /// `chat`, `completions` or `embeddings`.
    surface: &'static str,
    /// The provider key that answered; null when none was called, or it came with the request.
    provider_key_id: Option<String>,
    /// `platform`, `org_key` or `byok`; null when no provider was called.
    route_mode: Option<&'static str>,
    /// Empty when none was called.
    provider: String,
    model: String,
    /// `complete`, `failed`, `cut`, `cancelled` or `interrupted`.
    outcome: &'static str,
    tokens: UsageTokens,
    units: UsageUnits,
    /// `provider`, `estimated` or `none`.
    source: &'static str,
    /// In nano-dollars.
    cost_nanos: i64,
    /// `priced`, `free` or `unpriced`.
    pricing: String,
    price_version: String,
    started_at: Instant,
    /// Null where none is kept, or not any more.
    trace: Option<UsageTrace>,
}

/// What a call leaves beside the books.
#[derive(Debug, Serialize, ToSchema)]
struct UsageTrace {
    request_id: String,
    model_asked: String,
    streamed: bool,
    attempts: u8,
    first_byte_ms: u32,
    total_ms: u32,
}

/// Tokens by kind.
#[derive(Debug, Serialize, ToSchema)]
struct UsageTokens {
    #[schema(minimum = 0)]
    input: i64,
    #[schema(minimum = 0)]
    cache_read: i64,
    #[schema(minimum = 0)]
    cache_write: i64,
    #[schema(minimum = 0)]
    output: i64,
    #[schema(minimum = 0)]
    reasoning: i64,
    #[schema(minimum = 0)]
    audio: i64,
    #[schema(minimum = 0)]
    cache_write_1h: i64,
    #[schema(minimum = 0)]
    image: i64,
}

/// What was used and is not counted in tokens.
#[derive(Debug, Serialize, ToSchema)]
struct UsageUnits {
    #[schema(minimum = 0)]
    pictures: i64,
    /// Milliseconds of sound.
    #[schema(minimum = 0)]
    sound_ms: i64,
    #[schema(minimum = 0)]
    characters: i64,
    #[schema(minimum = 0)]
    searches: i64,
}

/// Sums of calls.
#[derive(Debug, Serialize, ToSchema)]
struct UsageSums {
    /// Days in their order, anything else by cost, highest first.
    groups: Vec<UsageGroup>,
}

/// The calls that have something in common.
#[derive(Debug, Serialize, ToSchema)]
struct UsageGroup {
    /// What they have in common.
    label: String,
    #[schema(minimum = 0)]
    calls: i64,
    tokens: UsageTokens,
    units: UsageUnits,
    /// In nano-dollars; what is more than fits is the most that does.
    cost_nanos: i64,
    /// Exactly, as a decimal of US dollars.
    cost_usd: String,
}

/// Calls, what they used and what they cost
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(UsageQuery, Order, Paging),
    responses((status = 200, description = "A page of calls", body = Listed<UsageRow>)))]
async fn list_usage(
    reader: Reader,
    pages: Pages,
    Asked(query): Asked<UsageQuery>,
    Asked(order): Asked<Order>,
) -> Result<Json<Listed<UsageRow>>, Problem> {
    let (filter, Page { after, limit }) = (query.filter()?, *pages.page());
    let after = after.map(|(started_at, id)| Cursor { started_at, call: CallId::new(id) });
    // One more than asked for tells whether there are more.
    let most = limit.saturating_add(1);
    let records = records_of(&reader);
    let mut found = if order.newest_first() {
        records.list(&filter, most, after).await?
    } else {
        records.list_oldest(&filter, most, after).await?
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let place = |call: &CallSettled| (call.opened.started_at, call.opened.call.uuid());
    let next = if more { found.last().map(place) } else { None };
    Ok(pages.listed(Paged { rows: found, next }, UsageRow::from))
}

/// Calls counted and summed
#[utoipa::path(get, path = "/api/v1/usage/summary", tag = "usage", params(UsageQuery, Grouping),
    responses((status = 200, description = "The sums", body = UsageSums)))]
async fn sum_usage(
    reader: Reader,
    Asked(query): Asked<UsageQuery>,
    Asked(grouping): Asked<Grouping>,
) -> Result<Json<UsageSums>, Problem> {
    let by = match grouping.by.unwrap_or(UsageGrouping::Day) {
        UsageGrouping::Day => GroupBy::Day,
        UsageGrouping::Model => GroupBy::Model,
        UsageGrouping::Key => GroupBy::Key,
        UsageGrouping::Project => GroupBy::Project,
        UsageGrouping::Outcome => GroupBy::Outcome,
    };
    let groups = records_of(&reader).summary(by, &query.filter()?).await?;
    Ok(Json(UsageSums { groups: groups.into_iter().map(UsageGroup::from).collect() }))
}

/// The records that a reader may see.
fn records_of(reader: &Reader) -> Records<'_> {
    match reader {
        Reader::Operator(operator) => operator.store().usage().records(),
        Reader::Member(member) => member.books().usage(),
    }
}

impl UsageQuery {
    fn filter(self) -> Result<UsageFilter, Problem> {
        Ok(UsageFilter {
            org: None,
            project: id::<ProjectId>(self.project_id, "project_id")?,
            key: id::<KeyId>(self.key_id, "key_id")?,
            model: self.model,
            request_id: self.request_id,
            since: self.since.map(|at| at.0),
            until: self.until.map(|at| at.0),
        })
    }
}

/// An identifier in a query.
fn id<T: std::str::FromStr>(text: Option<String>, name: &str) -> Result<Option<T>, Problem> {
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|_| Problem::invalid(format!("{name} is no identifier of its kind.")))
}

impl From<CallSettled> for UsageRow {
    fn from(call: CallSettled) -> Self {
        let opened = call.opened;
        Self {
            id: opened.call.to_string(),
            org_id: opened.org.to_string(),
            project_id: opened.project.to_string(),
            key_id: opened.key.to_string(),
            surface: opened.surface.word(),
            provider_key_id: call.provider_key.map(|id| id.to_string()),
            route_mode: call.route_mode.map(domain::usage::RouteMode::word),
            provider: call.provider,
            model: call.model,
            outcome: call.outcome.word(),
            tokens: (&call.tokens).into(),
            units: (&call.units).into(),
            source: call.source.word(),
            cost_nanos: call.cost.nanos(),
            pricing: call.pricing,
            price_version: call.price_version,
            started_at: opened.started_at.into(),
            trace: opened.trace.map(UsageTrace::from),
        }
    }
}

impl From<Trace> for UsageTrace {
    fn from(trace: Trace) -> Self {
        let Trace { request_id, model_asked, streamed, pace } = trace;
        Self {
            request_id,
            model_asked,
            streamed,
            attempts: pace.attempts,
            first_byte_ms: pace.first_byte_ms,
            total_ms: pace.total_ms,
        }
    }
}

impl From<&Tokens> for UsageTokens {
    fn from(tokens: &Tokens) -> Self {
        let Tokens { input, cache_read, cache_write, output, reasoning, audio, cache_write_1h, image } =
            *tokens;
        Self {
            input: whole(input),
            cache_read: whole(cache_read),
            cache_write: whole(cache_write),
            output: whole(output),
            reasoning: whole(reasoning),
            audio: whole(audio),
            cache_write_1h: whole(cache_write_1h),
            image: whole(image),
        }
    }
}

impl From<&Units> for UsageUnits {
    fn from(units: &Units) -> Self {
        let Units { pictures, sound_ms, characters, searches } = *units;
        Self {
            pictures: whole(pictures),
            sound_ms: whole(sound_ms),
            characters: whole(characters),
            searches: whole(searches),
        }
    }
}

/// A count, held at the largest number that the API's type holds.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<Group> for UsageGroup {
    fn from(group: Group) -> Self {
        let least_or_most = if group.cost_nanos < 0 { i64::MIN } else { i64::MAX };
        Self {
            calls: i64::try_from(group.calls).unwrap_or(i64::MAX),
            tokens: (&group.tokens).into(),
            units: (&group.units).into(),
            cost_nanos: i64::try_from(group.cost_nanos).unwrap_or(least_or_most),
            cost_usd: group.cost_usd(),
            label: group.label,
        }
    }
}
