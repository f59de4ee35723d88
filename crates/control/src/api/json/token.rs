//! Tokens as a body has them: a text that is no token is read as one that nobody has, so that both are refused alike.

use std::borrow::Cow;
use std::fmt;

use domain::token::{Kind, Token};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use zeroize::Zeroizing;

/// A token that somebody gives.
pub struct TokenText(Option<Token>);

impl TokenText {
    /// The token, if it is one of this kind.
    #[must_use]
    pub fn of(self, kind: Kind) -> Option<Token> {
        self.0.filter(|token| token.kind() == kind)
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText")
    }
}

impl<'de> Deserialize<'de> for TokenText {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(reader)?);
        Ok(Self(Token::parse(text.as_bytes())))
    }
}

impl PartialSchema for TokenText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .write_only(true)
            .description(Some("A token, such as `pc_ref_…`."));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for TokenText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_of_the_kind_is_none() {
        let check = |text: &str, expect: bool| {
            let read: TokenText = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(read.of(Kind::Refresh).is_some(), expect, "{text}");
        };
        check(&format!("pc_ref_{}", "0".repeat(52)), true);
        check(&format!("pc_rst_{}", "0".repeat(52)), false);
        check("pc_ref_0", false);
        check("", false);
    }
}
