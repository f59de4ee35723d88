//! The providers' formats: what a request asks, what an answer holds, how an event stream is framed, and the
//! catalogue of providers and models. Pure bytes in, facts out: no sockets, no runtime, no tenants, no money.

pub mod catalog;
pub mod dialect;
pub mod json;
pub mod sse;

pub use dialect::openai;

#[cfg(test)]
mod vectors;
