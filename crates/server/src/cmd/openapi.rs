//! `portcullis openapi`: the description of the admin API, as it is served and kept in the documents.

use anyhow::{Context as _, Result};
use control::api::openapi;

use super::output::print;

/// Prints it.
///
/// # Errors
/// When standard output cannot be written.
pub fn run() -> Result<()> {
    Ok(print(&openapi::text().context("the admin API cannot describe itself")?)?)
}
