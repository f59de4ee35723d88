//! What the request path may read and write without waiting for a database: keys and routes (snapshot), limits
//! (counters), what must be posted later (outbox) and figures (meters). It knows no SQL and no HTTP.

pub mod counters;
pub mod meters;
pub mod outbox;
pub mod snapshot;
