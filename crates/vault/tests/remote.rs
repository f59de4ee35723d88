//! What a remotely wrapped secret promises: it opens while its data key is kept, and its provider has the last word.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its vault fails by saying so"
)]

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::id::OrgId;
use domain::secret::Secret;
use domain::time::{Clock, Timestamp};
use uuid::Uuid;
use vault::envelope::{
    Bind, DoesNotOpen, Fetched, MAX_SECRET_BYTES, RewrapFailed, SealFailed, Vault, WrappedBy, wrapped_by,
};
use vault::keyring::Keyring;
use vault::remote::{Asked, DataKeys, Remote, RemoteFailed, RemoteKey, Renewed};

/// A provider in memory: what it wraps is a number, under which it keeps the key.
#[derive(Default)]
struct Provider {
    kept: Mutex<Vec<(String, u64, Vec<u8>)>>,
    version: AtomicU64,
    fault: Mutex<Option<RemoteFailed>>,
    asked: AtomicU64,
}

impl Provider {
    fn fails(&self, fault: Option<RemoteFailed>) {
        *self.fault.lock().unwrap() = fault;
    }

    fn keep(&self, key: &RemoteKey, data_key: Vec<u8>) -> Vec<u8> {
        let mut kept = self.kept.lock().unwrap();
        let version = self.version.load(Ordering::Relaxed);
        kept.push((key.name().to_owned(), version, data_key));
        format!("v{version}:{}", kept.len() - 1).into_bytes()
    }

    fn find(&self, key: &RemoteKey, wrapped: &[u8]) -> Result<(u64, Vec<u8>), RemoteFailed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = self.fault.lock().unwrap().clone() {
            return Err(fault);
        }
        let text = std::str::from_utf8(wrapped).unwrap();
        let number: usize = text.split_once(':').unwrap().1.parse().unwrap();
        let kept = self.kept.lock().unwrap();
        match &kept[number] {
            (name, version, data_key) if name == key.name() => Ok((*version, data_key.clone())),
            _ => Err(RemoteFailed::Refused("status 400".to_owned())),
        }
    }
}

impl Remote for Provider {
    fn wrap<'a>(&'a self, key: &'a RemoteKey, data_key: &'a Secret) -> Asked<'a, Vec<u8>> {
        Box::pin(async move {
            match self.fault.lock().unwrap().clone() {
                Some(fault) => Err(fault),
                None => Ok(self.keep(key, data_key.open().to_vec())),
            }
        })
    }

    fn unwrap<'a>(&'a self, key: &'a RemoteKey, wrapped: &'a [u8]) -> Asked<'a, Secret> {
        Box::pin(async move { self.find(key, wrapped).map(|(_, data_key)| Secret::new(data_key)) })
    }

    fn renew<'a>(&'a self, key: &'a RemoteKey, wrapped: &'a [u8]) -> Asked<'a, Renewed> {
        Box::pin(async move {
            let (version, data_key) = self.find(key, wrapped)?;
            if version == self.version.load(Ordering::Relaxed) {
                return Ok(Renewed::Current);
            }
            Ok(Renewed::Newer(self.keep(key, data_key)))
        })
    }
}

/// The provider in memory never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

struct House {
    vault: Vault,
    provider: Provider,
    clock: Arc<AtomicI64>,
}

fn ring(seed: u8) -> Vault {
    Vault::new(Keyring::new(vec![Secret::new((0u8..32).map(|index| index ^ seed).collect())]).unwrap())
}

fn house() -> House {
    let clock = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&clock);
    let time = Clock::new(move || Timestamp(read.load(Ordering::Relaxed)));
    let keys = Arc::new(DataKeys::new(time, Duration::from_secs(300)));
    House { vault: ring(1).with_data_keys(keys), provider: Provider::default(), clock }
}

impl House {
    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    fn seal(&self, text: &[u8]) -> Result<Vec<u8>, SealFailed> {
        now(self.vault.seal_by(&self.provider, &key("acme"), &Secret::new(text.to_vec()), &home()))
    }

    fn fetch(&self, sealed: &[u8]) -> Result<Fetched, RemoteFailed> {
        now(self.vault.fetch(&self.provider, sealed))
    }

    fn opened(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.vault.open(sealed, &home()).ok().map(|secret| secret.open().to_vec())
    }
}

fn key(name: &str) -> RemoteKey {
    format!("transit:{name}").parse().unwrap()
}

fn home() -> Bind<'static> {
    Bind { org: Some(OrgId::new(Uuid::from_u128(1))), record: Uuid::from_u128(2), purpose: "provider_key" }
}

fn down() -> RemoteFailed {
    RemoteFailed::Unavailable("no answer".to_owned())
}

const TEXT: &[u8] = b"sk-upstream";

#[test]
fn it_opens_while_its_data_key_is_kept_and_after_it_was_fetched_again() {
    let house = house();
    let sealed = house.seal(TEXT).unwrap();
    assert_eq!(house.opened(&sealed).as_deref(), Some(TEXT));
    assert_eq!(wrapped_by(&sealed), Some(WrappedBy::Remote(key("acme"))));
    assert_eq!(house.vault.reachable_until(&sealed), Some(Timestamp(300_000_000)));
    house.pass(200);
    assert_eq!(house.fetch(&sealed), Ok(Fetched::Again));
    house.pass(299);
    assert_eq!(house.opened(&sealed).as_deref(), Some(TEXT));
    house.pass(1);
    assert_eq!((house.opened(&sealed), house.vault.reachable_until(&sealed)), (None, None));
    assert_eq!(house.fetch(&sealed), Ok(Fetched::Anew));
    assert_eq!(house.opened(&sealed).as_deref(), Some(TEXT));
}

#[test]
fn while_the_provider_is_down_what_is_kept_goes_on_for_its_time_and_nothing_new_is_sealed() {
    let house = house();
    let sealed = house.seal(TEXT).unwrap();
    house.provider.fails(Some(down()));
    assert_eq!(house.seal(TEXT), Err(SealFailed::Remote(down())));
    house.pass(299);
    assert_eq!(house.fetch(&sealed), Err(down()));
    assert_eq!(house.opened(&sealed).as_deref(), Some(TEXT));
    house.pass(1);
    assert_eq!(house.opened(&sealed), None);
    house.provider.fails(None);
    assert_eq!(house.fetch(&sealed), Ok(Fetched::Anew));
    assert_eq!(house.opened(&sealed).as_deref(), Some(TEXT));
}

#[test]
fn it_is_bound_to_its_row_and_every_changed_bit_is_noticed() {
    let house = house();
    let sealed = house.seal(TEXT).unwrap();
    for other in [Bind { org: None, ..home() }, Bind { purpose: "webhook", ..home() }] {
        assert_eq!(house.vault.open(&sealed, &other).err(), Some(DoesNotOpen), "{other:?}");
    }
    for position in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[position / 8] ^= 1 << (position % 8);
        assert_eq!(house.opened(&changed), None, "bit {position}");
    }
    for length in 0..sealed.len() {
        assert_eq!(house.opened(&sealed[..length]), None, "cut to {length}");
    }
    assert_eq!(ring(1).open(&sealed, &home()).err(), Some(DoesNotOpen), "no data keys are kept");
}

#[test]
fn no_longer_kept_means_no_longer_prepared() {
    let house = house();
    let sealed = house.seal(b"sk-upstream").unwrap();
    house.fetch(&sealed).unwrap();
    assert!(house.opened(&sealed).is_some());
    assert!(matches!(house.vault.prepare(&sealed, &home()), Ok(None)), "its time is looked at each time");
}

#[test]
fn every_secret_has_a_data_key_of_its_own() {
    let house = house();
    let (one, two) = (house.seal(b"same").unwrap(), house.seal(b"same").unwrap());
    assert_ne!(one, two);
    // Version, provider, name and lengths are 9 bytes, the wrapped key 4: the tail is another's.
    let crossed = [&one[..13], &two[13..]].concat();
    assert_eq!(house.opened(&crossed), None);
    assert!(!one.windows(4).any(|window| window == b"same"));
}

#[test]
fn lengths_are_bounded() {
    let house = house();
    assert!(house.seal(&vec![7; MAX_SECRET_BYTES]).is_ok());
    assert_eq!(house.seal(&vec![7; MAX_SECRET_BYTES + 1]), Err(SealFailed::TooLong));
    assert!(house.opened(&house.seal(b"").unwrap()).is_some_and(|opened| opened.is_empty()));
}

#[test]
fn it_moves_from_the_ring_to_a_provider_and_back() {
    let house = house();
    let vault = &house.vault;
    let local = vault.seal(&Secret::new(TEXT.to_vec()), &home()).unwrap();
    assert_eq!(house.fetch(&local), Ok(Fetched::InTheRing));
    let away = now(vault.rewrap_by(&house.provider, &key("acme"), &local, &home())).unwrap().unwrap();
    assert_eq!(wrapped_by(&away), Some(WrappedBy::Remote(key("acme"))));
    assert!(!vault.wrapped_by_newest(&away) && vault.holds_wrapper_of(&away));
    assert_eq!(local[local.len() - 39..], away[away.len() - 39..], "the secret stays as it was encrypted");
    assert_eq!(house.opened(&away).as_deref(), Some(TEXT));

    let other = now(vault.rewrap_by(&house.provider, &key("other"), &away, &home())).unwrap().unwrap();
    assert_eq!(wrapped_by(&other), Some(WrappedBy::Remote(key("other"))));
    let back = vault.rewrap(&other, &home()).unwrap();
    assert!(vault.wrapped_by_newest(&back));
    assert_eq!(ring(1).open(&back, &home()).ok().unwrap().open(), TEXT);

    let stranger = Bind { org: None, ..home() };
    let refused = now(vault.rewrap_by(&house.provider, &key("acme"), &other, &stranger));
    assert_eq!(refused, Err(RewrapFailed::DoesNotOpen(DoesNotOpen)));
    assert_eq!(ring(2).rewrap(&other, &home()), Err(RewrapFailed::DoesNotOpen(DoesNotOpen)));
}

#[test]
fn a_newer_version_of_the_remote_key_is_taken_up_once() {
    let house = house();
    let sealed = house.seal(TEXT).unwrap();
    let renew = |sealed: &[u8]| now(house.vault.rewrap_by(&house.provider, &key("acme"), sealed, &home()));
    assert_eq!(renew(&sealed), Ok(None));
    house.provider.version.fetch_add(1, Ordering::Relaxed);
    let newer = renew(&sealed).unwrap().unwrap();
    assert_eq!(renew(&newer), Ok(None));
    assert_eq!(house.opened(&newer).as_deref(), Some(TEXT));
    house.provider.fails(Some(down()));
    assert_eq!(renew(&newer), Err(RewrapFailed::Remote(down())));
}

#[test]
fn a_provider_that_gives_nonsense_is_refused() {
    let house = house();
    let sealed = house.seal(TEXT).unwrap();
    house.provider.kept.lock().unwrap()[0].2 = vec![1; 31];
    house.pass(300);
    assert!(matches!(house.fetch(&sealed), Err(RemoteFailed::Refused(_))));
    // Another key of the right length opens nothing.
    house.provider.kept.lock().unwrap()[0].2 = vec![1; 32];
    assert_eq!(house.fetch(&sealed), Ok(Fetched::Anew));
    assert_eq!(house.opened(&sealed), None);
}
