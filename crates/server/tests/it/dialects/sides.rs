//! What callers of each dialect send and read, and what upstreams of each protocol answer: "Hello" to the planted prompt,
//! for 9 tokens in and 3 out.

use domain::protocol::Protocol;
use domain::usage::Surface;
use serde_json::{Value, json};

use crate::world::PROMPT;

/// A caller's side.
pub struct Caller {
    pub name: &'static str,
    pub protocol: Protocol,
    pub surface: Surface,
    /// Where the text of a whole answer is.
    pub text: &'static str,
    /// Where the text of one event of a stream is.
    pub piece: &'static str,
    /// What shows that a stream is whole.
    pub end: &'static str,
    /// What shows that it is not.
    pub failed: &'static str,
    /// Where the kind of an error is, and what it is called.
    pub kind: &'static str,
    pub bad_request: &'static str,
    pub not_found: &'static str,
    pub unauthorized: &'static str,
}

impl Caller {
    pub fn path(&self, model: &str, stream: bool) -> String {
        match self.protocol {
            Protocol::Chat | Protocol::Bedrock => "/v1/chat/completions".to_owned(),
            Protocol::Responses => "/v1/responses".to_owned(),
            Protocol::Anthropic => "/v1/messages".to_owned(),
            Protocol::Gemini if stream => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Protocol::Gemini => format!("/v1beta/models/{model}:generateContent"),
        }
    }

    pub fn body(&self, upstream: &Upstream, stream: bool) -> String {
        let model = upstream.model;
        let turns = json!([{"role": "user", "content": PROMPT}]);
        let mut body = match self.protocol {
            Protocol::Chat | Protocol::Bedrock => json!({"model": model, "messages": turns}),
            Protocol::Responses => json!({"model": model, "input": PROMPT}),
            Protocol::Anthropic => json!({"model": model, "max_tokens": 64, "messages": turns}),
            Protocol::Gemini => {
                return json!({"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}).to_string();
            }
        };
        if stream {
            body["stream"] = true.into();
            if self.protocol == Protocol::Chat {
                body["stream_options"] = json!({"include_usage": true});
            }
        }
        body.to_string()
    }

    /// The text of all events of a stream.
    pub fn streamed_text(&self, stream: &str) -> String {
        let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        events.filter_map(|event| Some(event.pointer(self.piece)?.as_str()?.to_owned())).collect()
    }
}

pub const CALLERS: &[Caller] = &[
    Caller {
        name: "chat",
        protocol: Protocol::Chat,
        surface: Surface::Chat,
        text: "/choices/0/message/content",
        piece: "/choices/0/delta/content",
        end: "data: [DONE]",
        failed: r#"data: {"error":"#,
        kind: "/error/type",
        bad_request: "invalid_request_error",
        not_found: "invalid_request_error",
        unauthorized: "invalid_request_error",
    },
    Caller {
        name: "responses",
        protocol: Protocol::Responses,
        surface: Surface::Responses,
        text: "/output/0/content/0/text",
        piece: "/delta",
        end: "response.completed",
        failed: "event: error",
        kind: "/error/type",
        bad_request: "invalid_request_error",
        not_found: "invalid_request_error",
        unauthorized: "invalid_request_error",
    },
    Caller {
        name: "messages",
        protocol: Protocol::Anthropic,
        surface: Surface::Messages,
        text: "/content/0/text",
        piece: "/delta/text",
        end: "message_stop",
        failed: "event: error",
        kind: "/error/type",
        bad_request: "invalid_request_error",
        not_found: "not_found_error",
        unauthorized: "authentication_error",
    },
    Caller {
        name: "generate",
        protocol: Protocol::Gemini,
        surface: Surface::Generate,
        text: "/candidates/0/content/parts/0/text",
        piece: "/candidates/0/content/parts/0/text",
        end: r#""finishReason":"#,
        failed: r#"data: {"error":"#,
        kind: "/error/status",
        bad_request: "INVALID_ARGUMENT",
        not_found: "NOT_FOUND",
        unauthorized: "UNAUTHENTICATED",
    },
];

/// An upstream's side.
#[derive(Clone, Copy)]
pub struct Upstream {
    pub provider: &'static str,
    pub protocol: Protocol,
    pub model: &'static str,
    /// The header that carries the key, up to the key.
    pub key: &'static str,
    pub answer: &'static str,
    pub stream: &'static [&'static str],
    /// How many events of it are an unfinished stream that has begun to speak.
    pub unfinished: usize,
    pub error: &'static str,
}

impl Upstream {
    pub fn path(&self, stream: bool) -> String {
        match self.protocol {
            Protocol::Chat | Protocol::Bedrock => "chat/completions".to_owned(),
            Protocol::Responses => "responses".to_owned(),
            Protocol::Anthropic => "messages".to_owned(),
            Protocol::Gemini if stream => format!("models/{}:streamgeneratecontent?alt=sse", self.model),
            Protocol::Gemini => format!("models/{}:generatecontent", self.model),
        }
    }
}

pub const UPSTREAMS: &[Upstream] = &[
    Upstream {
        provider: "openai_compatible",
        protocol: Protocol::Chat,
        model: "chat-test",
        key: "authorization: bearer ",
        answer: r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"chat-test","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#,
        stream: &[
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"chat-test\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"chat-test\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"chat-test\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"chat-test\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"chat-test\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}}\n\n",
            "data: [DONE]\n\n",
        ],
        unfinished: 3,
        error: r#"{"error":{"message":"too hot","type":"invalid_request_error","param":"temperature","code":null}}"#,
    },
    Upstream {
        provider: "perplexity",
        protocol: Protocol::Responses,
        model: "resp-test",
        key: "authorization: bearer ",
        answer: r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"resp-test","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],"usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12}}"#,
        stream: &[
            "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"in_progress\",\"model\":\"resp-test\",\"output\":[]}}\n\n",
            "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"in_progress\",\"content\":[]}}\n\n",
            "event: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hel\"}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"lo\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\",\"model\":\"resp-test\",\"output\":[{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":9,\"output_tokens\":3,\"total_tokens\":12}}}\n\n",
        ],
        unfinished: 5,
        error: r#"{"error":{"message":"too hot","type":"invalid_request_error","param":"temperature","code":null}}"#,
    },
    Upstream {
        provider: "anthropic_compatible",
        protocol: Protocol::Anthropic,
        model: "claude-test",
        key: "x-api-key: ",
        answer: r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-test","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}"#,
        stream: &[
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-test\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ],
        unfinished: 5,
        error: r#"{"type":"error","error":{"type":"invalid_request_error","message":"too hot"},"request_id":"req_1"}"#,
    },
    Upstream {
        provider: "gemini_compatible",
        protocol: Protocol::Gemini,
        model: "gem-test",
        key: "x-goog-api-key: ",
        answer: r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3,"totalTokenCount":12},"modelVersion":"gem-test","responseId":"r1"}"#,
        stream: &[
            "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hel\"}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":1,\"totalTokenCount\":10},\"modelVersion\":\"gem-test\",\"responseId\":\"r1\"}\r\n\r\n",
            "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"lo\"}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":3,\"totalTokenCount\":12},\"modelVersion\":\"gem-test\",\"responseId\":\"r1\"}\r\n\r\n",
        ],
        unfinished: 1,
        error: r#"{"error":{"code":400,"message":"too hot","status":"INVALID_ARGUMENT"}}"#,
    },
];
