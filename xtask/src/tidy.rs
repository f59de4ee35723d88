//! The rules of the house, as a program: who may depend on whom, who may touch what, how files look. Each failure
//! prints the sentence to read. What a compiler lint can say is left to the lints.

pub mod direction;
pub mod effects;
pub mod errors_page;
pub mod layout;
pub mod links;
pub mod promises;
pub mod prose;
pub mod sources;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::program::say;
use crate::tidy::sources::Source;

/// Checks every rule and tells every breach.
pub fn everything(places: &Places) -> Result<()> {
    let files = sources::tracked(&places.root)?;
    let mut breaches = direction::breaches(places)?;
    for file in &files {
        breaches.extend(of_file(file));
        breaches.extend(links::breaches(&places.root, file));
    }
    breaches.extend(errors_page::breaches(&places.root)?);
    breaches.extend(crate::api_page::breaches(&places.root)?);
    breaches.extend(crate::facts::breaches(&places.root, &files)?);
    breaches.extend(promises::breaches(&places.root)?);
    breaches.extend(layout::stale_exceptions(&files));
    breaches.extend(effects::stale_exceptions(&files));
    breaches.sort();
    for breach in &breaches {
        say(&format!("tidy: {breach}"));
    }
    if breaches.is_empty() { Ok(()) } else { bail!("{} rules are broken", breaches.len()) }
}

fn of_file(file: &Source) -> Vec<String> {
    let mut breaches = prose::breaches(file);
    if file.is_rust() {
        breaches.extend(layout::breaches(file));
        breaches.extend(effects::breaches(file));
    }
    breaches
}
