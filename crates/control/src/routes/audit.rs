//! The audit trail: read and exported by operators and by those an organization trusts with it, proved by operators.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::audit::action::Action;
use domain::audit::chain::Link;
use domain::audit::detail::Detail;
use domain::id::JobId;
use domain::role::OrgRole;
use domain::time::Timestamp;
use http_body::Frame;
use serde::{Deserialize, Serialize};
use store::audit::{AuditFilter, ProofRefused, ProofState, Rows, Verification};
use store::page::{Page, Paged, Place};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;
use vault::signing::SigningKeys;

use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::caller::{Operator, Reader};
use crate::api::json::{Begun, Id, Instant, Json};
use crate::api::page::{Asked, Listed, Order, Pages, Paging};
use crate::api::problem::Problem;
use crate::audit::export::{Export, NotExported};

/// Who reads of an organization what was done.
const READ: &[OrgRole] = &[OrgRole::Owner, OrgRole::Admin, OrgRole::Auditor];
/// Pages of an export that wait for a slow reader.
const WAITING_PAGES: usize = 2;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::OperatorOr(READ), routes!(list_audit_rows))
        .add(Rule::OperatorOr(READ), routes!(export_audit_rows))
        .add(Rule::Operator, routes!(verify_audit))
        .add(Rule::Operator, routes!(get_audit_verification))
}

/// Which rows; what is absent is any.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Of this action, such as `key.create`.
    #[param(required = false, nullable = false)]
    action: Option<String>,
    /// Done by this actor, by its identifier.
    #[param(required = false, nullable = false)]
    actor: Option<String>,
    /// Written about this identifier or name.
    #[param(required = false, nullable = false)]
    resource: Option<String>,
    /// `done` or `refused`.
    #[param(required = false, nullable = false)]
    outcome: Option<String>,
    /// At this time or later.
    #[param(required = false, nullable = false, inline)]
    since: Option<Instant>,
    /// Before this time.
    #[param(required = false, nullable = false, inline)]
    until: Option<Instant>,
}

/// A row of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditRow {
    /// Its number in the chain.
    seq: i64,
    at: Instant,
    actor: AuditActor,
    /// What was done.
    action: String,
    /// To what: an identifier, or a name where there is none.
    resource: String,
    /// `done` or `refused`.
    outcome: String,
    /// The organization it concerns; null for what concerns the installation.
    org: Option<String>,
    /// The request it came with; empty when it came with none.
    request_id: String,
    /// The address it came from; empty when it came from none.
    ip: String,
    user_agent: String,
    /// What else matters.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
struct AuditActor {
    /// `user`, `operator_token`, `operator_cli`, `key`, `system` or `anonymous`.
    kind: String,
    id: String,
    /// The public first characters of the credential.
    prefix: String,
}

/// A proof of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditVerification {
    #[schema(pattern = "^job_[0-9a-f]{32}$")]
    id: String,
    state: AuditProof,
    /// The rows proved so far.
    #[schema(minimum = 0)]
    rows: i64,
    /// The signed heads; zero until the end.
    #[schema(minimum = 0)]
    heads: i64,
    /// The rows after the last signed head.
    #[schema(minimum = 0)]
    unsigned_rows: i64,
    /// What is wrong.
    fault: Option<String>,
    created_at: Instant,
    ended_at: Option<Instant>,
}

/// How a proof stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AuditProof {
    /// It goes on.
    Running,
    /// Nothing was changed, removed or moved.
    Whole,
    /// Something was; `fault` names the first place.
    Broken,
    /// Something could not be read.
    Failed,
}

/// What was done, by whom, when and from where
///
/// Members read the rows that concern their organization, operators all.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery, Order, Paging),
    responses((status = 200, description = "A page of rows", body = Listed<AuditRow>)))]
async fn list_audit_rows(
    reader: Reader,
    pages: Pages,
    Asked(query): Asked<AuditQuery>,
    Asked(order): Asked<Order>,
) -> Result<Json<Listed<AuditRow>>, Problem> {
    let rows = rows_of(&reader);
    let (filter, Page { after, limit }) = (query.filter(), *pages.page());
    let beyond = after.map(|(_, id)| i64::try_from(id.as_u128()).unwrap_or(i64::MAX));
    // One more than asked for tells whether there are more.
    let most = limit.saturating_add(1);
    let mut found = if order.newest_first() {
        rows.newest(&filter, beyond, most).await?
    } else {
        rows.fitting(&filter, beyond.unwrap_or(0), most).await?
    };
    let more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = if more { found.last().map(place) } else { None };
    Ok(pages.listed(Paged { rows: found, next }, AuditRow::from))
}

/// The audit trail as NDJSON, with a last line that signs all others
///
/// Operators get the whole chain, which can be proved away from here. Members get the rows that concern their
/// organization: the signature says that these are what the installation holds, and the chain between them is left out.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "One row a line", body = String, content_type = "application/x-ndjson")))]
async fn export_audit_rows(
    reader: Reader,
    State(api): State<Api>,
    Asked(query): Asked<AuditQuery>,
) -> Result<Response, Problem> {
    let filter = query.filter();
    let asked = [("action", &filter.action), ("actor", &filter.actor), ("resource", &filter.resource)];
    let detail = asked.iter().fold(Detail::none(), |detail, (name, value)| {
        value.iter().fold(detail, |detail, value| detail.text(name, value))
    });
    // Nothing leaves that could not be recorded.
    rows_of(&reader).record(&reader.act().done(Action::AUDIT_EXPORT, "audit", detail)).await?;
    let (send, pages) = mpsc::channel(WAITING_PAGES);
    tokio::spawn(write_out(reader, Arc::clone(api.signing_keys()), filter, send));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::new(Exported(pages))).into_response())
}

/// Prove the audit trail from end to end
///
/// One proof runs at a time; while one runs, that one is answered.
#[utoipa::path(post, path = "/api/v1/audit/verifications", tag = "audit",
    responses((status = 202, description = "It runs", body = AuditVerification)))]
async fn verify_audit(
    operator: Operator,
    State(api): State<Api>,
) -> Result<Begun<AuditVerification>, Problem> {
    let trail = operator.store().audit();
    let begun = match trail.begin_proof(JobId::new(api.fresh()?), &operator.act()).await {
        Err(ProofRefused::Running(id)) => trail.proof(id).await,
        begun => begun,
    };
    Ok(Begun(begun?.into()))
}

/// A proof, and how far it is
#[utoipa::path(get, path = "/api/v1/audit/verifications/{id}", tag = "audit",
    params(("id" = String, Path, pattern = "^job_[0-9a-f]{32}$")),
    responses((status = 200, description = "The proof", body = AuditVerification)))]
async fn get_audit_verification(
    operator: Operator,
    Id(id): Id<JobId>,
) -> Result<Json<AuditVerification>, Problem> {
    Ok(Json(operator.store().audit().proof(id).await?.into()))
}

/// The rows that a reader may see.
fn rows_of(reader: &Reader) -> Rows<'_> {
    match reader {
        Reader::Operator(operator) => operator.store().audit().rows(),
        Reader::Member(member) => member.books().audit(),
    }
}

/// The place of a row in its list: its number.
fn place(link: &Link) -> Place {
    (Timestamp(0), Uuid::from_u128(u128::try_from(link.seq).unwrap_or_default()))
}

/// Pages on their way out.
type Out = Result<Bytes, NotExported>;

/// Writes an export page by page, as fast as it is read. One that fails breaks off, without its signature.
async fn write_out(reader: Reader, keys: Arc<SigningKeys>, filter: AuditFilter, send: mpsc::Sender<Out>) {
    let mut export = Export::new(filter);
    loop {
        let page = match export.next(&rows_of(&reader), &keys).await {
            Ok(Some(text)) => Ok(Bytes::from(text)),
            Ok(None) => return,
            Err(failed) => {
                tracing::error!(%failed, "an export of the audit trail broke off");
                Err(failed)
            }
        };
        // Nobody reads any more, or nothing more can be read.
        if page.is_err() | send.send(page).await.is_err() {
            return;
        }
    }
}

/// The body of an export.
struct Exported(mpsc::Receiver<Out>);

impl HttpBody for Exported {
    type Data = Bytes;
    type Error = NotExported;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotExported>>> {
        self.0.poll_recv(context).map(|page| page.map(|page| page.map(Frame::data)))
    }
}

impl AuditQuery {
    fn filter(self) -> AuditFilter {
        AuditFilter {
            action: self.action,
            actor: self.actor,
            resource: self.resource,
            outcome: self.outcome,
            since: self.since.map(|at| at.0),
            until: self.until.map(|at| at.0),
            ..AuditFilter::default()
        }
    }
}

impl From<Link> for AuditRow {
    fn from(link: Link) -> Self {
        let entry = link.entry;
        // A detail that is no JSON was not written by us; it is shown as the text it is.
        let detail = match serde_json::from_str(&entry.detail) {
            Ok(object @ serde_json::Value::Object(_)) => object,
            _ => serde_json::json!({ "text": entry.detail }),
        };
        Self {
            seq: link.seq,
            at: entry.at.into(),
            actor: AuditActor { kind: entry.actor.kind, id: entry.actor.id, prefix: entry.actor.prefix },
            action: entry.action,
            resource: entry.resource,
            outcome: entry.outcome,
            org: Some(entry.org).filter(|org| !org.is_empty()),
            request_id: entry.request_id,
            ip: entry.ip,
            user_agent: entry.user_agent,
            detail,
        }
    }
}

impl From<Verification> for AuditVerification {
    fn from(proof: Verification) -> Self {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            id: proof.id.to_string(),
            state: match proof.state {
                ProofState::Running => AuditProof::Running,
                ProofState::Whole => AuditProof::Whole,
                ProofState::Broken => AuditProof::Broken,
                ProofState::Failed => AuditProof::Failed,
            },
            rows: whole(proof.rows),
            heads: whole(proof.heads),
            unsigned_rows: whole(proof.unsigned),
            fault: proof.fault,
            created_at: proof.created_at.into(),
            ended_at: proof.ended_at.map(Into::into),
        }
    }
}

impl From<ProofRefused> for Problem {
    fn from(refused: ProofRefused) -> Self {
        match refused {
            ProofRefused::Running(_) => Self::conflict("A proof of the audit trail is running."),
            ProofRefused::NotFound(_) => Self::not_found(),
            ProofRefused::Read(failed) => failed.into(),
            ProofRefused::Write(failed) => failed.into(),
        }
    }
}
