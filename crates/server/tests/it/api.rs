//! The admin API over real sockets: what holds for every route, and the routes noun by noun.

mod audit;
mod browsers;
mod byok;
mod coverage;
mod credentials;
mod cursors;
mod document;
mod idempotency;
mod impersonation;
mod keys;
mod lockout;
mod login;
mod mail;
mod me;
mod members;
mod orgs;
mod problems;
mod projects;
mod provider_keys;
mod recovery;
mod retention;
mod tenancy;
mod unrecordable;
mod usage;
