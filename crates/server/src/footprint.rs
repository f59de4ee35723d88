//! How much memory the process takes from the system for what it uses.

/// Has the kernel give out memory in small pages. In large ones of 2 MiB, each thread's few allocations of each size make
/// a whole page resident: an idle process takes four times as much.
pub fn keep_small() {
    // A kernel without large pages gives out small ones anyway.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
