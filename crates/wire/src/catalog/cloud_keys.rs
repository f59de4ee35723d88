//! The forms of keys that are more than one word: the keys of an Amazon account and the key file of a Google service
//! account. No message holds any part of what was entered. Knows no cipher: whether a key works is found out by its use.

use serde::Deserialize;

/// What the API keys of Bedrock begin with, those that last and those that do not.
const BEDROCK_KEYS: &[&[u8]] = &[b"ABSK", b"bedrock-api-key-"];
/// Characters of an access key ID (IAM API reference, `AccessKey`).
const ACCESS_KEY_ID: std::ops::RangeInclusive<usize> = 16..=128;
/// What the access key IDs of temporary credentials begin with.
const TEMPORARY: &[u8] = b"ASIA";
/// Characters of the shortest secret access key that is worth a try.
const SHORTEST_SECRET: usize = 16;
/// Most bytes of a key file; ordinary ones have 2,400.
const MAX_KEY_FILE_BYTES: usize = 16 << 10;

/// What a key in PEM begins and ends with; in pieces, for what looks for secrets in texts of programs.
const PEM_BEGIN: &str = concat!("-----BEGIN ", "PRIVATE KEY-----");
const PEM_END: &str = concat!("-----END ", "PRIVATE KEY-----");

/// Why what was entered cannot be such a key.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum BadCloudKey {
    /// Neither form of Amazon's.
    #[error(
        "the key is neither ACCESS_KEY_ID:SECRET_ACCESS_KEY (with :SESSION_TOKEN where there is one) nor an API key of \
         Bedrock, which starts with ABSK or bedrock-api-key-"
    )]
    NotAws,
    /// The first part is no access key ID.
    #[error("the part before the first colon is not an access key ID: 16 to 128 capital letters and digits")]
    AccessKeyId,
    /// The second part is missing or cut off.
    #[error("the part after the access key ID is not a secret access key: it is missing or too short")]
    SecretAccessKey,
    /// Temporary keys without their token.
    #[error("an access key ID that starts with ASIA is temporary: add :SESSION_TOKEN at the end")]
    SessionToken,
    /// More parts than there are.
    #[error("the key has more than three parts divided by colons")]
    TooManyParts,
    /// Larger than any key file.
    #[error("the key file has more than 16 KiB")]
    TooLarge,
    /// Not JSON.
    #[error("the key is not a JSON key file: enter the whole file that Google made for the service account")]
    NotJson,
    /// JSON of something else.
    #[error("the key file is not of a service account: its type must be service_account")]
    NotAServiceAccount,
    /// It does not say whose it is.
    #[error("the key file has no client_email")]
    ClientEmail,
    /// It holds no private key.
    #[error("the key file has no private_key in PEM form")]
    PrivateKey,
}

/// Checks the form of a key of Amazon's, which is visible ASCII.
pub(super) fn check_aws(secret: &[u8]) -> Result<(), BadCloudKey> {
    let mut parts = secret.split(|byte| *byte == b':');
    let (Some(first), second, token) = (parts.next(), parts.next(), parts.next()) else {
        return Err(BadCloudKey::NotAws);
    };
    let Some(second) = second else {
        let known = BEDROCK_KEYS.iter().any(|start| first.starts_with(start));
        return if known { Ok(()) } else { Err(BadCloudKey::NotAws) };
    };
    let is_id = ACCESS_KEY_ID.contains(&first.len())
        && first.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !is_id {
        return Err(BadCloudKey::AccessKeyId);
    }
    if second.len() < SHORTEST_SECRET {
        return Err(BadCloudKey::SecretAccessKey);
    }
    match token {
        _ if parts.next().is_some() => Err(BadCloudKey::TooManyParts),
        None if first.starts_with(TEMPORARY) => Err(BadCloudKey::SessionToken),
        Some([]) => Err(BadCloudKey::SessionToken),
        _ => Ok(()),
    }
}

/// The members that every key file has. Its others are of no concern.
#[derive(Deserialize)]
struct KeyFile<'f> {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    client_email: Option<String>,
    #[serde(default, borrow)]
    private_key: Option<&'f serde_json::value::RawValue>,
}

/// Checks the form of a service account's key file, which may have several lines.
pub(super) fn check_key_file(secret: &[u8]) -> Result<(), BadCloudKey> {
    if secret.len() > MAX_KEY_FILE_BYTES {
        return Err(BadCloudKey::TooLarge);
    }
    let file: KeyFile<'_> = serde_json::from_slice(secret).map_err(|_| BadCloudKey::NotJson)?;
    if file.kind.as_deref() != Some("service_account") {
        return Err(BadCloudKey::NotAServiceAccount);
    }
    if file
        .client_email
        .is_none_or(|email| email.is_empty() || !email.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(BadCloudKey::ClientEmail);
    }
    let is_pem = |key: &str| {
        key.strip_prefix('"').is_some_and(|key| key.starts_with(PEM_BEGIN)) && key.contains(PEM_END)
    };
    if file.private_key.is_none_or(|key| !is_pem(key.get())) {
        return Err(BadCloudKey::PrivateKey);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_amazon_have_two_forms() {
        let check = |key: &str, expect: Result<(), BadCloudKey>| {
            assert_eq!(check_aws(key.as_bytes()), expect, "{key}");
        };
        check("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG", Ok(()));
        check("ASIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG:FwoGZXIvYXdz==", Ok(()));
        check("ABSKQmVkcm9ja0FQSUtleQ==", Ok(()));
        check("bedrock-api-key-YmVkcm9jaw==", Ok(()));
        check("wJalrXUtnFEMI/K7MDENG", Err(BadCloudKey::NotAws));
        check("AKIAIOSFODNN7EXAMPLE", Err(BadCloudKey::NotAws));
        check("wJalrXUtnFEMI/K7MDENG:AKIAIOSFODNN7EXAMPLE", Err(BadCloudKey::AccessKeyId));
        check("AKIA:wJalrXUtnFEMI/K7MDENG", Err(BadCloudKey::AccessKeyId));
        check("AKIAIOSFODNN7EXAMPLE:", Err(BadCloudKey::SecretAccessKey));
        check("ASIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG", Err(BadCloudKey::SessionToken));
        check("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG:", Err(BadCloudKey::SessionToken));
        check("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG:a:b", Err(BadCloudKey::TooManyParts));
    }

    #[test]
    fn a_key_file_is_known_by_its_members() {
        let check = |file: &str, expect: Result<(), BadCloudKey>| {
            assert_eq!(check_key_file(file.as_bytes()), expect, "{file}");
        };
        let key = &format!(r#""{PEM_BEGIN}\nAAAA\n{PEM_END}\n""#);
        let file = |kind: &str, email: &str, key: &str| {
            format!("{{\n  \"type\": {kind},\n  \"client_email\": {email},\n  \"private_key\": {key}\n}}\n")
        };
        check(&file(r#""service_account""#, r#""gate@example.com""#, key), Ok(()));
        check(
            &file(r#""authorized_user""#, r#""gate@example.com""#, key),
            Err(BadCloudKey::NotAServiceAccount),
        );
        check(&file("null", r#""gate@example.com""#, key), Err(BadCloudKey::NotAServiceAccount));
        check(&file(r#""service_account""#, r#""""#, key), Err(BadCloudKey::ClientEmail));
        check(&file(r#""service_account""#, "null", key), Err(BadCloudKey::ClientEmail));
        check(&file(r#""service_account""#, r#""gate@example.com""#, "null"), Err(BadCloudKey::PrivateKey));
        check(
            &file(r#""service_account""#, r#""gate@example.com""#, r#""AAAA""#),
            Err(BadCloudKey::PrivateKey),
        );
        check("AIzaSy0123456789", Err(BadCloudKey::NotJson));
        check(PEM_BEGIN, Err(BadCloudKey::NotJson));
        check(&" ".repeat(MAX_KEY_FILE_BYTES + 1), Err(BadCloudKey::TooLarge));
    }
}
