//! What the process leaves behind when it dies: no core file with secrets in it, no panic message with a payload.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Core dumps could not be switched off.
#[derive(Debug, thiserror::Error)]
#[error("core dumps cannot be switched off ({0}): a crash may write secrets to disk")]
pub struct CoreDumpsStay(#[from] rustix::io::Errno);

/// Switches core dumps off, and makes panics say where they happened but not what they held.
///
/// # Errors
/// [`CoreDumpsStay`] when the limit cannot be set; the panic message is in place all the same.
pub fn keep() -> Result<(), CoreDumpsStay> {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        crate::cmd::output::complain(&format!("portcullis: internal fault at {place}"));
    }));
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // The limit does not bind a core that the kernel pipes to a program (core(5)). This does, and it keeps other
    // processes of the same account from reading this one's memory and environment.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
