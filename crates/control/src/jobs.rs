//! Work that goes on beside the request path. Each job is owned by the binary, which stops it and waits for it.

pub mod anchor;
pub mod data_keys;
pub mod follow;
pub mod impersonations;
pub mod prove;
pub mod refusals;
pub mod retention;
pub mod settle;
