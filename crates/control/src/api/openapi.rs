//! The description of the API, made from its routes: what every operation has in common is written here, once, so
//! that no operation can answer with a status its description leaves out.

use std::sync::LazyLock;

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response};
use utoipa::{PartialSchema, ToSchema};

use super::access::{Reading, Reads, Rule};
use super::problem::{MEDIA_TYPE, ProblemBody, ROWS};
use super::{cookies, idempotency};
use crate::routes;

/// The whole document.
#[must_use]
pub fn document() -> OpenApi {
    routes::all().document()
}

/// The whole document as it is served and kept: indented JSON with a line's end.
///
/// # Errors
/// The writer's, which a description made of texts does not meet.
pub fn text() -> Result<String, serde_json::Error> {
    // By way of a value, whose members have an order: what is generated twice is the same.
    let value = serde_json::to_value(document())?;
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// The text, made when it is first asked for: few ever do, and it takes as long as all else of a start.
pub(super) fn served() -> Result<&'static str, &'static serde_json::Error> {
    static TEXT: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(text);
    TEXT.as_ref().map(String::as_str)
}

/// The document without a path.
pub(super) fn empty() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Portcullis admin API")
        .version("1")
        .description(Some(
            "People, roles and what they run. The organization comes from the login, never from a path. Writes with the \
             cookie `pc_access` need the header `x-csrf-token` with the value of the cookie `pc_csrf`, and the origin of \
             this installation; writes with a bearer need neither. `x-access` says who may call an operation.",
        ))
        .build();
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let cookie = ApiKeyValue::with_description(cookies::ACCESS, "The access token of a browser.");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    for row in &ROWS {
        components.responses.insert(problem_name(row.status), RefOr::T(problem(row.status)));
    }
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// Writes into an operation what its rule, its path and its method bring with them.
pub(super) fn complete(operation: &mut Operation, rule: Rule, path: &str, reads: &Reads) {
    let access = json!({
        "rule": rule.word(),
        "roles": rule.roles().iter().map(|role| role.word()).collect::<Vec<_>>(),
    });
    operation.extensions.get_or_insert_with(Extensions::default).insert("x-access".to_owned(), access);
    operation.security = Some(match rule {
        _ if rule.is_open() => vec![],
        _ => ["bearer", "cookie"]
            .map(|scheme| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []))
            .into(),
    });
    for status in statuses(rule, path, reads) {
        let declared = operation.responses.responses.entry(status.to_string());
        declared.or_insert_with(|| RefOr::Ref(Ref::from_response_name(problem_name(status))));
    }
    if reads.writes() && !rule.is_open() {
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency::parameter()));
    }
}

/// The problems an operation can answer with.
fn statuses(rule: Rule, path: &str, reads: &Reads) -> Vec<u16> {
    let mut all = vec![400, 403, 429, 500, 503];
    if rule != Rule::Public || reads.writes() {
        all.push(401);
    }
    if path.contains('{') {
        all.push(404);
    }
    if reads.writes() {
        all.extend([408, 409, 413]);
    }
    if reads.body != Reading::Nothing {
        all.extend([415, 422]);
    }
    all
}

/// The name under which all operations share the answer of this status.
fn problem_name(status: u16) -> String {
    format!("Problem{status}")
}

fn problem(status: u16) -> Response {
    let words: Vec<_> =
        ROWS.iter().filter(|row| row.status == status).map(|row| format!("`{}`", row.word)).collect();
    let mut response = Response::new(words.join(" or "));
    let schema = Ref::from_schema_name(ProblemBody::name());
    response.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(Content::new(Some(schema))));
    if matches!(status, 429 | 500 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
        response.headers.insert("retry-after".to_owned(), RefOr::T(Header::new(seconds)));
    }
    response
}

/// An optional header of this name.
pub(super) fn header(
    name: &str,
    description: &str,
    schema: ObjectBuilder,
) -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema.build()))
        .build()
}
