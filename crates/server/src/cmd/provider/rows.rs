//! Connections, providers and offered models as they are printed. The names of fields are stable.

use domain::route::Serves;
use domain::time::Timestamp;
use serde::Serialize;
use store::provider_keys::ProviderKey;
use store::switch::Switch;
use wire::catalog::{KeyRule, Production, Provider};

use super::quota::Shown;
use crate::cmd::instant;
use crate::cmd::output::Row;

#[derive(Serialize)]
pub(super) struct Connected {
    id: String,
    name: String,
    provider: String,
    base_url: String,
    secret_masked: Option<String>,
    models: Option<Vec<String>>,
    priority: u16,
    /// What a person decided; what the gate finds of it is the API's to say.
    state: &'static str,
    until: Option<String>,
    org_id: Option<String>,
    user_id: Option<String>,
    fallback_to_platform: bool,
    quotas: Shown,
    created_at: String,
}

impl Row for Connected {
    const HEAD: &'static [&'static str] =
        &["name", "provider", "id", "base url", "secret", "models", "priority", "state", "until", "org"];

    fn cells(&self) -> Vec<String> {
        let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
        vec![
            self.name.clone(),
            self.provider.clone(),
            self.id.clone(),
            self.base_url.clone(),
            or(&self.secret_masked, "none"),
            self.models.as_ref().map_or_else(|| "any".to_owned(), |models| models.join(",")),
            self.priority.to_string(),
            self.state.to_owned(),
            or(&self.until, ""),
            or(&self.org_id, "all"),
        ]
    }
}

impl Connected {
    /// A connection as it is at `now`.
    pub(super) fn new(row: ProviderKey, now: Timestamp) -> Self {
        let rests_until = row.rests_until.filter(|until| row.state == Switch::Active && *until > now);
        Self {
            id: row.id.to_string(),
            name: row.name,
            provider: row.provider,
            base_url: row.base_url,
            secret_masked: row.sealed.is_some().then_some(row.masked),
            models: match row.serves {
                Serves::Any => None,
                Serves::Listed(models) => Some(models),
            },
            priority: row.priority,
            state: if rests_until.is_some() { "cooldown" } else { row.state.word() },
            until: rests_until.map(instant::written),
            org_id: row.owner.org().map(|org| org.to_string()),
            user_id: row.owner.user().map(|user| user.to_string()),
            fallback_to_platform: row.fallback_to_platform,
            quotas: row.quotas.into(),
            created_at: instant::written(row.created_at),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Known {
    slug: &'static str,
    title: &'static str,
    base_url: Option<&'static str>,
    needs_key: bool,
    local: bool,
    production: bool,
    docs_url: &'static str,
    notes: &'static str,
}

impl Row for Known {
    const HEAD: &'static [&'static str] = &["provider", "title", "base url", "key"];

    fn cells(&self) -> Vec<String> {
        let key = if self.needs_key { "required" } else { "optional" };
        let base_url = self.base_url.unwrap_or("(yours: --base-url)");
        vec![self.slug.to_owned(), self.title.to_owned(), base_url.to_owned(), key.to_owned()]
    }
}

#[derive(Serialize)]
pub(super) struct Offered {
    pub(super) id: String,
}

impl Row for Offered {
    const HEAD: &'static [&'static str] = &["model"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone()]
    }
}

impl From<&'static Provider> for Known {
    fn from(provider: &'static Provider) -> Self {
        Self {
            slug: provider.slug,
            title: provider.title,
            base_url: provider.base_url,
            needs_key: provider.key == KeyRule::Required,
            local: provider.local,
            production: provider.production == Production::Allowed,
            docs_url: provider.docs_url,
            notes: provider.notes,
        }
    }
}
