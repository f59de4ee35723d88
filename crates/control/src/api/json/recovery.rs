//! Recovery codes as a body has them: read as people type them, into the type that cannot be shown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use vault::recovery::RecoveryCode;
use zeroize::Zeroizing;

/// A recovery code that somebody gives. Whose it is, is not known here.
pub struct RecoveryText(pub Arc<RecoveryCode>);

impl fmt::Debug for RecoveryText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryText")
    }
}

impl<'de> Deserialize<'de> for RecoveryText {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        // A reader of its own: what goes wrong with a text is told with the text.
        let text = Zeroizing::new(String::deserialize(reader).map_err(|_| D::Error::custom("not a text"))?);
        let code = RecoveryCode::parse(&text);
        code.map(|code| Self(Arc::new(code)))
            .ok_or_else(|| D::Error::custom("not the form of a recovery code"))
    }
}

impl PartialSchema for RecoveryText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .max_length(Some(48))
            .pattern(Some("^[- \\t]*([0-9A-TV-Za-tv-z][- \\t]*){16}$"))
            .write_only(true)
            .description(Some("A recovery code, `xxxx-xxxx-xxxx-xxxx`; case and hyphens do not matter."));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for RecoveryText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("RecoveryCode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_is_refused_without_being_repeated() {
        let read = |text: &str| serde_json::from_str::<RecoveryText>(text);
        assert!(read("\"0123-4567-89AB-CDEF\"").is_ok());
        for text in ["\"PLANTED\"", "[\"PLANTED\"]", "7", "\"\""] {
            let said = read(text).err().map(|failed| failed.to_string()).unwrap();
            assert!(!said.contains("PLANTED"), "{said}");
        }
    }
}
