//! The outermost layer: gives each request its name, lets it run to its end whether or not its caller waits, and
//! writes what every answer carries. A handler that dies is an answer as well.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::address::allowed;

use super::arrival::Arrival;
use super::problem::Problem;
use super::{Api, framing};

/// What says nothing but how the gate does.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// What every answer carries: no guessing of types, no copies on the way, nothing that an answer could load or be
/// embedded in.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Passes a request on.
pub(super) async fn enter(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let arrival = match Arrival::note(&api, peer.ip(), request.headers()) {
        Ok(arrival) => arrival,
        Err(failed) => return finish(Problem::unavailable(failed).into_response(), ""),
    };
    let request_id = arrival.request_id.clone();
    let (mut head, body) = request.into_parts();
    // Framing is judged before any route.
    if let Err(refused) = framing::check(&head) {
        return at_last(finish(refused.into_response(), &request_id));
    }
    if !is_let_in(&api, &arrival, head.uri.path()) {
        let refused = Problem::forbidden("The admin listener is not for your address.");
        return at_last(finish(refused.into_response(), &request_id));
    }
    let ends = framing::is_chunked(&head.headers);
    head.extensions.insert(arrival);
    // On its own, so that what was begun is finished and recorded though the caller hangs up. Api::drain waits for it.
    let response = to_its_end(next.run(Request::from_parts(head, body))).await;
    let response = finish(response, &request_id);
    if ends { at_last(response) } else { response }
}

/// The answer after which nothing more is read of its connection.
fn at_last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Whether the caller may come from where it is. How the gate does is for everybody: whoever watches it is elsewhere.
fn is_let_in(api: &Api, arrival: &Arrival, path: &str) -> bool {
    allowed(Some(&api.settings().allowed_ips), arrival.client) || HEALTH.contains(&path)
}

async fn to_its_end(run: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(run).await.unwrap_or_else(|died| Problem::internal(died).into_response())
}

fn finish(mut response: Response, request_id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.respond(request_id, std::mem::take(response.headers_mut()));
    }
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id.clone());
        headers.insert("request-id", id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn a_handler_that_dies_is_a_problem_and_tells_nothing() {
        let died = to_its_end(async { panic!("planted-in-a-panic") }).await;
        let response = finish(died, "req-1");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-request-id"]),
            (500, &"req-1".parse().unwrap())
        );
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            text.contains("internal_error") && text.contains("req-1") && !text.contains("planted"),
            "{text}"
        );
    }
}
