//! How the installation does: for whoever reaches the admin listener whether it lives and is ready, for operators what
//! it measures, for finders of a weakness where to go. None of it is part of the API's description.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::api::Api;
use crate::api::access::{Rule, guarded};
use crate::api::problem::Problem;

/// The paths.
pub(crate) fn router(api: &Api) -> Router<Api> {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/.well-known/security.txt", get(security_txt))
        .route("/metrics", guarded(api, Rule::Operator, get(metrics)))
}

async fn ready(State(api): State<Api>) -> Response {
    match api.ready().await {
        Ok(true) => "ready".into_response(),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "the outbox takes no records").into_response(),
        Err(failed) => {
            tracing::error!(%failed, "the store cannot serve requests");
            (StatusCode::SERVICE_UNAVAILABLE, "the store cannot serve requests").into_response()
        }
    }
}

async fn security_txt(State(api): State<Api>) -> Result<Response, Problem> {
    let text = api.settings().security_txt.clone().ok_or_else(Problem::not_found)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let text = api.metrics().map_err(Problem::internal)?;
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    Ok((kind, text).into_response())
}
