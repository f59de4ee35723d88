//! Sealing of secrets, key digests and entropy. The only crate that names a cipher or a hash; it knows nothing of
//! HTTP, SQL or where a secret is kept.

pub mod digest;
pub mod entropy;
pub mod envelope;
pub mod keyring;
pub mod signing;
