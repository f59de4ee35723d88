//! Secrets as a body has them: read into the type that cannot be shown, and never written.

use std::borrow::Cow;
use std::fmt;

use domain::secret::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Most bytes of a secret in a body: as many as the key file of a service account may have.
const MAX_BYTES: usize = 16_384;

/// A secret that somebody gives: ASCII, on several lines where it is a key file. What is no text of that kind is refused
/// without a word of it; whether it can be a key of its provider is checked against the provider.
pub struct SecretText(pub Secret);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        // A reader of its own: what goes wrong with a text is told with the text.
        let text = String::deserialize(reader).map_err(|_| D::Error::custom("not a text"))?;
        let fits = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(is_text);
        let secret = Secret::new(text.into_bytes());
        if fits {
            Ok(Self(secret))
        } else {
            Err(D::Error::custom("a secret is 1 to 16384 characters of ASCII text"))
        }
    }
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

impl PartialSchema for SecretText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .min_length(Some(1))
            .max_length(Some(MAX_BYTES))
            .pattern(Some("^[\\t\\n\\r -~]+$"))
            .write_only(true)
            .description(Some("A secret: it is sealed, and shown nowhere."));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for SecretText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_is_refused_without_a_word_of_it() {
        let check = |json: &str, expect: bool| {
            let read = serde_json::from_str::<SecretText>(json);
            if let Err(refused) = &read {
                assert!(!refused.to_string().contains("zq"), "{refused}");
            }
            assert_eq!(read.is_ok(), expect, "{json}");
        };
        check("\"sk-zq0123456789\"", true);
        check("\"\"", false);
        check("\"{\\n  \\\"zq\\\": 1\\r\\n}\"", true);
        check("\"sk-zq\\u0000\"", false);
        check("\"sk-zq\\u007f\"", false);
        check("\"sk-zq\u{e9}\"", false);
        check("[\"zq\"]", false);
        check("3", false);
        check(&format!("\"{}\"", "zq".repeat(MAX_BYTES)), false);
    }
}
