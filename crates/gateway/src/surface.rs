//! From a method and a path to what is asked for. Every path works with and without `/v1`, so that both
//! `https://host/v1` and `https://host` serve as a base URL.

use domain::usage::Surface;
use http::Method;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// A call to a model.
    Call(Surface),
    /// The list of models.
    Models,
    /// One model, by name; percent-encoding is still in it.
    Model(&'a str),
    /// Whether the process lives.
    Live,
    /// Whether it takes calls.
    Ready,
    /// Whom to tell of a weakness.
    SecurityTxt,
    /// A known path with another method.
    WrongMethod,
    /// Nothing of ours.
    Unknown,
}

/// The route of a request.
pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let rest = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let (wanted, found) = match rest {
        "/chat/completions" => (Method::POST, Route::Call(Surface::Chat)),
        "/completions" => (Method::POST, Route::Call(Surface::Completions)),
        "/embeddings" => (Method::POST, Route::Call(Surface::Embeddings)),
        "/models" => (Method::GET, Route::Models),
        "/healthz" | "/health/liveness" | "/health/liveliness" => (Method::GET, Route::Live),
        "/readyz" | "/health/readiness" => (Method::GET, Route::Ready),
        "/.well-known/security.txt" => (Method::GET, Route::SecurityTxt),
        other => match other.strip_prefix("/models/") {
            Some(name) if !name.is_empty() => (Method::GET, Route::Model(name)),
            _ => return Route::Unknown,
        },
    };
    if method == wanted { found } else { Route::WrongMethod }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_route_with_and_without_the_version() {
        let check = |method: Method, path: &str, expect: Route<'_>| {
            assert_eq!(route(&method, path), expect, "{path}");
        };
        check(Method::POST, "/v1/chat/completions", Route::Call(Surface::Chat));
        check(Method::POST, "/chat/completions", Route::Call(Surface::Chat));
        check(Method::POST, "/v1/embeddings", Route::Call(Surface::Embeddings));
        check(Method::GET, "/v1/chat/completions", Route::WrongMethod);
        check(Method::GET, "/v1/models/openai/gpt-4o", Route::Model("openai/gpt-4o"));
        check(Method::GET, "/models", Route::Models);
        check(Method::GET, "/v1/models/", Route::Unknown);
        check(Method::GET, "/readyz", Route::Ready);
        check(Method::GET, "/.well-known/security.txt", Route::SecurityTxt);
        check(Method::POST, "/v1/v1/chat/completions", Route::Unknown);
        check(Method::POST, "//v1/chat/completions", Route::Unknown);
        check(Method::POST, "/v1/chat/completions/", Route::Unknown);
        check(Method::GET, "/v1x/models", Route::Unknown);
    }
}
