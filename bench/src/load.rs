//! Load from outside: requests at a fixed rate whatever the answers take, streams next to each other, and streams that
//! are held open meanwhile. Each run prints what it saw as JSON lines and judges nothing.

pub mod call;
pub mod events;
pub mod hold;
pub mod options;
pub mod pace;
pub mod rate;
pub mod spread;
pub mod streams;
