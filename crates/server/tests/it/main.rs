//! The whole system on real sockets: one World per test, with a scripted upstream, and invariants at its end.

mod world;

mod chat;
#[cfg(test)]
mod cli;
mod faults;
mod identity;
mod input;
mod metering;
mod streams;
