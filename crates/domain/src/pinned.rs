//! Answers that their provider keeps: who may name one later, and which connection holds it. The name itself is not here,
//! only its digest; what was said is with the provider alone.

use serde::{Deserialize, Serialize};

use crate::id::{OrgId, ProviderKeyId};
use crate::time::Timestamp;

/// One answer that is kept by the account behind a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Whose answer it is: nobody else may go on from it.
    pub org: OrgId,
    /// SHA-256 of the name that the provider gave it.
    pub digest: [u8; 32],
    /// The connection whose account holds it.
    pub connection: ProviderKeyId,
    /// When it was given.
    pub at: Timestamp,
}
