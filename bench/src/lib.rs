//! What the programs of the benchmark share. They know HTTP and the form of a chat call, and nothing of the product
//! that is measured.

pub mod answers;
pub mod load;
pub mod workers;
