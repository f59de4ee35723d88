//! The only crate that opens outbound sockets: one policy for every outbound URL, our own resolution, and a
//! connection to exactly the address that was checked. It does not know what is sent, by whom, or what it costs.

mod body;
mod calm;
mod client;
mod connect;
mod failed;
mod policy;
mod pool;
mod resolve;
mod target;

pub use body::Body;
pub use calm::asks_for_calm;
pub use client::{BadSettings, Client, Settings};
pub use failed::{Failed, Reached};
pub use policy::allowed::{Allowed, BadEntry};
pub use policy::{Policy, Rejected};
pub use resolve::{Answers, Resolve, SystemResolver, look_up};
pub use target::{BadPath, Target};
