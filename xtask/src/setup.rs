//! Installs what the suites and checks need and the machine lacks. Each part is quick when there is nothing to do,
//! works as root or not, and ends in an error that says what to install when it cannot; nothing is skipped.

pub mod debian;
pub mod node;
pub mod python;
pub mod tools;

use anyhow::Result;

use crate::places::Places;

/// Everything that `test` and `check` need.
pub fn everything(places: &Places) -> Result<()> {
    python::suites(places)?;
    python::api(places)?;
    python::matrix(places)?;
    tools::nextest(places)?;
    tools::deny(places)?;
    tools::audit(places)?;
    tools::gitleaks(places)?;
    tools::openbao(places)?;
    tools::aiosmtpd(places)?;
    node::suites(places)?;
    crate::model::install(places)
}
