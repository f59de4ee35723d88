//! Access tokens: JSON Web Tokens (RFC 7519) in exactly one form, ours: HS256, `typ` `at+jwt` (RFC 9068), at most a day.
//! Nothing in a token chooses an algorithm, a key or an address. It carries who and which login, and no rights: those
//! are read from the store.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use domain::id::{LoginId, UserId};
use domain::secret::Secret;
use domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::digest;
use crate::keyring::KEY_BYTES;

#[cfg(test)]
mod vectors;

/// Longest life of a token in seconds.
pub const MAX_LIFETIME_S: i64 = 86_400;
/// What clocks of two machines may differ by, in seconds.
pub const LEEWAY_S: i64 = 30;
/// Most bytes of a token; more is refused before anything is computed.
pub const MAX_BYTES: usize = 4_096;
/// Most keys: those of past exchanges whose tokens may still live.
const MAX_KEYS: usize = 16;
/// Bytes of the labelled hash that names a key.
const KEY_ID_BYTES: usize = 4;
const KEY_ID_LABEL: &[u8] = b"portcullis/jwt/key-id/1\0";
const ALGORITHM: &str = "HS256";
const HEADER_TYPE: &str = "at+jwt";
const CLAIM_TYPE: &str = "access";
const MICROS: i64 = 1_000_000;

/// What a token says, and all that is believed of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is.
    pub user: UserId,
    /// The login it belongs to.
    pub login: LoginId,
    /// When it was made, in whole seconds: what is cut off is at most a second.
    pub issued_at: Timestamp,
    /// When it ends, in whole seconds.
    pub expires_at: Timestamp,
    /// Its own identifier.
    pub id: Uuid,
}

/// Keys that cannot sign.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadAccessKeys {
    /// There is none.
    #[error("no key of access tokens is given")]
    Empty,
    /// There are more than is sensible.
    #[error("more than 16 keys of access tokens are given")]
    TooMany,
    /// One is too short or plainly not random.
    #[error("a key of access tokens is 32 random bytes or more as base64 or hex")]
    Weak,
    /// Two have the same name.
    #[error("a key of access tokens is given twice")]
    Twice,
}

/// A token that was not made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a token lives between one second and one day, after 1970")]
pub struct BadLifetime;

/// Why a token is refused. The reason is for the audit trail, never for the one who sent it.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// It has not the form of a token of ours.
    #[error("not a token of ours")]
    Malformed,
    /// It names no key that is here.
    #[error("it names a key that is not configured")]
    UnknownKey,
    /// It is not signed with the key it names.
    #[error("the signature is not that of the key it names")]
    Forged,
    /// It was made for another installation or another purpose.
    #[error("it is for another installation or purpose")]
    NotForUs,
    /// It ended.
    #[error("it is expired")]
    Expired,
    /// It begins later than now.
    #[error("it is not valid yet")]
    NotYet,
    /// It would live longer than any token of ours.
    #[error("it would live too long")]
    TooLong,
}

/// The keys of access tokens, newest first: that one signs, all of them verify.
pub struct AccessKeys {
    newest: AccessKey,
    older: Vec<AccessKey>,
    issuer: String,
    audience: String,
}

struct AccessKey {
    id: String,
    key: hmac::Key,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The claims as they are written. Others may stand beside them and mean nothing; none may stand twice.
#[derive(Serialize, Deserialize)]
struct Body {
    iss: String,
    #[serde(deserialize_with = "one_audience")]
    aud: String,
    sub: String,
    sid: String,
    typ: String,
    iat: i64,
    #[serde(default, deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: String,
}

impl AccessKeys {
    /// Takes the keys, newest first, 32 bytes or more each, and whose tokens for whom they sign.
    ///
    /// # Errors
    /// [`BadAccessKeys`] when there are none or too many, or one is weak or given twice.
    pub fn new(keys: Vec<Secret>, issuer: String, audience: String) -> Result<Self, BadAccessKeys> {
        let named = keys.into_iter().map(|key| (key_id(&key), key)).collect();
        Self::named(named, issuer, audience)
    }

    fn named(keys: Vec<(String, Secret)>, issuer: String, audience: String) -> Result<Self, BadAccessKeys> {
        if keys.len() > MAX_KEYS {
            return Err(BadAccessKeys::TooMany);
        }
        let mut read = Vec::with_capacity(keys.len());
        for (id, key) in keys {
            let bytes = key.open();
            if bytes.len() < KEY_BYTES || digest::uniform(bytes) {
                return Err(BadAccessKeys::Weak);
            }
            if read.iter().any(|known: &AccessKey| known.id == id) {
                return Err(BadAccessKeys::Twice);
            }
            read.push(AccessKey { id, key: hmac::Key::new(hmac::HMAC_SHA256, bytes) });
        }
        let mut read = read.into_iter();
        let newest = read.next().ok_or(BadAccessKeys::Empty)?;
        Ok(Self { newest, older: read.collect(), issuer, audience })
    }

    /// Makes a token that says this.
    ///
    /// # Errors
    /// [`BadLifetime`] when it would end before it begins, or live longer than [`MAX_LIFETIME_S`].
    pub fn sign(&self, claims: &Claims) -> Result<String, BadLifetime> {
        let (iat, exp) = (seconds(claims.issued_at), seconds(claims.expires_at));
        if iat < 0 || !(1..=MAX_LIFETIME_S).contains(&exp.saturating_sub(iat)) {
            return Err(BadLifetime);
        }
        let body = Body {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: claims.user.to_string(),
            sid: claims.login.to_string(),
            typ: CLAIM_TYPE.to_owned(),
            iat,
            nbf: Some(iat),
            exp,
            jti: claims.id.simple().to_string(),
        };
        let header = format!(r#"{{"alg":"{ALGORITHM}","typ":"{HEADER_TYPE}","kid":"{}"}}"#, self.newest.id);
        // Texts and numbers always become JSON; were it otherwise, there would be no token.
        let body = serde_json::to_vec(&body).map_err(|_| BadLifetime)?;
        let signed =
            format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(&body));
        let tag = hmac::sign(&self.newest.key, signed.as_bytes());
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref())))
    }

    /// What a token of ours says that is valid at `now`.
    ///
    /// # Errors
    /// [`Refused`] with the first reason. Identifiers that are not of our form are [`Refused::Malformed`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Refused> {
        let body = self.read(token)?;
        self.judge(&body, now)?;
        Ok(Claims {
            user: body.sub.parse().map_err(|_| Refused::Malformed)?,
            login: body.sid.parse().map_err(|_| Refused::Malformed)?,
            issued_at: Timestamp(body.iat.saturating_mul(MICROS)),
            expires_at: Timestamp(body.exp.saturating_mul(MICROS)),
            id: Uuid::try_parse(&body.jti).map_err(|_| Refused::Malformed)?,
        })
    }

    /// The claims, once the signature proves them. Not a byte of them is looked at before.
    fn read(&self, token: &str) -> Result<Body, Refused> {
        if token.len() > MAX_BYTES {
            return Err(Refused::Malformed);
        }
        let (signed, tag) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, body) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Refused::Malformed)?;
        if header.alg != ALGORITHM || header.typ != HEADER_TYPE {
            return Err(Refused::Malformed);
        }
        let mut keys = std::iter::once(&self.newest).chain(&self.older);
        let key = keys.find(|key| key.id == header.kid).ok_or(Refused::UnknownKey)?;
        hmac::verify(&key.key, signed.as_bytes(), &decode(tag)?).map_err(|_| Refused::Forged)?;
        serde_json::from_slice(&decode(body)?).map_err(|_| Refused::Malformed)
    }

    fn judge(&self, body: &Body, now: Timestamp) -> Result<(), Refused> {
        let now = seconds(now);
        if body.iss != self.issuer || body.aud != self.audience || body.typ != CLAIM_TYPE {
            return Err(Refused::NotForUs);
        }
        if now >= body.exp.saturating_add(LEEWAY_S) {
            return Err(Refused::Expired);
        }
        let begins = body.nbf.map_or(body.iat, |nbf| nbf.max(body.iat));
        if begins > now.saturating_add(LEEWAY_S) {
            return Err(Refused::NotYet);
        }
        let lifetime = body.exp.checked_sub(body.iat);
        if lifetime.is_some_and(|lifetime| lifetime <= MAX_LIFETIME_S) {
            Ok(())
        } else {
            Err(Refused::TooLong)
        }
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys").field("newest", &self.newest.id).finish_non_exhaustive()
    }
}

fn key_id(key: &Secret) -> String {
    let labelled = Zeroizing::new([KEY_ID_LABEL, key.open()].concat());
    HEXLOWER.encode(&digest::sha256(&labelled)[..KEY_ID_BYTES])
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(MICROS)
}

/// Base64url without padding, and no second spelling of the same bytes (RFC 4648, section 3.5).
fn decode(part: &str) -> Result<Vec<u8>, Refused> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Refused::Malformed)
}

/// `null` is no number, not even where the claim may be missing.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

/// One audience: a text, or a list of that one (RFC 7519, section 4.1.3).
fn one_audience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        Text(String),
        List([String; 1]),
    }
    match Audience::deserialize(deserializer)? {
        Audience::Text(only) | Audience::List([only]) => Ok(only),
    }
}

#[cfg(test)]
mod tests;
