//! The providers' formats: what a request asks, what an answer holds, how an event stream is framed, and the
//! catalogue of providers and models. Pure bytes in, facts out: no sockets, no runtime, no tenants, no money.

pub mod answer;
pub mod batch;
pub mod catalog;
pub mod dialect;
pub mod failure;
pub mod flow;
pub mod json;
pub mod listing;
pub mod request;
pub mod sse;
pub mod surfaces;
pub mod tap;
pub mod translate;

pub use dialect::openai;

#[cfg(test)]
mod strategies;
#[cfg(test)]
mod vectors;
