//! What the control plane proves, against a real database file.

#[cfg(test)]
mod audit;
