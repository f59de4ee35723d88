//! What the request path may read and write without waiting for a database: keys and routes (snapshot), limits
//! (counters), how connections do (pool) and what befalls them (incidents), what must be posted later (outbox) and
//! figures (meters). It knows no SQL and no HTTP.

pub mod counters;
pub mod incidents;
pub mod kept;
pub mod meters;
pub mod outbox;
pub mod pinned;
pub mod pool;
pub mod refusals;
pub mod snapshot;
pub mod sources;
mod thread_number;
