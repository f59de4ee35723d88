//! Batches of requests that a provider works through in its own time: what the gate has to know to find one again, to
//! guard it, and to put it into the books when it has ended.

use serde::{Deserialize, Serialize};

use crate::file::Requests;
use crate::id::ProviderKeyId;
use crate::price::Pricing;
use crate::usage::{CallOpened, RouteMode};

/// One batch. It is recorded before the provider is asked to begin, without a name, and again when the name is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The call that the books will hold: whose it is, and when it was asked for.
    pub opened: CallOpened,
    /// The connection whose account works through it.
    pub connection: ProviderKeyId,
    /// Who pays its provider.
    pub route_mode: RouteMode,
    /// Its provider.
    pub provider: String,
    /// The file with its requests, by the provider's name.
    pub input_file: String,
    /// What those are.
    pub requests: Requests,
    /// What its model costs in a batch, as of the day it was asked for.
    pub pricing: Pricing,
    /// Which price row that is.
    pub price_version: String,
    /// The name that the provider gave it; none until it is known.
    pub name: Option<String>,
}
