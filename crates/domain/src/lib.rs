//! The vocabulary and the rules of Portcullis. Pure: no async, no I/O, no clock, no randomness, no floats for
//! money, no framework. Everything else depends on this crate; this crate depends on nothing of ours.

pub mod address;
pub mod audit;
pub mod batch;
pub mod catalog;
pub mod chat;
pub mod code;
pub mod file;
pub mod foreign;
pub mod id;
pub mod limit;
pub mod money;
pub mod origin;
pub mod pinned;
pub mod pool;
pub mod price;
pub mod protocol;
pub mod retention;
pub mod role;
pub mod route;
pub mod scope;
pub mod secret;
pub mod tenant;
pub mod time;
pub mod token;
pub mod usage;
