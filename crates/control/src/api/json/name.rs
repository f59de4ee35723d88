//! Names that people give, as a body has them: the rule is the store's, its description is made from the rule.

use std::fmt::Write as _;
use std::sync::LazyLock;

use domain::audit::plain::is_hidden;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use store::name::{self, MAX_NAME_CHARS};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A name that a list can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let name = String::deserialize(reader)?;
        name::check(&name).map_err(D::Error::custom)?;
        Ok(Self(name))
    }
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(MAX_NAME_CHARS))
            .pattern(Some(PATTERN.as_str()))
            .description(Some(
                "A name: visible characters, no white space at either end, not the form of an identifier.",
            ));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Name {}

/// Characters that show, and neither the first nor the last of them white space. Of the characters that do not show,
/// those beyond four hexadecimal digits are left out: expressions disagree on how to write them.
static PATTERN: LazyLock<String> = LazyLock::new(|| {
    let hidden = hidden();
    format!("^[^\\s{hidden}]([^{hidden}]*[^\\s{hidden}])?$")
});

/// The hidden characters as the inside of a class: `\u0000-\u001f\u007f…`.
fn hidden() -> String {
    let mut class = String::new();
    let mut run: Option<(u32, u32)> = None;
    for code in 0..=0x1_0000 {
        let is_hidden = code < 0x1_0000 && char::from_u32(code).is_some_and(is_hidden);
        match (is_hidden, &mut run) {
            (true, Some((_, last))) => *last = code,
            (true, None) => run = Some((code, code)),
            (false, Some((first, last))) => {
                // Writing to a text does not fail.
                let _ = write!(class, "\\u{first:04x}");
                if last > first {
                    let _ = write!(class, "-\\u{last:04x}");
                }
                run = None;
            }
            (false, None) => {}
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_holds_what_does_not_show() {
        let class = hidden();
        assert!(class.starts_with("\\u0000-\\u001f\\u007f-\\u009f\\u00ad"), "{class}");
        assert!(class.contains("\\u200b-\\u200f") && class.ends_with("\\ufff9-\\ufffb"), "{class}");
    }

    #[test]
    fn a_name_is_checked_where_it_is_read() {
        assert_eq!(serde_json::from_str::<Name>("\"Ärzte & Söhne\"").unwrap(), Name("Ärzte & Söhne".into()));
        for bad in ["\"\"", "\" a\"", "\"a\\u0000b\"", "1"] {
            assert!(serde_json::from_str::<Name>(bad).is_err(), "{bad}");
        }
    }
}
