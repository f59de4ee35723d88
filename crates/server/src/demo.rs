//! Portcullis on trial: the demo provider, which speaks the OpenAI protocol from fixed rules, and the words that
//! `portcullis demo` greets with. Nothing here is reachable from `portcullis serve`.

pub mod greeting;
pub mod provider;
