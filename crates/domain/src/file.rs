//! Files that a provider keeps for a project: whose they are, which connection's account holds them, and what the gate
//! found in them. Never what they say.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};
use crate::time::Timestamp;
use crate::usage::Surface;

/// One file that is kept by the account behind a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Whose file it is.
    pub org: OrgId,
    /// The project, which alone may name it.
    pub project: ProjectId,
    /// The key that brought it, or that asked for what is in it.
    pub key: KeyId,
    /// The connection whose account holds it.
    pub connection: ProviderKeyId,
    /// The name that the provider gave it.
    pub name: String,
    /// What its sender called it.
    pub filename: String,
    /// What it is for, in the provider's word.
    pub purpose: String,
    /// Its size.
    pub bytes: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What is in it.
    pub content: Content,
}

/// What is in a file, as far as the gate has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Requests for a batch, each of which was read and permitted.
    Requests(Requests),
    /// What the batch of this call left behind.
    Results(CallId),
    /// Something to be read by a model.
    Opaque,
}

/// Requests for a batch: all to one endpoint and one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// The endpoint.
    pub surface: Surface,
    /// The model, as the provider knows it.
    pub model: String,
    /// How many there are.
    pub count: u32,
    /// Bytes of text that the model reads, for an estimate when the provider says nothing.
    pub input_bytes: u64,
}

/// A file is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Whose file it was.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The name that the provider gave it.
    pub name: String,
    /// When it was removed.
    pub at: Timestamp,
}
