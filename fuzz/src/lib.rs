//! What the fuzz targets share: choices read out of the input, a bound on the memory that a piece of work may take, and
//! streams through a translator.

pub mod allowance;
pub mod events;
pub mod relay;
pub mod script;
