//! The control plane: the admin listener and the jobs that run beside the request path. It refuses to know how a
//! call is served.

pub mod admin;
pub mod api;
pub mod audit;
pub mod jobs;
pub mod login;
pub mod mail;
pub mod provider_keys;
pub mod retention;
pub mod routes;
pub mod vault_keys;
