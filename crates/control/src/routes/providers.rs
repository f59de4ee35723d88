//! The catalogue: the providers that can be connected.

use axum::extract::State;
use domain::usage::Surface;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{ANY_ROLE, Routes, Rule};
use crate::api::caller::Reader;
use crate::api::json::Json;
use crate::api::page::Listed;
use crate::provider_keys::catalogue::{KeyRule, Provider};

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::OperatorOr(ANY_ROLE), routes!(list_providers))
}

/// A provider that can be connected.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Provider)]
struct ProviderShown {
    /// Its name in provider keys and in the full names of models.
    slug: &'static str,
    /// Its name for people.
    title: String,
    /// Where it is; null where only a provider key can say it.
    base_url: Option<String>,
    /// Whether it answers nobody without a key.
    needs_key: bool,
    /// The endpoints it has.
    surfaces: Vec<&'static str>,
    /// Whether it is a server of one's own.
    local: bool,
    /// The page that says how to call it.
    docs_url: &'static str,
    /// What a person should know.
    notes: &'static str,
}

/// The providers that can be connected
#[utoipa::path(get, path = "/api/v1/providers", tag = "provider keys",
    responses((status = 200, description = "All of them", body = Listed<ProviderShown>)))]
async fn list_providers(_: Reader, State(api): State<Api>) -> Json<Listed<ProviderShown>> {
    let data = api.upstreams().providers().into_iter().map(ProviderShown::from).collect();
    Json(Listed { data, next_cursor: None })
}

impl From<Provider> for ProviderShown {
    fn from(provider: Provider) -> Self {
        Self {
            slug: provider.slug,
            title: provider.title,
            base_url: provider.base_url,
            needs_key: provider.key == KeyRule::Required,
            surfaces: provider.surfaces.iter().copied().map(Surface::word).collect(),
            local: provider.local,
            docs_url: provider.docs_url,
            notes: provider.notes,
        }
    }
}
