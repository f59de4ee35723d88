//! What a sealed secret promises: it opens for its own row with its own key, and for nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its vault fails by saying so")]

use domain::id::OrgId;
use domain::secret::Secret;
use proptest::prelude::*;
use uuid::Uuid;
use vault::envelope::{
    Bind, DoesNotOpen, MAX_SECRET_BYTES, RewrapFailed, SealFailed, Vault, WrappedBy, wrapped_by,
};
use vault::keyring::{Keyring, generate, parse_key};

const PURPOSE: &str = "provider_key";

fn key(seed: u8) -> Secret {
    Secret::new((0u8..32).map(|index| index ^ seed).collect())
}

fn vault(seeds: &[u8]) -> Vault {
    Vault::new(Keyring::new(seeds.iter().map(|&seed| key(seed)).collect()).unwrap())
}

fn secret(text: &[u8]) -> Secret {
    Secret::new(text.to_vec())
}

fn org(number: u128) -> Option<OrgId> {
    Some(OrgId::new(Uuid::from_u128(number)))
}

fn bind(org: Option<OrgId>, record: u128, purpose: &str) -> Bind<'_> {
    Bind { org, record: Uuid::from_u128(record), purpose }
}

#[test]
fn a_value_copied_to_another_row_does_not_open() {
    let vault = vault(&[1]);
    let home = bind(org(1), 2, PURPOSE);
    let sealed = vault.seal(&secret(b"sk-upstream"), &home).unwrap();
    assert_eq!(vault.open(&sealed, &home).ok().unwrap().open(), b"sk-upstream");
    for other in [
        bind(org(9), 2, PURPOSE),
        bind(None, 2, PURPOSE),
        bind(org(1), 9, PURPOSE),
        bind(org(1), 2, "webhook"),
        bind(org(1), 2, ""),
        bind(org(2), 1, PURPOSE),
    ] {
        assert_eq!(vault.open(&sealed, &other).err(), Some(DoesNotOpen), "{other:?}");
    }
}

#[test]
fn what_is_prepared_opens_its_own_value_again_and_again() {
    let vault = vault(&[1]);
    let (home, away) = (bind(org(1), 2, PURPOSE), bind(org(1), 3, PURPOSE));
    let sealed = vault.seal(&secret(b"sk-upstream"), &home).unwrap();
    let prepared = vault.prepare(&sealed, &home).unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(prepared.open(&sealed).ok().unwrap().open(), b"sk-upstream");
    }
    let another = vault.seal(&secret(b"sk-another"), &home).unwrap();
    assert_eq!(prepared.open(&another).err(), Some(DoesNotOpen));
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(prepared.open(&changed).err(), Some(DoesNotOpen));
    assert_eq!(vault.prepare(&sealed, &away).unwrap().unwrap().open(&sealed).err(), Some(DoesNotOpen));
    assert_eq!(self::vault(&[2]).prepare(&sealed, &home).err(), Some(DoesNotOpen));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let vault = vault(&[1, 2]);
    let home = bind(None, 2, PURPOSE);
    let sealed = vault.seal(&secret(b"sk-upstream"), &home).unwrap();
    for position in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[position / 8] ^= 1 << (position % 8);
        assert_eq!(vault.open(&changed, &home).err(), Some(DoesNotOpen), "bit {position}");
    }
    for length in 0..sealed.len() {
        assert!(vault.open(&sealed[..length], &home).is_err(), "cut to {length}");
    }
    assert!(vault.open(&[sealed, vec![0]].concat(), &home).is_err(), "one byte more");
}

#[test]
fn an_older_key_opens_and_the_newest_wraps() {
    let home = bind(org(1), 2, PURPOSE);
    let old = vault(&[1]).seal(&secret(b"sk-upstream"), &home).unwrap();
    let rotated = vault(&[2, 1]);
    assert!(rotated.open(&old, &home).is_ok() && !rotated.wrapped_by_newest(&old));

    let new = rotated.seal(&rotated.open(&old, &home).ok().unwrap(), &home).unwrap();
    assert!(rotated.wrapped_by_newest(&new));
    let dropped = vault(&[2]);
    assert_eq!(dropped.open(&new, &home).ok().unwrap().open(), b"sk-upstream");
    assert!(dropped.open(&old, &home).is_err(), "the dropped key opens nothing");
    assert!(!rotated.wrapped_by_newest(b"") && !rotated.wrapped_by_newest(&new[..9]));
}

#[test]
fn wrapping_anew_changes_the_wrapping_alone() {
    let home = bind(org(1), 2, PURPOSE);
    let old = vault(&[1]).seal(&secret(b"sk-upstream"), &home).unwrap();
    let both = vault(&[2, 1]);
    let new = both.rewrap(&old, &home).unwrap();
    // Version, key id, nonce and wrapped data key are 69 bytes; the rest is the secret as it was encrypted.
    assert_eq!(old[69..], new[69..]);
    assert_ne!(old[9..69], new[9..69]);
    assert_eq!((old.len(), wrapped_by(&new)), (new.len(), Some(WrappedBy::Ring(both.key_names()[0]))));
    assert_eq!(wrapped_by(&old), Some(WrappedBy::Ring(both.key_names()[1])));
    let newest_alone = vault(&[2]);
    assert_eq!(newest_alone.open(&new, &home).ok().unwrap().open(), b"sk-upstream");
    assert!(newest_alone.holds_wrapper_of(&new) && !newest_alone.holds_wrapper_of(&old));
    assert!(vault(&[1]).open(&new, &home).is_err(), "the old key opens nothing any more");

    // A backup of the row from before the rotation is worth nothing without the old key.
    assert!(newest_alone.open(&old, &home).is_err());
    let refused = Some(RewrapFailed::DoesNotOpen(DoesNotOpen));
    assert_eq!(newest_alone.rewrap(&old, &home).err(), refused);
    assert_eq!(both.rewrap(&old, &bind(org(9), 2, PURPOSE)).err(), refused, "another tenant's row");
    assert_eq!(both.rewrap(b"", &home).err(), refused);
    assert_eq!(wrapped_by(b"not sealed"), None);
}

#[test]
fn every_secret_has_a_data_key_of_its_own() {
    // The same wrapping key and the same row twice: were the data key the same, one value's wrapped key would open
    // the other's text.
    let vault = vault(&[1]);
    let home = bind(None, 1, PURPOSE);
    let (one, two) =
        (vault.seal(&secret(b"one"), &home).unwrap(), vault.seal(&secret(b"two"), &home).unwrap());
    let crossed = [&one[..69], &two[69..]].concat();
    assert_eq!(vault.open(&crossed, &home).err(), Some(DoesNotOpen));
    assert!(vault.open(&one, &home).is_ok() && vault.open(&two, &home).is_ok());
}

#[test]
fn only_the_key_that_the_value_names_is_tried() {
    let home = bind(org(1), 2, PURPOSE);
    let both = vault(&[1, 2]);
    let (one, two) =
        (both.seal(&secret(b"x"), &home).unwrap(), vault(&[2]).seal(&secret(b"x"), &home).unwrap());
    let mut renamed = one;
    renamed[1..9].copy_from_slice(&two[1..9]);
    assert!(both.open(&renamed, &home).is_err());
}

#[test]
fn the_same_secret_never_seals_to_the_same_bytes_and_never_shows() {
    let vault = vault(&[1]);
    let home = bind(None, 1, PURPOSE);
    let (one, two) = (
        vault.seal(&secret(b"sk-upstream"), &home).unwrap(),
        vault.seal(&secret(b"sk-upstream"), &home).unwrap(),
    );
    assert_ne!(one, two);
    assert!(!one.windows(11).any(|window| window == b"sk-upstream"));
}

#[test]
fn lengths_are_bounded() {
    let vault = vault(&[1]);
    let home = bind(None, 1, PURPOSE);
    let longest = vault.seal(&Secret::new(vec![7; MAX_SECRET_BYTES]), &home).unwrap();
    assert_eq!(vault.open(&longest, &home).ok().unwrap().open().len(), MAX_SECRET_BYTES);
    let refused = vault.seal(&Secret::new(vec![7; MAX_SECRET_BYTES + 1]), &home);
    assert_eq!(refused.err(), Some(SealFailed::TooLong));
}

#[test]
fn a_made_key_seals() {
    let key = parse_key(&generate().unwrap()).unwrap();
    let vault = Vault::new(Keyring::new(vec![key]).unwrap());
    let home = bind(None, 1, PURPOSE);
    let sealed = vault.seal(&secret(b""), &home).unwrap();
    assert!(vault.open(&sealed, &home).ok().unwrap().open().is_empty());
}

proptest! {
    #[test]
    fn what_is_sealed_opens_for_its_row_alone(
        text in proptest::collection::vec(any::<u8>(), 0..200),
        here in (any::<Option<u128>>(), any::<u128>(), "[a-z_]{0,12}"),
        there in (any::<Option<u128>>(), any::<u128>(), "[a-z_]{0,12}"),
    ) {
        let vault = vault(&[1]);
        let row = |(org, record, purpose): &(Option<u128>, u128, String)| {
            (org.map(|number| OrgId::new(Uuid::from_u128(number))), Uuid::from_u128(*record), purpose.clone())
        };
        let ((org, record, purpose), other) = (row(&here), row(&there));
        let home = Bind { org, record, purpose: &purpose };
        let sealed = vault.seal(&secret(&text), &home).unwrap();
        let opened = vault.open(&sealed, &home).ok().unwrap();
        prop_assert_eq!(opened.open(), &text[..]);
        let away = Bind { org: other.0, record: other.1, purpose: &other.2 };
        prop_assert_eq!(vault.open(&sealed, &away).is_ok(), away == home);
    }

    #[test]
    fn no_bytes_panic_or_open(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(vault(&[1]).open(&bytes, &bind(None, 1, PURPOSE)).is_err());
    }
}
