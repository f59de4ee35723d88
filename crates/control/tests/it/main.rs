//! What the control plane proves, against a real database file.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod retention;
