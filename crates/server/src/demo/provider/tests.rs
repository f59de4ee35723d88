//! The demo provider through a real socket: shapes of whole and streamed answers, refusals, and the tally.

use std::net::SocketAddr;

use bytes::Bytes;
use domain::time::Timestamp;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::{Value, json};

use super::*;

const NOW_SECONDS: i64 = 1_790_000_000;

struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
        let connection = tokio::spawn(async move { connection.await.unwrap_or_default() });
        Self { sender, connection }
    }

    async fn send(&mut self, request: http::request::Builder, body: impl Into<Bytes>) -> Response<Incoming> {
        let request = request.header("host", "demo").body(Full::new(body.into())).unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    async fn post(&mut self, path: &str, body: &Value) -> Response<Incoming> {
        self.send(Request::post(path), body.to_string()).await
    }

    async fn get(&mut self, path: &str) -> Value {
        json_of(self.send(Request::get(path), "").await).await
    }

    /// Closes the socket at once.
    fn leave(self) {
        self.connection.abort();
    }
}

async fn provider(chunk_delay_ms: u64) -> (DemoProvider, Client) {
    let clock = Clock::new(|| Timestamp(NOW_SECONDS * 1_000_000));
    let options = Options { chunk_delay_ms, key: None, clock };
    let provider = DemoProvider::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let client = Client::connect(provider.address()).await;
    (provider, client)
}

async fn bytes_of(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn json_of(response: Response<Incoming>) -> Value {
    serde_json::from_slice(&bytes_of(response).await).unwrap()
}

/// The events of a stream without the last, which must be `[DONE]`.
async fn events_of(response: Response<Incoming>) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let text = String::from_utf8(bytes_of(response).await.to_vec()).unwrap();
    let mut events: Vec<&str> = text.split_terminator("\n\n").collect();
    assert_eq!(events.pop(), Some("data: [DONE]"));
    events.iter().map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn chat(text: &str) -> Value {
    json!({"model": "demo-fast", "messages": [{"role": "user", "content": text}]})
}

fn with(mut body: Value, change: Value) -> Value {
    for (member, value) in change.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_whole_answer_has_every_member_and_the_account_headers() {
    let (provider, mut client) = provider(0).await;
    let response = client.post("/v1/chat/completions", &chat("Hello!")).await;
    let headers: HeaderMap = response.headers().clone();
    let answer = json_of(response).await;
    let choice = &answer["choices"][0];
    assert!(choice["message"]["content"].as_str().unwrap().contains("demo provider"));
    assert_eq!((&choice["message"]["role"], &choice["finish_reason"]), (&json!("assistant"), &json!("stop")));
    assert_eq!(answer["id"], "chatcmpl-demo-1");
    assert_eq!((&answer["object"], &answer["created"]), (&json!("chat.completion"), &json!(NOW_SECONDS)));
    let usage = &answer["usage"];
    // "Hello" and "!" and three for the message.
    assert_eq!(usage["prompt_tokens"], 5);
    assert_eq!(usage["total_tokens"].as_u64(), usage["completion_tokens"].as_u64().map(|tokens| tokens + 5));
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 0);
    for name in ["openai-organization", "set-cookie", "x-ratelimit-limit-requests", "x-demo-provider"] {
        assert!(headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["x-request-id"], "req_demo_1");
    let same = client.post("/v1/chat/completions", &chat("Hello!")).await;
    assert_eq!(json_of(same).await["choices"], answer["choices"]);
    provider.stop().await;
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_whole_answer() {
    let (_provider, mut client) = provider(0).await;
    let whole = json_of(client.post("/v1/chat/completions", &chat("Hello!")).await).await;
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    let events = events_of(client.post("/v1/chat/completions", &with(chat("Hello!"), asked)).await).await;

    let [first, pieces @ .., finish, usage] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(first["choices"][0]["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
    assert!(pieces.iter().all(|event| event["choices"][0]["finish_reason"].is_null()));
    assert!(pieces.iter().all(|event| event.get("usage") == Some(&Value::Null)));
    let text: String =
        pieces.iter().map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text);
    assert_eq!(finish["choices"][0]["delta"], json!({}));
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!((&usage["choices"], &usage["usage"]), (&json!([]), &whole["usage"]));
    assert_eq!(usage["usage"]["completion_tokens"].as_u64(), u64::try_from(pieces.len()).ok());
    assert!(events.iter().all(|event| event["id"] == "chatcmpl-demo-2"));
    assert!(events.iter().all(|event| event["object"] == "chat.completion.chunk"));

    let silent = with(chat("Hello!"), json!({"stream": true}));
    let events = events_of(client.post("/v1/chat/completions", &silent).await).await;
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn choices_are_streamed_in_turn_and_bounded_each() {
    let (_provider, mut client) = provider(0).await;
    let asked = json!({"stream": true, "n": 2, "max_completion_tokens": 3});
    let events = events_of(client.post("/v1/chat/completions", &with(chat("count to 9"), asked)).await).await;
    let said: Vec<(u64, String)> = events
        .iter()
        .map(|event| &event["choices"][0])
        .map(|choice| match choice["finish_reason"].as_str() {
            Some(finish) => (choice["index"].as_u64().unwrap(), finish.to_owned()),
            None => {
                (choice["index"].as_u64().unwrap(), choice["delta"]["content"].as_str().unwrap().to_owned())
            }
        })
        .collect();
    let expect = [
        (0, ""),
        (1, ""),
        (0, "1"),
        (1, "1"),
        (0, " 2"),
        (1, " 2"),
        (0, " 3"),
        (1, " 3"),
        (0, "length"),
        (1, "length"),
    ];
    assert_eq!(said, expect.map(|(index, text)| (index, text.to_owned())));
}

#[tokio::test]
async fn tool_calls_are_streamed_name_first() {
    let (_provider, mut client) = provider(0).await;
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = json!([
        {"type": "function", "function": {"name": "weather", "parameters": parameters}},
        {"type": "function", "function": {"name": "clock"}},
    ]);
    let request = with(chat("both in parallel"), json!({"tools": tools}));
    let whole = json_of(client.post("/v1/chat/completions", &request).await).await;
    let choice = &whole["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&Value::Null, &json!("tool_calls"))
    );
    assert_eq!(choice["message"]["tool_calls"][1]["function"], json!({"name": "clock", "arguments": "{}"}));

    let streamed = with(request, json!({"stream": true}));
    let events = events_of(client.post("/v1/chat/completions", &streamed).await).await;
    let mut calls: Vec<(String, String)> = Vec::new();
    for call in events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0)) {
        let function = &call["function"];
        if let Some(name) = function["name"].as_str() {
            assert_eq!((&call["type"], &function["arguments"]), (&json!("function"), &json!("")));
            assert!(call["id"].as_str().unwrap().len() <= 40);
            calls.push((name.to_owned(), String::new()));
        } else {
            assert!(call.get("id").is_none() && call.get("type").is_none());
            calls.last_mut().unwrap().1.push_str(function["arguments"].as_str().unwrap());
        }
        assert_eq!(call["index"].as_u64(), u64::try_from(calls.len() - 1).ok());
    }
    let expect = [("weather", r#"{"city":"demo"}"#), ("clock", "{}")];
    assert_eq!(calls, expect.map(|(name, arguments)| (name.to_owned(), arguments.to_owned())));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn completions_stream_like_they_answer() {
    let (_provider, mut client) = provider(0).await;
    let request = json!({"model": "demo-smart", "prompt": ["a", "b"], "max_tokens": 4});
    let whole = json_of(client.post("/v1/completions", &request).await).await;
    assert_eq!((&whole["object"], &whole["id"]), (&json!("text_completion"), &json!("cmpl-demo-1")));
    let events =
        events_of(client.post("/v1/completions", &with(request, json!({"stream": true}))).await).await;
    for index in [0, 1] {
        let choices = events.iter().map(|event| &event["choices"][0]);
        let choices: Vec<&Value> = choices.filter(|choice| choice["index"] == index).collect();
        let text: String = choices.iter().map(|choice| choice["text"].as_str().unwrap()).collect();
        assert_eq!(whole["choices"][index]["text"], text);
        assert_eq!(choices.last().unwrap()["finish_reason"], "length");
    }
}

#[tokio::test]
async fn embeddings_models_and_health_answer() {
    let (_provider, mut client) = provider(0).await;
    let request = json!({"model": "demo-embed", "input": ["one", "two"]});
    let answer = json_of(client.post("/v1/embeddings", &request).await).await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    let models = client.get("/v1/models").await;
    let names: Vec<&str> =
        models["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo-fast", "demo-smart", "demo-embed"]);
    assert_eq!(client.get("/v1/models/demo-fast").await, models["data"][0]);
    assert_eq!(client.get("/healthz").await["status"], "ok");
}

#[tokio::test]
async fn refusals_wear_the_envelope() {
    let (_provider, mut client) = provider(0).await;
    let mut check = async |request: http::request::Builder, body: &str, status: u16, code: Option<&str>| {
        let response = client.send(request, body.to_owned()).await;
        assert_eq!(response.status().as_u16(), status, "{body}");
        let error = json_of(response).await["error"].clone();
        assert!(error["message"].is_string() && error["type"].is_string() && error.get("param").is_some());
        assert_eq!(error["code"].as_str(), code, "{body}");
    };
    let post = || Request::post("/v1/chat/completions");
    check(post(), "{", 400, None).await;
    check(post(), r#"{"model":"demo-fast","model":"demo-fast","messages":[]}"#, 400, None).await;
    check(post(), r#"{"model":"gpt-4o","messages":[]}"#, 404, Some("model_not_found")).await;
    check(post(), r#"{"model":"demo-fast"}"#, 400, Some("missing_required_parameter")).await;
    check(Request::get("/v1/chat/completions"), "", 405, None).await;
    check(Request::post("/v1/models"), "", 405, None).await;
    check(Request::get("/v1/models/gpt-4o"), "", 404, Some("model_not_found")).await;
    check(Request::get("/v2"), "", 404, Some("unknown_url")).await;
}

#[tokio::test]
async fn with_a_key_only_its_bearer_is_answered() {
    let clock = Clock::new(|| Timestamp(0));
    let key = Some(Secret::new(b"sk-demo-provider".to_vec()));
    let options = Options { chunk_delay_ms: 0, key, clock };
    let provider = DemoProvider::start("[::1]:0".parse().unwrap(), options).await.unwrap();
    let mut client = Client::connect(provider.address()).await;
    let mut check = async |value: Option<&str>, status: StatusCode| {
        let mut request = Request::get("/v1/models");
        if let Some(value) = value {
            request = request.header("authorization", value);
        }
        assert_eq!(client.send(request, "").await.status(), status, "{value:?}");
    };
    check(Some("Bearer sk-demo-provider"), StatusCode::OK).await;
    check(Some("bearer sk-demo-provider"), StatusCode::OK).await;
    check(Some("Bearer sk-demo-provide"), StatusCode::UNAUTHORIZED).await;
    check(Some("Basic sk-demo-provider"), StatusCode::UNAUTHORIZED).await;
    check(Some("Bearer"), StatusCode::UNAUTHORIZED).await;
    check(None, StatusCode::UNAUTHORIZED).await;
    assert_eq!(client.get("/healthz").await["provider"], "demo");
}

#[tokio::test]
async fn the_tally_holds_what_was_answered_and_not_what_was_refused() {
    let (provider, mut client) = provider(0).await;
    let streamed = with(chat("count to 50"), json!({"stream": true}));
    bytes_of(client.post("/v1/chat/completions", &streamed).await).await;
    bytes_of(client.post("/v1/chat/completions", &json!({"model": "gpt"})).await).await;
    bytes_of(client.post("/v1/embeddings", &json!({"model": "demo-embed", "input": "one two"})).await).await;
    let call = |id: &str, number: u64, model, prompt_tokens, completion_tokens| Call {
        id: format!("{id}-demo-{number}"),
        request_id: format!("req_demo_{number}"),
        model,
        prompt_tokens,
        completion_tokens,
        finished: true,
        cancelled: false,
    };
    let expect = [call("chatcmpl", 1, "demo-fast", 6, 50), call("embd", 2, "demo-embed", 2, 0)];
    assert_eq!(provider.tally().settled().await, expect);
    let shown = client.get("/tally").await;
    assert_eq!(shown["calls"], json!(expect));
    assert_eq!((&shown["open"], &shown["forgotten"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_making_at_once() {
    // Ten minutes between chunks: the test can only end because the provider notices the leaving itself.
    let (provider, mut client) = provider(600_000).await;
    let streamed = with(chat("count to 50"), json!({"stream": true}));
    let mut response = client.post("/v1/chat/completions", &streamed).await;
    response.frame().await.unwrap().unwrap();
    client.leave();
    let calls = provider.tally().settled().await;
    assert_eq!((calls[0].finished, calls[0].cancelled, calls[0].completion_tokens), (false, true, 0));
}

#[tokio::test]
async fn a_client_that_leaves_a_fast_stream_is_charged_what_was_made() {
    let (provider, mut client) = provider(0).await;
    let streamed = with(chat("count to 100000"), json!({"stream": true}));
    let mut response = client.post("/v1/chat/completions", &streamed).await;
    let mut seen = 0;
    while seen < 10_000 {
        seen += response.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    client.leave();
    drop(response);
    let call = provider.tally().settled().await.remove(0);
    assert!(call.cancelled && !call.finished);
    assert!((10..100_000).contains(&call.completion_tokens), "{call:?}");
}

#[tokio::test]
async fn a_whole_answer_that_stayed_in_the_buffer_is_not_finished() {
    // More than the socket buffers of both sides hold, so that most of it still waits when the client leaves.
    let (provider, mut client) = provider(0).await;
    let inputs = json!({"model": "demo-embed", "input": vec!["word"; 600], "dimensions": 4096});
    let mut response = client.post("/v1/embeddings", &inputs).await;
    response.frame().await.unwrap().unwrap();
    client.leave();
    drop(response);
    let call = provider.tally().settled().await.remove(0);
    assert_eq!((call.finished, call.cancelled), (false, true));
}

#[tokio::test]
async fn stopping_lets_an_answer_finish_and_dropping_cuts_it() {
    let (stopped, mut client) = provider(2).await;
    let streamed = with(chat("count to 20"), json!({"stream": true}));
    let response = client.post("/v1/chat/completions", &streamed).await;
    let tally = stopped.tally();
    let (events, ()) = tokio::join!(events_of(response), stopped.stop());
    assert_eq!(events.len(), 22);
    assert!(tally.calls()[0].finished);

    let (dropped, mut client) = provider(600_000).await;
    let mut response = client.post("/v1/chat/completions", &streamed).await;
    response.frame().await.unwrap().unwrap();
    drop(dropped);
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn only_this_machine_may_connect() {
    for listen in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "[::ffff:10.0.0.1]:0"] {
        let options = Options { chunk_delay_ms: 0, key: None, clock: Clock::new(|| Timestamp(0)) };
        let refused = DemoProvider::start(listen.parse().unwrap(), options).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(io::ErrorKind::InvalidInput), "{listen}");
    }
}
