//! The store against a real database file: one module per family of tables, as the families are.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its world fails by saying so"
)]

mod audit;
mod changes;
mod keys;
mod models;
mod opening;
mod operator_tokens;
mod orgs;
mod projects;
mod provider_keys;
mod summary;
mod usage;
mod world;
mod writers;
