//! The whole system on real sockets: one World per test, with a scripted upstream, and invariants at its end.

#[cfg(test)]
mod world;

#[cfg(test)]
mod chat;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod input;
#[cfg(test)]
mod metering;
#[cfg(test)]
mod streams;
