//! The control plane: the admin listener and the jobs that run beside the request path. It refuses to know how a
//! call is served.

pub mod admin;
pub mod audit;
pub mod jobs;
pub mod vault_keys;
