//! Counting tokens.

use domain::chat::{Function, Tool, ToolChoice};

use super::*;
use crate::dialect::gemini::golden::target;

#[test]
fn wire_fact_35_a_count_is_asked_of_either_service() {
    let body = br#"{"generateContentRequest":{"model":"models/m","contents":[{"role":"user","parts":[{"text":"a"}]}],"systemInstruction":{"parts":[{"text":"s"}]}}}"#;
    let mut request = decode_count(body).unwrap();
    request.tools = vec![Tool::Function(Function { name: "f".to_owned(), ..Function::default() })];
    request.tool_choice = ToolChoice::Required;
    let members = r#""systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}]"#;
    let written =
        |service| String::from_utf8(encode_count(&request, &target("g"), service).unwrap().body).unwrap();
    assert_eq!(written(Service::Vertex), format!("{{{members}}}"));
    assert_eq!(
        written(Service::Studio),
        format!(r#"{{"generateContentRequest":{{"model":"models/g",{members}}}}}"#)
    );
    assert_eq!(decode_count(br#"{"contents":"a"}"#).unwrap().turns.len(), 1);
    assert_eq!(
        decode_count(br#"{"generateContentRequest":{"contents":[3]}}"#).unwrap_err().field(),
        Some("generateContentRequest.contents[0]")
    );
}

#[test]
fn counts_are_read_and_written() {
    assert_eq!(write_count_answer(31), br#"{"totalTokens":31}"#);
    assert_eq!(read_count_answer(br#"{"totalTokens":31,"totalBillableCharacters":90}"#), Some(31));
    assert_eq!(read_count_answer(br#"{"error":{}}"#), None);
    assert_eq!(read_count_answer(b"no"), None);
}
