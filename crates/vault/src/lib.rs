//! Sealing of secrets, passwords, tokens, digests and entropy. The only crate that names a cipher or a hash; it knows nothing of
//! HTTP, SQL or where a secret is kept.

pub mod access_token;
pub mod digest;
pub mod entropy;
pub mod envelope;
pub mod keyring;
pub mod mac;
pub mod password;
pub mod remote;
pub mod signing;
pub mod totp;
