//! The store against a real database file: one module per family of tables, as the families are.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its world fails by saying so"
)]

mod archives;
mod audit;
mod batches;
mod changes;
mod files;
mod idempotency;
mod impersonation;
mod invitations;
mod keys;
mod kinds;
mod login_failures;
mod logins;
mod mailed_tokens;
mod members;
mod models;
mod opening;
mod operator_tokens;
mod orgs;
mod pages;
mod pinned;
mod projects;
mod provider_keys;
mod retention;
mod sealed_values;
mod summary;
mod tenancy;
mod usage;
mod users;
mod world;
mod writers;
