//! The routes of the admin API, one file for each noun: its handlers and the types they read and write.
//!
//! To add a noun: write `routes/things.rs` with handlers that `#[utoipa::path]` describes (their doc comment is the
//! summary) and a `pub(super) fn routes(all: Routes) -> Routes` that adds each with its `Rule`; name it below. A handler
//! takes its caller (`Visitor`, `Person`, `Member`, `Operator`, `Reader`: the one its rule gives), then `State<Api>`,
//! `Id<ThingId>` for `{id}`, `Pages` with `params(Paging)` for a list, `Asked<T>` for other query parameters, and last
//! `Json<T>` where T says `deny_unknown_fields`. It gives `Result<Json|Made|MadeOnce|Done, Problem>`; what the store
//! refuses becomes a `Problem` in the noun's file, once. Only its own successes are described: `openapi` adds what every
//! operation may answer. Then give it its rows in the table of `server/tests/it/api/coverage/`, and write `docs/openapi.json`
//! anew with `portcullis openapi`.

mod audit;
mod email;
pub(crate) mod health;
mod impersonation;
mod invitations;
mod keys;
mod login;
mod me;
mod members;
mod orgs;
mod password;
mod projects;
mod provider_keys;
mod providers;
mod registration;
mod retention;
mod totp;
mod usage;
mod users;

use crate::api::access::Routes;

/// Every route with its rule.
#[must_use]
pub fn all() -> Routes {
    let all = Routes::default();
    let all = registration::routes(all);
    let all = login::routes(all);
    let all = password::routes(all);
    let all = email::routes(all);
    let all = me::routes(all);
    let all = totp::routes(all);
    let all = impersonation::routes(all);
    let all = orgs::routes(all);
    let all = projects::routes(all);
    let all = keys::routes(all);
    let all = members::routes(all);
    let all = invitations::routes(all);
    let all = users::routes(all);
    let all = provider_keys::routes(all);
    let all = providers::routes(all);
    let all = audit::routes(all);
    let all = retention::routes(all);
    usage::routes(all)
}
