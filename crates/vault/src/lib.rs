//! Sealing of secrets, passwords, tokens, digests and entropy. The only crate that names a cipher or a hash; it knows nothing of
//! HTTP, SQL or where a secret is kept.

pub mod access_token;
pub mod digest;
pub mod entropy;
pub mod envelope;
pub mod keyring;
pub mod mac;
pub mod password;
pub mod recovery;
pub mod remote;
pub mod service_account;
pub mod signing;
pub mod sigv4;
pub mod totp;
