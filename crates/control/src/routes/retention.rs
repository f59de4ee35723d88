//! How long data is kept: for the installation by its operators, for an organization by those who run it, for what
//! comes from one's own keys by each person; and the runs that remove what is past its time.

use axum::extract::State;
use domain::id::JobId;
use domain::retention::{Class, Level, NotTaken, Term};
use serde::{Deserialize, Serialize};
use store::retention::{Cause, Run, RunRefused, RunState, Setting, SettingRefused, Settings, Whose};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{ANY_ROLE, RUN, Routes, Rule};
use crate::api::caller::{Member, Operator};
use crate::api::json::{Begun, Id, Instant, Json};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Operator, routes!(get_retention))
        .add(Rule::Operator, routes!(set_retention))
        .add(Rule::Operator, routes!(list_retention_runs, begin_retention_runs))
        .add(Rule::Operator, routes!(get_retention_run))
        .add(Rule::Org(ANY_ROLE), routes!(get_org_retention))
        .add(Rule::Org(RUN), routes!(set_org_retention))
        .add(Rule::Org(ANY_ROLE), routes!(set_own_retention))
}

/// Every class of data, and how long it is kept.
#[derive(Debug, Serialize, ToSchema)]
struct Retention {
    classes: Vec<RetentionClass>,
}

/// A class of data.
#[derive(Debug, Serialize, ToSchema)]
struct RetentionClass {
    /// Its word.
    class: &'static str,
    /// What is in it.
    about: &'static str,
    unit: RetentionUnit,
    /// How long it is kept for whoever asks; null for ever.
    kept: Option<u32>,
    /// When nobody has set anything; null for ever.
    default: Option<u32>,
    /// What can be set; null where nothing can.
    range: Option<RetentionRange>,
    /// What was set, as far as whoever asks may know.
    settings: Vec<RetentionSetting>,
}

/// What a time is counted in; a month has 31 days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RetentionUnit {
    Hours,
    Days,
    Months,
}

/// What can be set, and by whom.
#[derive(Debug, Serialize, ToSchema)]
struct RetentionRange {
    least: u32,
    most: u32,
    levels: Vec<RetentionLevel>,
}

/// For whom a time is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RetentionLevel {
    /// For everybody who has set none.
    Installation,
    /// For an organization.
    Org,
    /// For a person.
    User,
}

/// A time that was set.
#[derive(Debug, Serialize, ToSchema)]
struct RetentionSetting {
    level: RetentionLevel,
    keep: u32,
    set_at: Instant,
}

/// How long a class is to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetentionAsked {
    /// In the unit of the class; null goes back to what holds without it.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    keep: Option<u32>,
}

/// What is to be gone over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetentionRunsAsked {
    /// The words of classes; absent for all that ever leave.
    #[serde(default, deserialize_with = "crate::api::json::given")]
    #[schema(nullable = false, max_items = 20)]
    classes: Option<Vec<String>>,
}

/// The runs that begin.
#[derive(Debug, Serialize, ToSchema)]
struct RetentionRuns {
    runs: Vec<RetentionRun>,
}

/// One time that a class is gone over.
#[derive(Debug, Serialize, ToSchema)]
struct RetentionRun {
    #[schema(pattern = "^job_[0-9a-f]{32}$")]
    id: String,
    class: String,
    /// `due`, `nightly` or `asked`.
    cause: &'static str,
    /// `running`, `done` or `failed`.
    state: &'static str,
    /// How many rows are gone.
    #[schema(minimum = 0)]
    removed: i64,
    /// In how many transactions.
    #[schema(minimum = 0)]
    batches: i64,
    /// What was past its time at this moment is what it removes.
    created_at: Instant,
    updated_at: Instant,
    ended_at: Option<Instant>,
    /// Why it was given up.
    fault: Option<String>,
}

/// How long data is kept in this installation
#[utoipa::path(get, path = "/api/v1/retention", tag = "retention",
    responses((status = 200, description = "Every class", body = Retention)))]
async fn get_retention(operator: Operator) -> Result<Json<Retention>, Problem> {
    Ok(Json(shown(&operator.store().retention().settings(), &[]).await?))
}

/// Set how long a class is kept for everybody who has set nothing
#[utoipa::path(put, path = "/api/v1/retention/{class}", tag = "retention", request_body = RetentionAsked,
    params(("class" = String, Path)), responses((status = 200, description = "Every class", body = Retention)))]
async fn set_retention(
    operator: Operator,
    Id(ClassWord(class)): Id<ClassWord>,
    Json(asked): Json<RetentionAsked>,
) -> Result<Json<Retention>, Problem> {
    let settings = operator.store().retention().settings();
    settings.set(class, Whose::Installation, asked.keep, &operator.act()).await?;
    Ok(Json(shown(&settings, &[]).await?))
}

/// How long data of the organization is kept, and what comes from one's own keys
#[utoipa::path(get, path = "/api/v1/org/retention", tag = "retention",
    responses((status = 200, description = "Every class", body = Retention)))]
async fn get_org_retention(member: Member) -> Result<Json<Retention>, Problem> {
    Ok(Json(shown(&member.books().retention(), &levels_of(&member)).await?))
}

/// Set how long a class is kept of the organization
#[utoipa::path(put, path = "/api/v1/org/retention/{class}", tag = "retention", request_body = RetentionAsked,
    params(("class" = String, Path)), responses((status = 200, description = "Every class", body = Retention)))]
async fn set_org_retention(
    member: Member,
    Id(ClassWord(class)): Id<ClassWord>,
    Json(asked): Json<RetentionAsked>,
) -> Result<Json<Retention>, Problem> {
    let settings = member.books().retention();
    settings.set(class, Whose::Org(member.org()), asked.keep, &member.act()).await?;
    Ok(Json(shown(&settings, &levels_of(&member)).await?))
}

/// Set how long a class is kept of what comes from one's own keys: never longer than the organization keeps it
#[utoipa::path(put, path = "/api/v1/me/retention/{class}", tag = "retention", request_body = RetentionAsked,
    params(("class" = String, Path)), responses((status = 200, description = "Every class", body = Retention)))]
async fn set_own_retention(
    member: Member,
    Id(ClassWord(class)): Id<ClassWord>,
    Json(asked): Json<RetentionAsked>,
) -> Result<Json<Retention>, Problem> {
    let settings = member.books().retention();
    settings.set(class, Whose::User(member.person().user()), asked.keep, &member.act()).await?;
    Ok(Json(shown(&settings, &levels_of(&member)).await?))
}

/// What was removed and when
#[utoipa::path(get, path = "/api/v1/retention-runs", tag = "retention", params(Paging),
    responses((status = 200, description = "A page of runs", body = Listed<RetentionRun>)))]
async fn list_retention_runs(
    operator: Operator,
    pages: Pages,
) -> Result<Json<Listed<RetentionRun>>, Problem> {
    let page = operator.store().retention().runs(pages.page()).await?;
    Ok(pages.listed(page, RetentionRun::from))
}

/// Remove what is past its time now
#[utoipa::path(post, path = "/api/v1/retention-runs", tag = "retention", request_body = RetentionRunsAsked,
    responses((status = 202, description = "They run", body = RetentionRuns)))]
async fn begin_retention_runs(
    operator: Operator,
    State(api): State<Api>,
    Json(asked): Json<RetentionRunsAsked>,
) -> Result<Begun<RetentionRuns>, Problem> {
    let classes = match asked.classes {
        None => Class::ALL.iter().copied().filter(|class| class.leaves()).collect(),
        Some(words) => words
            .iter()
            .map(|word| Class::parse(word).filter(|class| class.leaves()))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Problem::unfit("classes", "no class that ever leaves is called that"))?,
    };
    let (act, mut runs) = (operator.act(), Vec::with_capacity(classes.len()));
    for class in classes {
        let id = JobId::new(api.fresh()?);
        let begun = operator.store().retention().begin(id, class, Cause::Asked, act.at, Some(&act)).await?;
        runs.push(begun.into());
    }
    Ok(Begun(RetentionRuns { runs }))
}

/// A run
#[utoipa::path(get, path = "/api/v1/retention-runs/{id}", tag = "retention",
    params(("id" = String, Path, pattern = "^job_[0-9a-f]{32}$")),
    responses((status = 200, description = "The run", body = RetentionRun)))]
async fn get_retention_run(operator: Operator, Id(id): Id<JobId>) -> Result<Json<RetentionRun>, Problem> {
    Ok(Json(operator.store().retention().run(id).await?.into()))
}

/// The word of a class in a path.
struct ClassWord(Class);

impl std::str::FromStr for ClassWord {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Class::parse(word).map(Self).ok_or(())
    }
}

/// Whose settings a member knows, besides the installation's.
fn levels_of(member: &Member) -> [Whose; 2] {
    [Whose::Org(member.org()), Whose::User(member.person().user())]
}

/// Every class as it is kept for those at `levels`.
async fn shown(settings: &Settings<'_>, levels: &[Whose]) -> Result<Retention, Problem> {
    let mut set = settings.of(Whose::Installation).await?;
    for whose in levels {
        set.extend(settings.of(*whose).await?);
    }
    let shown = |class: &Class| {
        let of_class: Vec<&Setting> = set.iter().filter(|setting| setting.class == *class).collect();
        let at =
            |level: Level| of_class.iter().find(|setting| setting.whose.level() == level).map(|one| one.keep);
        let installation = at(Level::Installation).or(class.default());
        RetentionClass {
            class: class.word(),
            about: class.about(),
            unit: match class.unit() {
                domain::retention::Unit::Hours => RetentionUnit::Hours,
                domain::retention::Unit::Days => RetentionUnit::Days,
                domain::retention::Unit::Months => RetentionUnit::Months,
            },
            kept: installation.map(|base| domain::retention::shortest(base, at(Level::Org), at(Level::User))),
            default: class.default(),
            range: match class.term() {
                Term::Set(range) => Some(RetentionRange {
                    least: range.least,
                    most: range.most,
                    levels: range.levels.iter().copied().map(RetentionLevel::from).collect(),
                }),
                Term::Ever | Term::Fixed(_) => None,
            },
            settings: of_class.into_iter().map(RetentionSetting::from).collect(),
        }
    };
    Ok(Retention { classes: Class::ALL.iter().map(shown).collect() })
}

impl From<Level> for RetentionLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Installation => Self::Installation,
            Level::Org => Self::Org,
            Level::User => Self::User,
        }
    }
}

impl From<&Setting> for RetentionSetting {
    fn from(setting: &Setting) -> Self {
        let Setting { whose, keep, set_at, .. } = setting;
        Self { level: whose.level().into(), keep: *keep, set_at: (*set_at).into() }
    }
}

impl From<Run> for RetentionRun {
    fn from(run: Run) -> Self {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            id: run.id.to_string(),
            class: run.class,
            cause: run.cause.word(),
            state: RunState::word(run.state),
            removed: whole(run.removed),
            batches: whole(run.batches),
            created_at: run.created_at.into(),
            updated_at: run.updated_at.into(),
            ended_at: run.ended_at.map(Into::into),
            fault: run.fault,
        }
    }
}

impl From<SettingRefused> for Problem {
    fn from(refused: SettingRefused) -> Self {
        match refused {
            SettingRefused::NotTaken(refused @ NotTaken::Bounds { .. }) => {
                Self::unfit("keep", refused.to_string())
            }
            SettingRefused::NotTaken(refused) => Self::unfit("class", refused.to_string()),
            SettingRefused::NotFound => Self::not_found(),
            SettingRefused::Read(failed) => failed.into(),
            SettingRefused::Write(failed) => failed.into(),
        }
    }
}

impl From<RunRefused> for Problem {
    fn from(refused: RunRefused) -> Self {
        match refused {
            RunRefused::NotFound(_) => Self::not_found(),
            RunRefused::Read(failed) => failed.into(),
        }
    }
}
