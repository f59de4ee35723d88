//! Portcullis: the gate between applications and language models. This crate reads files, the environment, the time
//! and the command line, and joins the parts; it decides nothing about calls.

pub mod admin_api;
pub mod ambient;
mod answer_lookup;
pub mod boot;
pub mod certificates;
pub mod cmd;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod discretion;
mod file_lookup;
pub mod footprint;
mod key_lookup;
pub mod key_provider;
pub mod logs;
pub mod provider_catalogue;
mod public_api;
mod reception;
pub mod safety;
mod upkeep;
