//! Signatures of requests to Amazon's services: Signature Version 4 ("AWS Signature Version 4 for API requests", IAM user
//! guide). Texts and bytes go in, the values of headers come out; what carries them, and what is asked, is not known here.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use domain::secret::Secret;
use domain::time::Timestamp;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::digest;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Divides the parts of a key as it is entered.
const DIVIDER: char = ':';
/// What a secret access key of Amazon's is made of, and more of it than there ever was.
const MAX_PART_BYTES: usize = 4_096;

/// The keys of an account, as they are entered: `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, and `:SESSION_TOKEN` where there is one.
pub struct AwsKeys {
    id: String,
    secret: Secret,
    token: Option<Secret>,
}

/// Not keys of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is not ACCESS_KEY_ID:SECRET_ACCESS_KEY or ACCESS_KEY_ID:SECRET_ACCESS_KEY:SESSION_TOKEN")]
pub struct NoAwsKeys;

impl AwsKeys {
    /// Reads what was entered.
    ///
    /// # Errors
    /// [`NoAwsKeys`] when it has another form.
    pub fn parse(entered: &Secret) -> Result<Self, NoAwsKeys> {
        let text = std::str::from_utf8(entered.open()).map_err(|_| NoAwsKeys)?;
        let mut parts = text.split(DIVIDER);
        let (id, secret, token) = (parts.next(), parts.next(), parts.next());
        let fits = |part: &str| {
            (1..=MAX_PART_BYTES).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let id = id.filter(|id| fits(id) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        match (id, secret, parts.next()) {
            (Some(id), Some(secret), None) if fits(secret) && token.is_none_or(fits) => Ok(Self {
                id: id.to_owned(),
                secret: Secret::new(secret.as_bytes().to_vec()),
                token: token.map(|token| Secret::new(token.as_bytes().to_vec())),
            }),
            _ => Err(NoAwsKeys),
        }
    }

    /// Signs `request` to `service` in `region`.
    #[must_use]
    pub fn sign(&self, request: &Request<'_>, region: &str, service: &str, now: Timestamp) -> Signed {
        let date = stamp(now);
        let day = date.get(..8).unwrap_or_default();
        let token = self
            .token
            .as_ref()
            .map(|token| Zeroizing::new(String::from_utf8_lossy(token.open()).into_owned()));
        let mut headers = request.headers.to_vec();
        headers.push(("host", request.host));
        headers.push(("x-amz-date", &date));
        headers.extend(token.as_ref().map(|token| ("x-amz-security-token", token.as_str())));
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical = Zeroizing::new(canonical(request, &headers, &names));
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let hash = HEXLOWER.encode(&digest::sha256(canonical.as_bytes()));
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
        let key = Zeroizing::new([b"AWS4", self.secret.open()].concat());
        let mut tag = tag(&key, day);
        for part in [region, service, "aws4_request", &text] {
            tag = self::tag(tag.as_ref(), part);
        }
        let signature = HEXLOWER.encode(tag.as_ref());
        let id = &self.id;
        let authorization =
            format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        let session_token = token.map(|token| Secret::new(token.as_bytes().to_vec()));
        Signed { date, authorization, session_token }
    }
}

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `POST`
    pub method: &'a str,
    /// The value of the header `host`: with a port where it is not the scheme's own.
    pub host: &'a str,
    /// The path as it is sent, percent-encoded. It is encoded once more for the signature, as every service but S3 wants.
    pub path: &'a str,
    /// The query as it is sent.
    pub query: Option<&'a str>,
    /// Further headers that are to be signed, their names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// The headers that carry a signature. None of them may be changed on the way.
pub struct Signed {
    /// `x-amz-date`
    pub date: String,
    /// `authorization`
    pub authorization: String,
    /// `x-amz-security-token`
    pub session_token: Option<Secret>,
}

fn tag(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn canonical(request: &Request<'_>, headers: &[(&str, &str)], names: &str) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, path(request.path), query(request.query));
    for (name, value) in headers {
        let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
        text.push_str(&format!("{name}:{}\n", words.join(" ")));
    }
    text.push_str(&format!("\n{names}\n{}", HEXLOWER.encode(&digest::sha256(request.body))));
    text
}

/// Each byte that is neither unreserved nor a slash in its percent-encoding, those of earlier encodings among them.
fn path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 16);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The members in order, each with its equals sign.
fn query(query: Option<&str>) -> String {
    let members = query.unwrap_or_default().split('&').filter(|member| !member.is_empty());
    let mut members: Vec<(&str, &str)> =
        members.map(|member| member.split_once('=').unwrap_or((member, ""))).collect();
    members.sort_unstable();
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
    members.join("&")
}

/// The time as `20260102T030405Z`.
fn stamp(now: Timestamp) -> String {
    let seconds = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

#[cfg(test)]
mod tests;
