//! JSON in and out: bodies are read strictly, so that what a caller misspells or repeats is told and never guessed;
//! identifiers, instants and fields that may be cleared have one form each.

pub mod name;
pub mod password;
pub mod recovery;
pub mod secret;
pub mod token;
mod tree;

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::time::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::error::Category;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use self::tree::Tree;
use super::problem::Problem;

/// RFC 3339 in UTC, to the microsecond.
const RFC_3339: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// A body, read strictly: no unknown, repeated or missing field, nothing behind it. Every type that is read so says
/// `#[serde(deny_unknown_fields)]`.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The layer around every route has read it whole, within its bounds, and checked that it is to be JSON.
        let body = Bytes::from_request(request, state).await.map_err(Problem::internal)?;
        read(&body).map(Self)
    }
}

/// Reads a body.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let tree: Tree = serde_json::from_slice(body).map_err(|failed| match failed.classify() {
        Category::Data => misfit(&failed),
        _ => Problem::invalid("The body is not JSON."),
    })?;
    serde_path_to_error::deserialize(tree).map_err(|failed| {
        let field = failed.path().to_string();
        let failed = failed.into_inner();
        match field.as_str() {
            "." => misfit(&failed),
            field => Problem::unfit(field, said(&failed)),
        }
    })
}

/// A fault of the body as a whole: the name of a missing or repeated field is in the message and nowhere else.
fn misfit(failed: &serde_json::Error) -> Problem {
    let said = said(failed);
    match said.split('`').nth(1).map(str::to_owned) {
        Some(field) if said.contains(" field ") => Problem::unfit(&field, said),
        _ => Problem::unfit("", said),
    }
}

/// The message without its place in the text, which the field's name says better.
fn said(failed: &serde_json::Error) -> String {
    let text = failed.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    domain::audit::plain::plain(text, MESSAGE_CHARS)
}

/// Most characters of what a reader says about a value that does not fit: it may quote the value.
const MESSAGE_CHARS: usize = 200;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, &self.0)
    }
}

/// What was made: 201.
#[derive(Debug)]
pub struct Made<T>(pub T);

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::CREATED, &self.0)
    }
}

/// What was begun and is not done yet: 202.
#[derive(Debug)]
pub struct Begun<T>(pub T);

impl<T: Serialize> IntoResponse for Begun<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::ACCEPTED, &self.0)
    }
}

/// What was made, with a secret that is shown this once: 201. The secret's top-level field is kept as `null` where
/// the answer is kept for the idempotency key.
#[derive(Debug)]
pub struct MadeOnce<T>(pub T, pub &'static str);

/// Marks an answer with the field that must not be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShownOnce(pub(super) &'static str);

impl<T: Serialize> IntoResponse for MadeOnce<T> {
    fn into_response(self) -> Response {
        let mut response = respond(StatusCode::CREATED, &self.0);
        response.extensions_mut().insert(ShownOnce(self.1));
        response
    }
}

/// It was done, and there is nothing to say: 204.
#[derive(Debug, Clone, Copy)]
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// It was heard, and what becomes of it is said elsewhere: 202.
#[derive(Debug, Clone, Copy)]
pub struct Heard;

impl IntoResponse for Heard {
    fn into_response(self) -> Response {
        StatusCode::ACCEPTED.into_response()
    }
}

fn respond(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(failed) => Problem::internal(failed).into_response(),
    }
}

/// The identifier in a path. What is no identifier is as unknown as one that nobody has.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters =
            RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        let text = parameters.iter().next().map(|(_, value)| value);
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(Problem::not_found)
    }
}

/// Reads an identifier in a body: `#[serde(deserialize_with = "id")]`.
///
/// # Errors
/// The reader's, when it is none of this kind.
pub fn id<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(reader: D) -> Result<T, D::Error> {
    String::deserialize(reader)?.parse().map_err(D::Error::custom)
}

/// Reads a field that may be absent (leave as it is), `null` (clear) or have a value:
/// `#[serde(default, deserialize_with = "clearable")]` on an `Option<Option<T>>`.
///
/// # Errors
/// The reader's, when the value does not fit.
pub fn clearable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

/// Reads a field that may be absent (leave as it is) but not `null`:
/// `#[serde(default, deserialize_with = "given")]` on an `Option<T>`.
///
/// # Errors
/// The reader's, when the value does not fit.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// An instant: RFC 3339 in UTC, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl From<Timestamp> for Instant {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0.0) * 1_000)
            .map_err(S::Error::custom)?;
        writer.serialize_str(&at.format(RFC_3339).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        use time::format_description::well_known::Rfc3339;
        let text = String::deserialize(reader)?;
        let at =
            OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| D::Error::custom("not an RFC 3339 time"))?;
        let micros = i64::try_from(at.unix_timestamp_nanos() / 1_000).map_err(D::Error::custom)?;
        Ok(Self(Timestamp(micros)))
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let object: Object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .build();
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for Instant {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is read and looked at no further")]
    struct Thing {
        name: String,
        #[serde(default, deserialize_with = "clearable")]
        limit: Option<Option<u32>>,
        #[serde(default, deserialize_with = "given")]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is read and looked at no further")]
    struct Inner {
        count: u8,
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_field() {
        let check = |body: &str, expect: &str| {
            let problem = format!("{:?}", read::<Thing>(body.as_bytes()).unwrap_err());
            assert!(problem.contains(expect), "{body}: {problem}");
        };
        check("{", "InvalidRequest");
        check("", "InvalidRequest");
        check("{\"name\":\"a\"} x", "InvalidRequest");
        check("{\"name\":\"\u{1}\"}", "InvalidRequest");
        check("[]", "ValidationFailed");
        check("{}", "field: Some(\"name\")");
        check("{\"name\":1}", "field: Some(\"name\")");
        check("{\"name\":\"a\",\"name\":\"b\"}", "field: Some(\"name\")");
        check("{\"name\":\"a\",\"nmae\":\"b\"}", "field: Some(\"nmae\")");
        check("{\"name\":\"a\",\"inner\":null}", "field: Some(\"inner\")");
        check("{\"name\":\"a\",\"inner\":{\"count\":256}}", "field: Some(\"inner.count\")");
        check("[\"a\"]", "ValidationFailed");
        check("{\"name\":\"a\",\"inner\":[3]}", "field: Some(\"inner\")");
        check("{\"name\":\"a\",\"x\":{\"y\":1,\"y\":1}}", "field: Some(\"y\")");
        assert!(read::<Thing>(b"{\"name\":\"\xff\"}").is_err());
    }

    #[test]
    fn absent_and_null_are_two_things() {
        let read = |body: &str| read::<Thing>(body.as_bytes()).unwrap().limit;
        assert_eq!(read("{\"name\":\"a\"}"), None);
        assert_eq!(read("{\"name\":\"a\",\"limit\":null}"), Some(None));
        assert_eq!(read("{\"name\":\"a\",\"limit\":3}"), Some(Some(3)));
    }

    #[test]
    fn instants_are_written_to_the_microsecond_and_read_in_any_offset() {
        let at = Instant(Timestamp(1_767_225_600_000_001));
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-01-01T00:00:00.000001Z\"");
        let read: Instant = serde_json::from_str("\"2026-01-01T01:00:00.000001+01:00\"").unwrap();
        assert_eq!(read, at);
        assert!(serde_json::from_str::<Instant>("\"yesterday\"").is_err());
    }
}
