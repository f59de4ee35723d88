//! Provider keys: opened for one attempt and gone with it. What a thread remembers is how to open them quickly, which is
//! nothing without the sealed value of a connection that is still in use.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use domain::code::Code;
use domain::id::ProviderKeyId;
use domain::pool::Told;
use domain::route::Connection;
use domain::secret::Secret;
use live::meters::Attempt;
use vault::envelope::{Bind, DoesNotOpen, Prepared, Vault};

use super::{Failure, Next};
use crate::refusal::Refusal;

/// The purpose under which provider keys are sealed.
const PURPOSE: &str = "provider_key";
/// Connections of which a thread remembers something; beyond it, it starts again with none.
const KEPT: usize = 1_024;

/// The way to one key, as long as its connection and the encryption keys are what they were.
struct Kept {
    connection: Weak<Connection>,
    vault: Weak<Vault>,
    prepared: Prepared,
}

thread_local! {
    static PREPARED: RefCell<HashMap<ProviderKeyId, Kept>> = RefCell::new(HashMap::new());
}

/// The key of a connection; none where it has none.
pub(super) fn open_sealed(
    vault: &Arc<Vault>,
    connection: &Arc<Connection>,
) -> Result<Option<Arc<Secret>>, Failure> {
    let Some(sealed) = &connection.sealed else { return Ok(None) };
    open(vault, connection, sealed).map(|secret| Some(Arc::new(secret))).map_err(|broken| {
        let refusal = Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
        let detail = format!("the provider key does not open: {broken}");
        Failure::new(Next::Elsewhere, refusal, Attempt::Unreachable, detail).telling(Told::Sealed)
    })
}

fn open(vault: &Arc<Vault>, connection: &Arc<Connection>, sealed: &[u8]) -> Result<Secret, DoesNotOpen> {
    PREPARED.with_borrow_mut(|all| {
        if let Some(kept) = all.get(&connection.id).filter(|kept| kept.is_for(vault, connection)) {
            return kept.prepared.open(sealed);
        }
        let bind = Bind { org: connection.owner.org(), record: connection.id.uuid(), purpose: PURPOSE };
        let Some(prepared) = vault.prepare(sealed, &bind)? else { return vault.open(sealed, &bind) };
        let secret = prepared.open(sealed)?;
        // What serves nothing any more goes before something new comes.
        all.retain(|_, kept| kept.is_in_use());
        if all.len() >= KEPT {
            all.clear();
        }
        let (of, by) = (Arc::downgrade(connection), Arc::downgrade(vault));
        all.insert(connection.id, Kept { connection: of, vault: by, prepared });
        Ok(secret)
    })
}

impl Kept {
    /// A place that something else has taken since is not taken for the same: what is remembered holds on to it.
    fn is_for(&self, vault: &Arc<Vault>, connection: &Arc<Connection>) -> bool {
        self.connection.as_ptr() == Arc::as_ptr(connection) && self.vault.as_ptr() == Arc::as_ptr(vault)
    }

    fn is_in_use(&self) -> bool {
        self.connection.strong_count() > 0 && self.vault.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use domain::pool::quota::Quotas;
    use domain::route::{Owner, Serves};
    use uuid::Uuid;
    use vault::keyring::Keyring;

    use super::*;

    fn vault_of(seed: u8) -> Arc<Vault> {
        let key = Secret::new((0..32).map(|index: u8| index ^ seed).collect());
        Arc::new(Vault::new(Keyring::new(vec![key]).unwrap()))
    }

    fn connection(vault: &Vault, key: &str, number: u128) -> Arc<Connection> {
        let id = ProviderKeyId::new(Uuid::from_u128(number));
        let bind = Bind { org: None, record: id.uuid(), purpose: PURPOSE };
        let sealed = vault.seal(&Secret::new(key.as_bytes().to_vec()), &bind).unwrap();
        Arc::new(Connection {
            id,
            owner: Owner::Platform,
            name: Arc::from("one"),
            provider: Arc::from("openai"),
            base_url: Arc::from("https://example.com"),
            sealed: Some(Arc::from(sealed)),
            serves: Serves::Any,
            priority: 1,
            fallback_to_platform: false,
            in_service: true,
            rests_until: None,
            quotas: Quotas::default(),
        })
    }

    fn check(vault: &Arc<Vault>, connection: &Arc<Connection>, expect: Option<&str>) {
        let found = open_sealed(vault, connection).ok().flatten();
        assert_eq!(found.as_ref().map(|secret| secret.open()), expect.map(str::as_bytes));
    }

    #[test]
    fn what_is_remembered_serves_the_same_connection_and_the_same_keys_alone() {
        let (first, second) = (vault_of(1), vault_of(2));
        let old = connection(&first, "sk-old", 7);
        check(&first, &old, Some("sk-old"));
        check(&first, &old, Some("sk-old"));
        check(&second, &old, None);
        let new = connection(&first, "sk-new", 7);
        check(&first, &new, Some("sk-new"));
        check(&first, &old, Some("sk-old"));
        check(&second, &connection(&second, "sk-other", 7), Some("sk-other"));
        check(&first, &old, Some("sk-old"));
    }

    #[test]
    fn what_serves_nothing_any_more_is_forgotten() {
        let vault = vault_of(1);
        let gone = connection(&vault, "sk-gone", 8);
        check(&vault, &gone, Some("sk-gone"));
        drop(gone);
        check(&vault, &connection(&vault, "sk-here", 9), Some("sk-here"));
        let kept = PREPARED.with_borrow(|all| all.keys().map(|id| id.uuid().as_u128()).collect::<Vec<_>>());
        assert_eq!(kept, [9]);
    }
}
