//! Embeddings in both directions.

use super::*;
use crate::answer::Malformed;
use crate::dialect::Echo;
use crate::dialect::gemini::golden::ECHO;
use crate::dialect::gemini::read_answer;

const ONE: &str = r#"{"model":"models/e","content":{"parts":[{"text":"a"},{"text":"b"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":8}"#;

fn many(requests: &str) -> String {
    format!(r#"{{"requests":[{requests}]}}"#)
}

#[test]
fn a_callers_request_becomes_openais() {
    let check = |body: &str, expect: &str, dropped: &[&str]| {
        assert!(read(body.as_bytes(), "e").is_ok());
        let written = to_openai(body.as_bytes(), "text-embedding-3-small").unwrap();
        assert_eq!(String::from_utf8(written.body).unwrap(), expect);
        assert_eq!(written.dropped, dropped);
    };
    check(
        ONE,
        r#"{"model":"text-embedding-3-small","input":["a\nb"],"dimensions":8,"encoding_format":"float"}"#,
        &["taskType"],
    );
    let two = many(r#"{"content":"x"},{"content":{"parts":[{"text":"y"}]},"title":"t"}"#);
    check(
        &two,
        r#"{"model":"text-embedding-3-small","input":["x","y"],"encoding_format":"float"}"#,
        &["title"],
    );
    let configured = r#"{"content":{"parts":[{"text":"x"}]},"embedContentConfig":{"outputDimensionality":4,"taskType":"X"}}"#;
    check(
        configured,
        r#"{"model":"text-embedding-3-small","input":["x"],"dimensions":4,"encoding_format":"float"}"#,
        &["taskType"],
    );
}

#[test]
fn what_cannot_be_embedded_is_refused() {
    let refused = |body: &str| to_openai(body.as_bytes(), "m").unwrap_err().to_string();
    assert_eq!(refused(&many("{}")), "requests[0].content is required");
    assert_eq!(
        refused(r#"{"content":{"parts":[{"inlineData":{}}]}}"#),
        "content.parts[0] must be text for this model"
    );
    let unlike = many(r#"{"content":"x","outputDimensionality":1},{"content":"y","outputDimensionality":2}"#);
    assert_eq!(refused(&unlike), "requests[1].outputDimensionality must be the same in all requests");
    assert_eq!(read(b"{}", "m").unwrap_err().to_string(), "content is required");
}

#[test]
fn openais_embeddings_reach_the_caller_in_order() {
    let body = br#"{"data":[{"index":1,"embedding":[0.5]},{"index":0,"embedding":[-0.25,1e-3]}],"usage":{"prompt_tokens":7}}"#;
    let usage = r#""usageMetadata":{"promptTokenCount":7,"totalTokenCount":7}}"#;
    let written = |asked| String::from_utf8(from_openai(body, asked).unwrap()).unwrap();
    assert_eq!(
        written(Asked::Many),
        format!(r#"{{"embeddings":[{{"values":[-0.25,1e-3]}},{{"values":[0.5]}}],{usage}"#)
    );
    assert_eq!(written(Asked::One), format!(r#"{{"embedding":{{"values":[-0.25,1e-3]}},{usage}"#));
    assert_eq!(read_answer(written(Asked::Many).as_bytes()).unwrap().tokens.unwrap().total(), 7);
    assert_eq!(from_openai(br#"{"data":[{"embedding":"AAAA"}]}"#, Asked::One), Err(Malformed::NotAnAnswer));
}

#[test]
fn openais_callers_reach_google() {
    let written = |body: &str| from_openai_request(body.as_bytes(), "g");
    let one = written(r#"{"model":"x","input":"a","dimensions":8,"user":"u"}"#).unwrap();
    assert_eq!(
        String::from_utf8(one.body).unwrap(),
        r#"{"requests":[{"model":"models/g","content":{"parts":[{"text":"a"}]},"outputDimensionality":8}]}"#
    );
    assert_eq!(one.dropped, ["user"]);
    assert_eq!(written(r#"{"input":[1,2]}"#).unwrap_err().field, "input");
    assert_eq!(
        String::from_utf8(written(r#"{"input":["a","b"]}"#).unwrap().body)
            .unwrap()
            .matches("models/g")
            .count(),
        2
    );
}

#[test]
fn googles_embeddings_reach_openais_callers_as_they_asked() {
    let body = br#"{"embeddings":[{"values":[1,-0.5]}]}"#;
    let written = |asked: &'static [u8]| {
        let echo = Echo { body: asked, ..ECHO };
        String::from_utf8(to_openai_answer(body, &echo).unwrap()).unwrap()
    };
    let rest = r#"}],"model":"echoed-model","usage":{"prompt_tokens":0,"total_tokens":0}}"#;
    let start = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"#;
    assert_eq!(written(b"{}"), format!("{start}[1,-0.5]{rest}"));
    let packed = data_encoding::BASE64.encode(&[1.0_f32.to_le_bytes(), (-0.5_f32).to_le_bytes()].concat());
    assert_eq!(written(br#"{"encoding_format":"base64"}"#), format!("{start}\"{packed}\"{rest}"));
    assert_eq!(to_openai_answer(b"{}", &ECHO), Err(Malformed::NotAnAnswer));
}
