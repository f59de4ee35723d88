//! What the fuzz targets share: choices read out of the input, and a bound on the memory that a piece of work may
//! take. Knows nothing of the product.

pub mod allowance;
pub mod script;
