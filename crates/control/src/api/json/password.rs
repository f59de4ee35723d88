//! Passwords as a body has them: any text that fits, as it was typed, read into the type that cannot be shown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use domain::secret::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use vault::password::MOST_BYTES;

/// A password that somebody gives. Whether it is a good one is judged where it is chosen.
pub struct PasswordText(pub Arc<Secret>);

impl fmt::Debug for PasswordText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordText")
    }
}

impl<'de> Deserialize<'de> for PasswordText {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        // A reader of its own: what goes wrong with a text is told with the text.
        let text = String::deserialize(reader).map_err(|_| D::Error::custom("not a text"))?;
        let fits = (1..=MOST_BYTES).contains(&text.len());
        let secret = Secret::new(text.into_bytes());
        if fits {
            Ok(Self(Arc::new(secret)))
        } else {
            Err(D::Error::custom("a password has 1 to 1024 bytes"))
        }
    }
}

impl PartialSchema for PasswordText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .min_length(Some(1))
            .max_length(Some(MOST_BYTES))
            .write_only(true)
            .description(Some("A password, as it is typed: at most 1,024 bytes in UTF-8."));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for PasswordText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_that_fits_is_kept_as_it_was_typed() {
        let check = |json: &str, expect: Option<&str>| {
            let read = serde_json::from_str::<PasswordText>(json);
            if let Err(refused) = &read {
                assert!(!refused.to_string().contains("zq"), "{refused}");
            }
            let read = read.ok().map(|text| text.0.open().to_vec());
            assert_eq!(read, expect.map(|text| text.as_bytes().to_vec()), "{json}");
        };
        check("\" zq \\u00e9 \"", Some(" zq \u{e9} "));
        check("\"\"", None);
        check("[\"zq\"]", None);
        check(&format!("\"{}\"", "zq".repeat(MOST_BYTES)), None);
    }
}
