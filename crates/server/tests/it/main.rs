//! The whole system on real sockets: one World per test, with a scripted upstream, and invariants at its end.

#[cfg(test)]
mod world;

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod api;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod bedrock;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod egress_check;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod imported;
#[cfg(test)]
mod input;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod log_lines;
#[cfg(test)]
mod lying;
#[cfg(test)]
mod metering;
#[cfg(test)]
mod money;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod production;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod stateful;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod surfaces;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod transit;
#[cfg(test)]
mod vault_keys;
#[cfg(test)]
mod vertex;
