//! Google's service accounts: the key file that is entered, and the assertion (RFC 7523, RS256) that is exchanged for an
//! access token. Nothing in the file chooses where the assertion is sent. It opens no socket.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use domain::secret::Secret;
use domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// Where access tokens are issued, and so for whom an assertion is made. The file's own `token_uri` is not looked at: it
/// would let whoever enters a key choose where the gate sends things.
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// What the access token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The longest life of an assertion that Google takes.
const LIFETIME_S: u64 = 3_600;
/// Most bytes of a key file; ordinary ones have 2,400.
pub const MAX_BYTES: usize = 16 << 10;
/// Most bytes of an answer's access token; ordinary ones have 1,100.
const MAX_TOKEN_BYTES: usize = 8 << 10;
/// The weakest key that Google makes, and the strongest that is worth the time.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A service account that can prove itself.
pub struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: RsaKeyPair,
}

/// Not the key file of a service account. No message holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoServiceAccount {
    /// Larger than any.
    #[error("the key file has more than 16 KiB")]
    TooLarge,
    /// Not JSON with the members that matter.
    #[error("the key is not the JSON key file of a service account, with type, client_email and private_key")]
    Form,
    /// JSON of another kind of credential.
    #[error("the key file is not of a service account: its type is another one")]
    Kind,
    /// The private key is not a usable RSA key in PKCS #8.
    #[error("the private_key of the key file is not an RSA key in PEM form")]
    Key,
}

/// An assertion was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the assertion of the service account could not be signed")]
pub struct NotSigned;

/// The key file. What else is in it, its addresses above all, is of no concern.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    #[serde(deserialize_with = "wiped")]
    private_key: Zeroizing<String>,
    #[serde(default)]
    private_key_id: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'static str,
    iat: u64,
    exp: u64,
}

impl ServiceAccount {
    /// Reads a key file.
    ///
    /// # Errors
    /// [`NoServiceAccount`] when it is none.
    pub fn parse(entered: &Secret) -> Result<Self, NoServiceAccount> {
        let bytes = entered.open();
        if bytes.len() > MAX_BYTES {
            return Err(NoServiceAccount::TooLarge);
        }
        let file: File = serde_json::from_slice(bytes).map_err(|_| NoServiceAccount::Form)?;
        if file.kind != "service_account" {
            return Err(NoServiceAccount::Kind);
        }
        if file.client_email.is_empty() || !file.client_email.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NoServiceAccount::Form);
        }
        let key = decode(&file.private_key).ok_or(NoServiceAccount::Key)?;
        let key = RsaKeyPair::from_pkcs8(&key).map_err(|_| NoServiceAccount::Key)?;
        if !MODULUS_BITS.contains(&(key.public_modulus_len() * 8)) {
            return Err(NoServiceAccount::Key);
        }
        Ok(Self { email: file.client_email, key_id: file.private_key_id, key })
    }

    /// The body of the request that exchanges an assertion made `now` for an access token: a form, to be posted to
    /// [`TOKEN_URL`].
    ///
    /// # Errors
    /// [`NotSigned`] when there is no randomness.
    pub fn exchange(&self, now: Timestamp) -> Result<Secret, NotSigned> {
        let header = Header { alg: "RS256", typ: "JWT", kid: self.key_id.as_deref() };
        let iat = now.seconds();
        let claims = Claims { iss: &self.email, scope: SCOPE, aud: TOKEN_URL, iat, exp: iat + LIFETIME_S };
        let part = |json: serde_json::Result<Vec<u8>>| {
            json.map(|json| BASE64URL_NOPAD.encode(&json)).map_err(|_| NotSigned)
        };
        let signed = format!("{}.{}", part(serde_json::to_vec(&header))?, part(serde_json::to_vec(&claims))?);
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| NotSigned)?;
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let signature = BASE64URL_NOPAD.encode(&signature);
        Ok(Secret::new(format!("grant_type={grant}&assertion={signed}.{signature}").into_bytes()))
    }

    /// The public half of its key, as DER (RFC 8017, appendix A.1.1).
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }
}

/// The key within PEM text (RFC 7468).
fn decode(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    let text: Zeroizing<Vec<u8>> =
        Zeroizing::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    BASE64.decode(&text).ok().map(Zeroizing::new)
}

/// A text that is wiped when it is dropped.
fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// What an exchange gave.
pub struct AccessToken {
    /// The token, as it is sent to Google's services.
    pub token: Secret,
    /// How long it lasts, in seconds.
    pub lifetime_s: u64,
}

/// The answer to an exchange.
#[derive(Deserialize)]
struct Granted {
    #[serde(deserialize_with = "wiped")]
    access_token: Zeroizing<String>,
    #[serde(default)]
    token_type: Option<String>,
    expires_in: u64,
}

impl AccessToken {
    /// Reads the answer to an exchange; `None` when it holds no bearer token that can stand in a header.
    #[must_use]
    pub fn read(answer: &[u8]) -> Option<Self> {
        let granted: Granted = serde_json::from_slice(answer).ok()?;
        let bearer = granted.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = granted.access_token.as_bytes();
        let fits = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic);
        (bearer && fits).then(|| Self { token: Secret::new(token.to_vec()), lifetime_s: granted.expires_in })
    }
}

#[cfg(test)]
mod tests;
