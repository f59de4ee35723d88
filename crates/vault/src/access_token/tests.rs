//! What is signed verifies, with its key, in its time, for its audience; and nothing else does.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const NOW: Timestamp = Timestamp(1_767_225_600_900_000);

fn secret(byte: u8) -> Secret {
    Secret::new((0..32).map(|index| byte ^ index).collect())
}

fn keys(bytes: &[u8]) -> AccessKeys {
    let secrets = bytes.iter().map(|byte| secret(*byte)).collect();
    AccessKeys::new(secrets, "portcullis".to_owned(), "admin".to_owned()).unwrap()
}

fn claims(seconds: i64) -> Claims {
    Claims {
        user: UserId::new(Uuid::from_u128(1)),
        login: LoginId::new(Uuid::from_u128(2)),
        issued_at: NOW,
        expires_at: NOW.plus_seconds(seconds),
        id: Uuid::from_u128(3),
    }
}

/// A token of key 1 over any header and body.
fn forge(header: &str, body: &str) -> String {
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", encode(header), encode(body));
    let tag = hmac::sign(&keys(&[1]).newest.key, signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

fn header() -> String {
    format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, keys(&[1]).newest.id)
}

fn body() -> Value {
    serde_json::json!({
        "iss": "portcullis", "aud": "admin", "typ": "access", "sub": claims(1).user.to_string(),
        "sid": claims(1).login.to_string(), "iat": 1_767_225_600, "exp": 1_767_225_700,
        "jti": Uuid::from_u128(3).simple().to_string(),
    })
}

fn check(token: &str, expect: Option<Refused>) {
    assert_eq!(keys(&[1]).verify(token, NOW).err(), expect, "{token}");
}

/// The body with one member put in another's place; `null` takes it away.
fn with(name: &str, value: Value) -> String {
    let mut body = body();
    let members = body.as_object_mut().unwrap();
    if value.is_null() {
        drop(members.remove(name))
    } else {
        drop(members.insert(name.to_owned(), value))
    }
    body.to_string()
}

#[test]
fn what_is_signed_verifies_in_whole_seconds() {
    let token = keys(&[1]).sign(&claims(3_600)).unwrap();
    let read = keys(&[1]).verify(&token, NOW).unwrap();
    let whole = Claims {
        issued_at: Timestamp(1_767_225_600_000_000),
        expires_at: Timestamp(1_767_229_200_000_000),
        ..claims(0)
    };
    assert_eq!(read, whole);
    assert!(token.len() < 600, "{}", token.len());
}

/// The row `jwt-state-key-rotated-after`.
#[test]
fn older_keys_verify_until_they_are_taken_away() {
    let token = keys(&[1]).sign(&claims(60)).unwrap();
    assert!(keys(&[2, 1]).verify(&token, NOW).is_ok());
    assert_eq!(keys(&[2]).verify(&token, NOW), Err(Refused::UnknownKey));
    let newer = keys(&[2, 1]).sign(&claims(60)).unwrap();
    assert_eq!(keys(&[1]).verify(&newer, NOW), Err(Refused::UnknownKey));
}

#[test]
fn it_lives_from_its_beginning_to_its_end_with_some_leeway() {
    let token = keys(&[1]).sign(&claims(60)).unwrap();
    for (later, expect) in
        [(-30, None), (-31, Some(Refused::NotYet)), (0, None), (89, None), (90, Some(Refused::Expired))]
    {
        assert_eq!(keys(&[1]).verify(&token, NOW.plus_seconds(later)).err(), expect, "{later}");
    }
}

#[test]
fn lifetimes_are_bounded_on_both_sides() {
    for seconds in [0, -60, MAX_LIFETIME_S + 1] {
        assert_eq!(keys(&[1]).sign(&claims(seconds)).err(), Some(BadLifetime), "{seconds}");
    }
    assert!(keys(&[1]).sign(&claims(MAX_LIFETIME_S)).is_ok());
    let early = Claims { issued_at: Timestamp(-1), expires_at: Timestamp(60_000_000), ..claims(0) };
    assert_eq!(keys(&[1]).sign(&early).err(), Some(BadLifetime));
}

#[test]
fn only_the_three_header_fields_and_their_only_values_are_read() {
    check(&forge(&header(), &body().to_string()), None);
    let id = &keys(&[1]).newest.id;
    for strange in [
        format!(r#"{{"alg":"hs256","typ":"at+jwt","kid":"{id}"}}"#),
        format!(r#"{{"alg":"HS512","typ":"at+jwt","kid":"{id}"}}"#),
        format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{id}"}}"#),
        format!(r#"{{"alg":"HS256","kid":"{id}"}}"#),
        format!(r#"{{"alg":"HS256","alg":"HS256","typ":"at+jwt","kid":"{id}"}}"#),
        format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{id}","x5u":"https://example.org"}}"#),
        format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{id}","b64":false}}"#),
        "[]".to_owned(),
    ] {
        check(&forge(&strange, &body().to_string()), Some(Refused::Malformed));
    }
}

#[test]
fn claims_have_one_type_each_and_stand_once() {
    check(&forge(&header(), &with("nbf", 1_767_225_630.into())), None);
    check(&forge(&header(), &with("aud", serde_json::json!(["admin"]))), None);
    check(&forge(&header(), &with("role", "owner".into())), None);
    for (name, value) in [
        ("exp", Value::from("1767225700")),
        ("exp", Value::from(1_767_225_700.5)),
        ("iat", Value::Null),
        ("nbf", Value::from(true)),
        ("jti", Value::Null),
        ("jti", Value::from("j1")),
        ("sub", Value::from("usr_A")),
        ("sub", Value::from(claims(1).login.to_string())),
        ("sid", Value::from(1)),
        ("aud", serde_json::json!(["admin", "other"])),
        ("aud", serde_json::json!([])),
    ] {
        check(&forge(&header(), &with(name, value)), Some(Refused::Malformed));
    }
    check(
        &forge(&header(), &body().to_string().replacen('{', r#"{"nbf":null,"#, 1)),
        Some(Refused::Malformed),
    );
    check(
        &forge(&header(), &body().to_string().replacen('{', r#"{"sub":"x","#, 1)),
        Some(Refused::Malformed),
    );
}

#[test]
fn what_is_for_others_or_for_ever_is_refused() {
    for (name, value, expect) in [
        ("iss", Value::from("portcullis/"), Refused::NotForUs),
        ("aud", Value::from("gateway"), Refused::NotForUs),
        ("typ", Value::from("refresh"), Refused::NotForUs),
        ("nbf", Value::from(1_767_225_631), Refused::NotYet),
        ("iat", Value::from(1_767_225_631), Refused::NotYet),
        ("exp", Value::from(1_767_225_600 + MAX_LIFETIME_S + 1), Refused::TooLong),
        ("exp", Value::from(i64::MAX), Refused::TooLong),
        ("iat", Value::from(i64::MIN), Refused::TooLong),
        ("exp", Value::from(i64::MIN), Refused::Expired),
    ] {
        check(&forge(&header(), &with(name, value)), Some(expect));
    }
}

#[test]
fn keys_that_cannot_sign_are_refused() {
    let made = |secrets| AccessKeys::new(secrets, String::new(), String::new()).err();
    assert_eq!(made(vec![]), Some(BadAccessKeys::Empty));
    assert_eq!(made(vec![Secret::new(vec![7; 32])]), Some(BadAccessKeys::Weak));
    assert_eq!(made(vec![Secret::new(b"short".to_vec())]), Some(BadAccessKeys::Weak));
    assert_eq!(made(vec![secret(1), secret(1)]), Some(BadAccessKeys::Twice));
    assert_eq!(made((0..17).map(secret).collect()), Some(BadAccessKeys::TooMany));
}

proptest! {
    #[test]
    fn a_changed_character_is_noticed(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]") {
        let token = keys(&[1]).sign(&claims(60)).unwrap();
        let at = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &letter);
        prop_assert_eq!(keys(&[1]).verify(&changed, NOW).is_ok(), changed == token);
    }

    #[test]
    fn no_text_panics(token in "[A-Za-z0-9_.=-]{0,80}") {
        prop_assert!(keys(&[1]).verify(&token, NOW).is_err());
    }
}
