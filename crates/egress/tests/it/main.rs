//! The crate through its edge, on real loopback sockets.

#[cfg(test)]
mod flow;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod secured;
#[cfg(test)]
mod world;
