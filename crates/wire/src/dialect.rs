//! One module per protocol that upstreams speak.

pub mod openai;
