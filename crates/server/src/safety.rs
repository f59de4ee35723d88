//! Production safety as far as the configuration alone cannot tell: what the books hold, and that no check is
//! overridden without a row in the audit trail.

use std::net::IpAddr;
use std::path::Path;

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor, Outcome};
use domain::time::Clock;
use store::provider_keys::ProviderKey;
use store::{ReadFailed, Store, WriteFailed};
use url::{Host, Url};
use wire::catalog::{self, Production};

use crate::config::environment::Variables;
use crate::config::fault::{Fault, Faults};
use crate::config::safety::{DEMO_PROVIDER, PLAIN_PROVIDERS, Settled};
use crate::config::{Config, Flags, is_inside};

/// Name of the actor in the audit trail.
const ACTOR: &str = "serve";
/// Endings of names that no public resolver answers: of the reserved ones (RFC 6761, 6762, 8375, ICANN's `internal`)
/// and of those that networks commonly use within.
const INSIDE_NAMES: [&str; 8] =
    [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".svc", ".test"];

/// What a start finds, or why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Unsafe {
    /// Production refuses to start over it.
    #[error(transparent)]
    Refused(#[from] Faults),
    /// The books cannot be read.
    #[error("the connections cannot be read")]
    Read(#[from] ReadFailed),
    /// What is overridden must be recorded, and is not.
    #[error("an overridden check could not be recorded; nothing is overridden in silence")]
    Write(#[from] WriteFailed),
}

/// Finds what is unsafe in the books.
///
/// # Errors
/// [`ReadFailed`] when the database does not answer.
pub async fn of_books(store: &Store) -> Result<Vec<Fault>, ReadFailed> {
    let rows = store.provider_keys().list().await?;
    Ok(rows.iter().flat_map(of_connection).collect())
}

/// The same, judged and joined to what was overridden of the configuration; each override is recorded.
///
/// # Errors
/// [`Unsafe`], with every fault of the books at once.
pub async fn examine(
    store: &Store,
    config: &Config,
    overridden: &[Fault],
    clock: &Clock,
) -> Result<Settled, Unsafe> {
    let mut settled = config.safety.settle(of_books(store).await?);
    if !settled.faults.is_empty() {
        return Err(Faults(settled.faults).into());
    }
    settled.overridden.splice(..0, overridden.iter().cloned());
    let act = Act::new(Actor::system(ACTOR), clock.now());
    for fault in &settled.overridden {
        let check = fault.check.unwrap_or_default();
        let detail = Detail::none().text("subject", &fault.subject).text("problem", &fault.problem);
        store.audit().record(&act.entry(Action::PRODUCTION_OVERRIDE, check, Outcome::Done, detail)).await?;
    }
    Ok(settled)
}

/// Adds the faults of the books to those of a configuration that refuses to start, so that all are told at once. A
/// database that is not there or does not open is left to the next start, which is told so.
pub async fn with_those_of_books(Faults(mut faults): Faults, flags: &Flags, variables: &Variables) -> Faults {
    let Some(config) = Config::unsettled(flags, variables) else { return Faults(faults) };
    let path = config.database();
    if let Some(found) = of_database(&path).await {
        faults.extend(config.safety.settle(found).faults);
    }
    Faults(faults)
}

async fn of_database(path: &Path) -> Option<Vec<Fault>> {
    if !path.exists() {
        return None;
    }
    let store = Store::open(path, vault::digest::sha256_of_parts).await.ok()?;
    let found = of_books(&store).await.ok();
    store.close().await;
    found
}

fn of_connection(row: &ProviderKey) -> Vec<Fault> {
    let subject = format!("provider {}", row.name);
    let again = format!("Remove it with `portcullis provider remove {}`.", row.name);
    let mut found = Vec::new();
    if let Some(known) = catalog::provider(&row.provider).filter(|row| row.production == Production::Refused)
    {
        let problem = format!("{} is for trials and refused in production", known.title);
        found.push(Fault::new(&subject, problem, again).of(&DEMO_PROVIDER));
    }
    if Url::parse(&row.base_url).is_ok_and(|url| goes_out_in_the_clear(&url)) {
        let problem = format!("keys and prompts go to {} in the clear", row.base_url);
        let fix = "Connect it again with an https base URL.";
        found.push(Fault::new(&subject, problem, fix).of(&PLAIN_PROVIDERS));
    }
    found
}

/// Whether this URL leads over plain HTTP to what may be beyond the own network.
fn goes_out_in_the_clear(url: &Url) -> bool {
    let inside = match url.host() {
        None => true,
        Some(Host::Ipv4(address)) => is_inside(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_inside(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            !name.contains('.') || INSIDE_NAMES.iter().any(|ending| name.ends_with(ending))
        }
    };
    url.scheme() == "http" && !inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_the_own_network_without_tls_is_in_the_clear() {
        let check = |url: &str, expect: bool| {
            assert_eq!(goes_out_in_the_clear(&Url::parse(url).unwrap()), expect, "{url}");
        };
        check("https://models.example.com/v1", false);
        check("http://models.example.com/v1", true);
        check("http://203.0.113.9/v1", true);
        check("http://[2606:4700::1]/v1", true);
        check("http://127.0.0.1:11434/v1", false);
        check("http://10.0.0.5:8000/v1", false);
        check("http://[fd00::5]:8000/v1", false);
        check("http://ollama:11434/v1", false);
        check("http://gpu.internal/v1", false);
        check("http://vllm.models.svc/v1", false);
        check("http://internal.example.com/v1", true);
    }
}
