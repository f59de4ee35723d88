//! What the crate promises, seen from outside.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod gather;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod pinned;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod room;
mod segments;
#[cfg(test)]
mod snapshot;
