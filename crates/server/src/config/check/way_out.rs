//! The section about the way out: what may be called beyond the public internet, by whom, and where providers are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use egress::{Allowed, Policy};
use wire::catalog;

use super::readable;
use crate::config::fault::Fault;
use crate::config::{Egress, raw};

/// The way out; `None` exactly when a fault was added.
pub(super) fn egress(raw: &raw::Egress, data_dir: &Path, faults: &mut Vec<Fault>) -> Option<Egress> {
    let before = faults.len();
    let allow = endpoints("egress.allow", &raw.allow, faults);
    let tenant_allow = endpoints("egress.tenant_allow", &raw.tenant_allow, faults);
    let provider_urls = provider_urls(&raw.provider_urls, &allow, faults);
    let faultless = faults.len() == before;
    let extra_roots: Vec<PathBuf> = raw.extra_roots.iter().map(|file| data_dir.join(file)).collect();
    extra_roots.iter().for_each(|file| readable("egress.extra_roots", file, faults));
    faultless.then_some(Egress { allow, tenant_allow, provider_urls, extra_roots })
}

fn endpoints(name: &str, entries: &[String], faults: &mut Vec<Fault>) -> Vec<Allowed> {
    let mut allowed = Vec::new();
    for entry in entries {
        match entry.parse() {
            Ok(endpoint) => allowed.push(endpoint),
            Err(error) => faults.push(Fault::new(
                name,
                format!("`{entry}`: {error}"),
                "Give host:port, address:port or a network such as 10.1.0.0/16.",
            )),
        }
    }
    allowed
}

fn provider_urls(
    entries: &[String],
    allow: &[Allowed],
    faults: &mut Vec<Fault>,
) -> BTreeMap<&'static str, String> {
    const NAME: &str = "egress.provider_urls";
    let policy = Policy::new(allow.to_vec());
    let mut urls = BTreeMap::new();
    for entry in entries {
        let named =
            entry.split_once('=').and_then(|(slug, url)| Some((catalog::provider(slug.trim())?, url)));
        let Some((provider, url)) = named else {
            let fix = "Write slug=URL; `portcullis provider catalog` lists the slugs.";
            faults.push(Fault::new(NAME, format!("`{entry}` names no provider"), fix));
            continue;
        };
        let url = url.trim().trim_end_matches('/');
        match policy.check(url) {
            Err(rejected) => {
                let fix = "Give an https address, or list a private one in egress.allow.";
                faults.push(Fault::new(NAME, format!("`{entry}`: {rejected}"), fix));
            }
            Ok(_) if url.contains('?') => {
                let problem = format!("`{entry}`: the address carries a query");
                faults.push(Fault::new(NAME, problem, "Give scheme, host and path only."));
            }
            Ok(_) => drop(urls.insert(provider.slug, url.to_owned())),
        }
    }
    urls
}
