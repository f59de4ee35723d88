//! A bound on memory that bites: the allocator refuses what goes beyond it, and the run ends as a finding.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that are allocated now.
#[must_use]
pub fn allocated() -> usize {
    MEMORY.allocated()
}

/// Does `work`, which may have at most `bytes` more allocated than there are now, at any moment.
///
/// # Panics
/// When the allocator cannot be given its bound, which is a defect of the harness.
pub fn within<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let limit = MEMORY.allocated().saturating_add(bytes);
    assert!(MEMORY.set_limit(limit).is_ok(), "the bound is below what is allocated");
    let done = work();
    assert!(MEMORY.set_limit(usize::MAX).is_ok());
    done
}
