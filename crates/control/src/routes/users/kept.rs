//! All that is kept of a person, as an answer has it. Sealed secrets, digests and hashes are not among it: nothing in
//! here could be used in the person's place.

use domain::usage::Trace;
use serde::Serialize;
use store::invitations::Grants;
use utoipa::ToSchema;

use crate::api::json::Instant;
use crate::login::Kept;
use crate::routes::me::UserShown;

/// All that is kept of a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PersonalData)]
pub(super) struct KeptShown {
    user: UserShown,
    memberships: Vec<KeptMembership>,
    logins: Vec<KeptLogin>,
    /// The invitations to the person's address.
    invitations: Vec<KeptInvitation>,
    /// The API keys that the person made.
    keys: Vec<KeptKey>,
    /// The provider keys for the person's own calls.
    provider_keys: Vec<KeptProviderKey>,
    /// What the calls with those API keys left beside the books, as far as it is still kept, oldest first.
    traces: Vec<KeptTrace>,
    /// Whether there is more of that.
    traces_has_more: bool,
    /// What the audit trail says by or about the person, oldest first.
    audit: Vec<KeptRow>,
    /// Whether the audit trail says more than that.
    audit_has_more: bool,
}

/// An organization that the person belongs to.
#[derive(Debug, Serialize, ToSchema)]
struct KeptMembership {
    org_id: String,
    org: String,
    role: &'static str,
    created_at: Instant,
}

/// A login of the person.
#[derive(Debug, Serialize, ToSchema)]
struct KeptLogin {
    id: String,
    created_at: Instant,
    seen_at: Instant,
    ended_at: Option<Instant>,
    ip: String,
    user_agent: String,
    /// The operator who acted in it as the person, if it was not the person.
    impersonated_by: Option<String>,
}

/// An invitation to the person's address.
#[derive(Debug, Serialize, ToSchema)]
struct KeptInvitation {
    id: String,
    org_id: Option<String>,
    role: Option<&'static str>,
    state: &'static str,
    created_at: Instant,
}

/// An API key that the person made.
#[derive(Debug, Serialize, ToSchema)]
struct KeptKey {
    id: String,
    org_id: String,
    project_id: String,
    name: String,
    prefix: String,
    state: &'static str,
    created_at: Instant,
    last_used_at: Option<Instant>,
}

/// A provider key for the person's own calls.
#[derive(Debug, Serialize, ToSchema)]
struct KeptProviderKey {
    id: String,
    name: String,
    provider: String,
    masked: String,
    created_at: Instant,
}

/// What a call left beside the books.
#[derive(Debug, Serialize, ToSchema)]
struct KeptTrace {
    call_id: String,
    org_id: String,
    key_id: String,
    started_at: Instant,
    request_id: String,
    /// The model as the call named it.
    model: String,
    streamed: bool,
    attempts: u8,
    first_byte_ms: u32,
    total_ms: u32,
}

/// A row of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct KeptRow {
    at: Instant,
    action: String,
    resource: String,
    outcome: String,
    ip: String,
    user_agent: String,
    /// A JSON object, as text.
    detail: String,
}

impl From<Kept> for KeptShown {
    fn from(kept: Kept) -> Self {
        let all = kept.everything;
        Self {
            user: all.user.into(),
            memberships: all.memberships.into_iter().map(KeptMembership::from).collect(),
            logins: all.logins.into_iter().map(KeptLogin::from).collect(),
            invitations: all.invitations.into_iter().map(KeptInvitation::from).collect(),
            keys: all.keys.into_iter().map(KeptKey::from).collect(),
            provider_keys: all.provider_keys.into_iter().map(KeptProviderKey::from).collect(),
            traces: all.traces.into_iter().map(KeptTrace::from).collect(),
            traces_has_more: all.more_traces,
            audit: kept.trail.into_iter().map(|link| KeptRow::from(link.entry)).collect(),
            audit_has_more: kept.more,
        }
    }
}

impl From<store::users::Membership> for KeptMembership {
    fn from(row: store::users::Membership) -> Self {
        Self {
            org_id: row.org.to_string(),
            org: row.name,
            role: row.role.word(),
            created_at: row.created_at.into(),
        }
    }
}

impl From<store::logins::Login> for KeptLogin {
    fn from(row: store::logins::Login) -> Self {
        Self {
            id: row.id.to_string(),
            created_at: row.created_at.into(),
            seen_at: row.seen_at.into(),
            ended_at: row.ended_at.map(Instant),
            ip: row.ip,
            user_agent: row.user_agent,
            impersonated_by: row.impersonated_by.map(|by| by.to_string()),
        }
    }
}

impl From<store::invitations::Invitation> for KeptInvitation {
    fn from(row: store::invitations::Invitation) -> Self {
        let (org_id, role) = match row.grants {
            Grants::Setup | Grants::Operator => (None, None),
            Grants::Membership { org, role } => (Some(org.to_string()), Some(role.word())),
        };
        Self {
            id: row.id.to_string(),
            org_id,
            role,
            state: row.state.word(),
            created_at: row.created_at.into(),
        }
    }
}

impl From<store::keys::Key> for KeptKey {
    fn from(row: store::keys::Key) -> Self {
        Self {
            id: row.id.to_string(),
            org_id: row.org.to_string(),
            project_id: row.project.to_string(),
            name: row.name,
            prefix: row.prefix.to_string(),
            state: row.state.word(),
            created_at: row.created_at.into(),
            last_used_at: row.last_used_at.map(Instant),
        }
    }
}

impl From<store::provider_keys::ProviderKey> for KeptProviderKey {
    fn from(row: store::provider_keys::ProviderKey) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            provider: row.provider,
            masked: row.masked,
            created_at: row.created_at.into(),
        }
    }
}

impl From<store::traces::CallTrace> for KeptTrace {
    fn from(row: store::traces::CallTrace) -> Self {
        let Trace { request_id, model_asked, streamed, pace } = row.trace;
        Self {
            call_id: row.call.to_string(),
            org_id: row.org.to_string(),
            key_id: row.key.to_string(),
            started_at: row.at.into(),
            request_id,
            model: model_asked,
            streamed,
            attempts: pace.attempts,
            first_byte_ms: pace.first_byte_ms,
            total_ms: pace.total_ms,
        }
    }
}

impl From<domain::audit::Entry> for KeptRow {
    fn from(entry: domain::audit::Entry) -> Self {
        Self {
            at: entry.at.into(),
            action: entry.action,
            resource: entry.resource,
            outcome: entry.outcome,
            ip: entry.ip,
            user_agent: entry.user_agent,
            detail: entry.detail,
        }
    }
}
