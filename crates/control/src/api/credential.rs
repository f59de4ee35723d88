//! The one credential of a request, as it was sent. Whether it holds is not known here.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use domain::scope::Denied;
use domain::token::Token;

use super::cookies;

/// Headers in which clients of models send keys: none of them opens the admin API.
const KEY_HEADERS: [&str; 3] = ["x-api-key", "api-key", "x-goog-api-key"];
/// Query parameters in which a credential is refused: a URL ends up in logs and histories.
const KEY_PARAMETERS: [&str; 7] = ["key", "api_key", "api-key", "apikey", "access_token", "token", "jwt"];
/// How the values of credentials begin: tokens of ours, and signed ones.
const BEGINNINGS: [&str; 2] = ["pc_", "eyj"];

/// What was sent.
pub(super) enum Sent<'a> {
    /// A token of ours.
    Token(Token),
    /// An access token, by whoever holds it.
    Bearer(&'a str),
    /// An access token in the cookie of a browser.
    Cookie(&'a str),
}

/// Reads the one credential of a request.
pub(super) fn read(head: &Parts) -> Result<Sent<'_>, Denied> {
    if head.uri.query().is_some_and(holds_key)
        || KEY_HEADERS.iter().any(|name| head.headers.contains_key(*name))
    {
        return Err(Denied::Misplaced);
    }
    let bearer = bearer(&head.headers)?;
    let cookie = cookies::read(&head.headers, cookies::ACCESS).map_err(|_| Denied::Misplaced)?;
    match (bearer, cookie) {
        (None, None) => Err(Denied::Missing),
        (Some(_), Some(_)) => Err(Denied::Misplaced),
        (None, Some(cookie)) => Ok(Sent::Cookie(cookie)),
        (Some(bearer), None) if bearer.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("pc_")) => {
            Token::parse(bearer.as_bytes()).map(Sent::Token).ok_or(Denied::Malformed)
        }
        (Some(bearer), None) => Ok(Sent::Bearer(bearer)),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Denied::Misplaced);
    }
    let (scheme, rest) = line.to_str().ok().and_then(|line| line.split_once(' ')).ok_or(Denied::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(rest.trim())) } else { Err(Denied::Malformed) }
}

fn holds_key(query: &str) -> bool {
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name.to_ascii_lowercase();
        let start = value.get(..3).unwrap_or_default().to_ascii_lowercase();
        KEY_PARAMETERS.contains(&name.as_str()) || BEGINNINGS.contains(&start.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    const TOKEN: &str = "pc_op_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk";

    fn check(uri: &str, headers: &[(&str, &str)], expect: Result<&str, Denied>) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let found = read(&head).map(|sent| match sent {
            Sent::Token(token) => format!("token {}", token.reveal()),
            Sent::Bearer(text) => format!("bearer {text}"),
            Sent::Cookie(text) => format!("cookie {text}"),
        });
        assert_eq!(found, expect.map(str::to_owned), "{uri} {headers:?}");
    }

    #[test]
    fn exactly_one_credential_is_read_and_from_its_place_alone() {
        let operator = format!("Bearer {TOKEN}");
        check("/", &[("authorization", &operator)], Ok(&format!("token {TOKEN}")));
        check("/", &[("authorization", "bearer a.b.c")], Ok("bearer a.b.c"));
        check("/", &[("cookie", "x=1; pc_access=a.b.c")], Ok("cookie a.b.c"));
        check("/?cursor=abc", &[("authorization", "bearer a.b.c")], Ok("bearer a.b.c"));
        check("/", &[], Err(Denied::Missing));
        check("/", &[("cookie", "pc_refresh=a")], Err(Denied::Missing));
        check("/", &[("authorization", "Basic YTpi")], Err(Denied::Malformed));
        check("/", &[("authorization", "a.b.c")], Err(Denied::Malformed));
        check("/", &[("authorization", "Bearer pc_op_0")], Err(Denied::Malformed));
        check("/", &[("authorization", "bearer a"), ("authorization", "bearer a")], Err(Denied::Misplaced));
        check("/", &[("authorization", "bearer a"), ("cookie", "pc_access=a")], Err(Denied::Misplaced));
        check("/", &[("cookie", "pc_access=a; pc_access=b")], Err(Denied::Misplaced));
        check("/", &[("authorization", "bearer a"), ("x-api-key", "a")], Err(Denied::Misplaced));
        check("/?access_token=a", &[("authorization", "bearer a")], Err(Denied::Misplaced));
        check(
            "/?cursor=eyJhbGciOiJIUzI1NiJ9.e30.x",
            &[("authorization", "bearer a")],
            Err(Denied::Misplaced),
        );
        check(&format!("/?x={TOKEN}"), &[("authorization", "bearer a")], Err(Denied::Misplaced));
    }
}
