//! The audit trail as evidence: signing its end, proving it whole, and handing it out. It appends nothing itself.

pub mod archive;
pub mod export;
pub mod head;
mod lines;
pub mod verify;
