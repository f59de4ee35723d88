//! The data plane: one request from its credential to the last byte of its answer. It answers applications; it
//! refuses to know SQL, the admin API and people. Read `pipeline.rs` first: the order there is the security
//! argument, and every stage is one file with one public function.

mod pipeline;

mod framing;

mod admit;
mod authenticate;
mod cors;
mod decode;
mod dispatch;
mod hold;
mod inline;
mod permit;
mod plan;
mod relay;
mod upstream;
mod whole;

mod alarm;
mod arrival;
pub mod batches;
mod body;
mod call;
mod content;
mod files;
mod forwarded;
mod head;
mod headers;
mod listing;
mod parting;
mod query;
mod references;
mod refusal;
mod stateful;
mod strangers;
mod surface;
mod targets;
mod visit;

mod gate;
mod listener;

pub use cors::{Pages, Unprotected};
pub use forwarded::{Named, Proxies};
pub use gate::{Clouds, Gateway, Parts, Settings, Timeouts};
pub use inline::ProviderUrls;
pub use listener::{BadCertificate, Capacity, Certificate, Listener};
pub use strangers::{Counts, Strangers};
