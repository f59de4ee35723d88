//! From a method and a path to what is asked for. Every path works with and without its version, so that both
//! `https://host/v1` and `https://host` serve as a base URL for clients of each dialect.

use domain::protocol::Dialect;
use domain::usage::Surface;
use http::{HeaderMap, Method};

use crate::batches;
use crate::files;
use crate::stateful::Kept;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// A call to a model.
    Call(Endpoint<'a>),
    /// The list of models.
    Models,
    /// One model, by name; percent-encoding is still in it.
    Model(&'a str),
    /// An answer that a provider keeps.
    Kept(Kept<'a>),
    /// Files, or one of them.
    Files(files::Place<'a>),
    /// Batches, or one of them.
    Batches(batches::Place<'a>),
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

/// An endpoint, with what its path says beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint<'a> {
    /// Which it is.
    pub surface: Surface,
    /// What Google's paths say.
    pub path: Option<GooglePath<'a>>,
}

/// The model and the method, as Google's paths name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GooglePath<'a> {
    /// The model; percent-encoding is still in it.
    pub model: &'a str,
    /// The method.
    pub method: GoogleMethod,
}

/// The methods of a model in Google's paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoogleMethod {
    /// `generateContent`
    Generate,
    /// `streamGenerateContent`
    Stream,
    /// `countTokens`
    Count,
    /// `embedContent`
    Embed,
    /// `batchEmbedContents`
    EmbedBatch,
}

impl GoogleMethod {
    /// Its name in a path.
    pub(crate) fn word(self) -> &'static str {
        match self {
            GoogleMethod::Generate => "generateContent",
            GoogleMethod::Stream => "streamGenerateContent",
            GoogleMethod::Count => "countTokens",
            GoogleMethod::Embed => "embedContent",
            GoogleMethod::EmbedBatch => "batchEmbedContents",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [Self::Generate, Self::Stream, Self::Count, Self::Embed, Self::EmbedBatch];
        all.into_iter().find(|method| method.word() == word)
    }

    fn surface(self) -> Surface {
        match self {
            GoogleMethod::Generate | GoogleMethod::Stream => Surface::Generate,
            GoogleMethod::Count => Surface::GenerateTokens,
            GoogleMethod::Embed | GoogleMethod::EmbedBatch => Surface::EmbedContent,
        }
    }
}

/// The route of a request.
pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let (wanted, found) = find(path);
    match found {
        Route::Unknown => found,
        Route::Kept(kept) if kept.takes(method) => found,
        Route::Files(place) if place.takes(method) => found,
        Route::Batches(place) if place.takes(method) => found,
        Route::Kept(_) | Route::Files(_) | Route::Batches(_) => Route::WrongMethod,
        _ if *method == wanted => found,
        _ => Route::WrongMethod,
    }
}

/// Whose envelope the sender of a request expects, whatever it asks for: the endpoint says it, else the path's version or
/// the credential's header, which only clients of that dialect send.
pub(crate) fn dialect(path: &str, headers: &HeaderMap) -> Dialect {
    match find(path).1 {
        Route::Call(endpoint) => endpoint.surface.dialect(),
        Route::Files(_) | Route::Batches(_) => Dialect::OpenAi,
        _ if path.contains("/v1beta/") || headers.contains_key("x-goog-api-key") => Dialect::Google,
        _ if path.contains("/messages") || headers.contains_key("anthropic-version") => Dialect::Anthropic,
        _ => Dialect::OpenAi,
    }
}

fn find(path: &str) -> (Method, Route<'_>) {
    let rest = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let call = |surface| (Method::POST, Route::Call(Endpoint { surface, path: None }));
    match rest {
        "/chat/completions" => call(Surface::Chat),
        "/completions" => call(Surface::Completions),
        "/embeddings" => call(Surface::Embeddings),
        "/responses" => call(Surface::Responses),
        "/moderations" => call(Surface::Moderations),
        "/images/generations" => call(Surface::Images),
        "/images/edits" => call(Surface::ImageEdits),
        "/audio/speech" => call(Surface::Speech),
        "/audio/transcriptions" => call(Surface::Transcriptions),
        "/rerank" | "/v2/rerank" => call(Surface::Rerank),
        // Anthropic's clients add `/v1` to whatever base they are given.
        "/messages" | "/v1/messages" => call(Surface::Messages),
        "/messages/count_tokens" | "/v1/messages/count_tokens" => call(Surface::MessageTokens),
        "/models" | "/v1/models" | "/v1beta/models" => (Method::GET, Route::Models),
        "/healthz" | "/health/liveness" | "/health/liveliness" => (Method::GET, Route::Live),
        "/readyz" | "/health/readiness" => (Method::GET, Route::Ready),
        "/.well-known/security.txt" => (Method::GET, Route::SecurityTxt),
        _ => {
            let kept = Kept::read(rest).map(Route::Kept);
            let kept = kept.or_else(|| files::Place::read(rest).map(Route::Files));
            let kept = kept.or_else(|| batches::Place::read(rest).map(Route::Batches));
            kept.map_or_else(|| below_models(rest), |kept| (Method::GET, kept))
        }
    }
}

/// What is below the list of models: a model, or one of Google's methods of it. A name may hold slashes and colons.
fn below_models(rest: &str) -> (Method, Route<'_>) {
    let beneath = |prefix: &str| rest.strip_prefix(prefix).filter(|name| !name.is_empty());
    let Some(name) = ["/models/", "/v1beta/models/", "/v1/models/"].into_iter().find_map(beneath) else {
        return (Method::GET, Route::Unknown);
    };
    let split = name.rsplit_once(':').or_else(|| name.rsplit_once("%3A")).or_else(|| name.rsplit_once("%3a"));
    let method = split.and_then(|(model, word)| Some((model, GoogleMethod::parse(word)?)));
    match method {
        Some((model, method)) if !model.is_empty() => {
            let path = Some(GooglePath { model, method });
            (Method::POST, Route::Call(Endpoint { surface: method.surface(), path }))
        }
        _ => (Method::GET, Route::Model(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, path: &str, expect: Route<'_>) {
        assert_eq!(route(&method, path), expect, "{path}");
    }

    fn call(surface: Surface) -> Route<'static> {
        Route::Call(Endpoint { surface, path: None })
    }

    #[test]
    fn paths_route_with_and_without_the_version() {
        check(Method::POST, "/v1/chat/completions", call(Surface::Chat));
        check(Method::POST, "/chat/completions", call(Surface::Chat));
        check(Method::POST, "/v1/embeddings", call(Surface::Embeddings));
        check(Method::POST, "/responses", call(Surface::Responses));
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

    #[test]
    fn clients_that_add_their_version_may_be_given_one() {
        for base in ["", "/v1"] {
            check(Method::POST, &format!("{base}/v1/messages"), call(Surface::Messages));
            check(Method::POST, &format!("{base}/v1/messages/count_tokens"), call(Surface::MessageTokens));
            check(Method::GET, &format!("{base}/v1/models"), Route::Models);
            check(Method::GET, &format!("{base}/v1beta/models"), Route::Models);
        }
    }

    #[test]
    fn googles_paths_name_model_and_method() {
        let check = |path: &str, model: &str, method: GoogleMethod| {
            let endpoint = Endpoint { surface: method.surface(), path: Some(GooglePath { model, method }) };
            check(Method::POST, path, Route::Call(endpoint));
        };
        check("/v1beta/models/gemini-x:generateContent", "gemini-x", GoogleMethod::Generate);
        check("/v1/models/gemini-x:streamGenerateContent", "gemini-x", GoogleMethod::Stream);
        check("/v1/v1beta/models/gemini-x:countTokens", "gemini-x", GoogleMethod::Count);
        check("/v1beta/models/openai/gpt-x:embedContent", "openai/gpt-x", GoogleMethod::Embed);
        check("/v1beta/models/openai%2Fgpt-x:generateContent", "openai%2Fgpt-x", GoogleMethod::Generate);
        check(
            "/v1beta/models/us.anthropic.claude-x:0:generateContent",
            "us.anthropic.claude-x:0",
            GoogleMethod::Generate,
        );
        super::tests::check(Method::POST, "/v1beta/models/:generateContent", Route::WrongMethod);
        super::tests::check(Method::GET, "/v1beta/models/gemini-x:generateContent", Route::WrongMethod);
    }

    #[test]
    fn the_dialect_shows_in_the_path_or_the_headers() {
        let check = |path: &str, header: Option<&'static str>, expect: Dialect| {
            let mut headers = HeaderMap::new();
            if let Some(name) = header {
                headers.insert(name, http::HeaderValue::from_static("x"));
            }
            assert_eq!(dialect(path, &headers), expect, "{path}");
        };
        check("/v1/chat/completions", Some("anthropic-version"), Dialect::OpenAi);
        check("/v1/messages", None, Dialect::Anthropic);
        check("/v1/messages/batches", None, Dialect::Anthropic);
        check("/v1/models", None, Dialect::OpenAi);
        check("/v1/models", Some("anthropic-version"), Dialect::Anthropic);
        check("/v1beta/models", None, Dialect::Google);
        check("/v1beta/cachedContents", None, Dialect::Google);
        check("/nothing", Some("x-goog-api-key"), Dialect::Google);
    }
}
