use domain::usage::Surface;

use super::*;
use crate::dialect::{anthropic, gemini, openai, responses};
use crate::request::{Request, Unreadable};

#[track_caller]
fn check(read: Result<Request, Unreadable>, expect: &[(Kind, &str, &str)]) {
    let references = read.unwrap().references;
    let found: Vec<_> =
        references.iter().map(|reference| (reference.kind, reference.id.as_str(), reference.field)).collect();
    assert_eq!(found, expect);
}

#[track_caller]
fn chat(message: &str, expect: &[(Kind, &str, &str)]) {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}},{message}]}}"#);
    check(openai::read(Surface::Chat, body.as_bytes()), expect);
}

#[test]
fn files_and_sounds_in_chats() {
    chat(r#"{"role":"user","content":"file_id"}"#, &[]);
    let part = |part: &str| format!(r#"{{"role":"user","content":[{{"type":"text","text":"a"}},{part}]}}"#);
    let file = &[(Kind::File, "file-1", "file_id")];
    chat(&part(r#"{"type":"file","file":{"file_id":"file-1"}}"#), file);
    chat(&part(r#"{"type":"file","file":{"\u0066ile_id":"file\u002d1"}}"#), file);
    chat(&part(r#"{"type":"file","file_id":"file-1"}"#), file);
    chat(&part(r#"{"type":"file","file":{"file_data":"data:,","filename":"file_id"}}"#), &[]);
    chat(&part(r#"{"type":"file","file":{"file_id":null}}"#), &[]);
    chat(&part(r#"{"type":"file","file":{"file_id":""}}"#), &[]);
    chat(&part(r#"{"type":"image_url","image_url":{"url":"https://a.example/file-1"}}"#), &[]);
    chat(r#"{"role":"assistant","audio":{"id":"audio_1"}}"#, &[(Kind::Item, "audio_1", "audio.id")]);
    chat(r#"{"role":"assistant","content":"x","audio":null}"#, &[]);
    chat(
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":
            {"name":"f","arguments":"{\"file_id\":\"file-1\"}"}}]}"#,
        &[],
    );
}

#[test]
fn what_describes_values_names_nothing() {
    let schema = r#"{"type":"object","properties":{"file_id":{"type":"string"}},"examples":[{"file_id":"x"}],
        "required":["file_id"],"default":{"container":"c","vector_store_ids":["v"]}}"#;
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"response_format":{{"type":"json_schema",
        "json_schema":{{"name":"n","schema":{schema}}}}},
        "tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#
    );
    check(openai::read(Surface::Chat, body.as_bytes()), &[]);
    let body = format!(
        r#"{{"model":"m","input":"x","text":{{"format":{{"type":"json_schema","name":"n","schema":{schema}}}}},
        "tools":[{{"type":"function","name":"f","parameters":{schema}}}]}}"#
    );
    check(responses::read(body.as_bytes()), &[]);
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"x"}}],
        "tools":[{{"name":"f","input_schema":{schema}}}]}}"#
    );
    check(anthropic::read(body.as_bytes()), &[]);
    let body = format!(
        r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],"tools":[{{"functionDeclarations":[{{"name":"f",
        "parametersJsonSchema":{schema},"response":{schema}}}]}}]}}"#
    );
    check(gemini::read(body.as_bytes(), "m", false), &[]);
}

#[track_caller]
fn response(members: &str, expect: &[(Kind, &str, &str)]) {
    check(responses::read(format!(r#"{{"model":"m",{members}}}"#).as_bytes()), expect);
}

#[test]
fn kept_things_in_responses() {
    let file = (Kind::File, "file-1", "file_id");
    response(r#""input":"item_reference""#, &[]);
    for part in
        [r#"{"type":"input_file","file_id":"file-1"}"#, r#"{"type":"input_image","file_id":"file-1"}"#]
    {
        response(&format!(r#""input":[{{"role":"user","content":[{part}]}}]"#), &[file]);
    }
    response(
        r#""input":[{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","file_id":"file-1"}}]"#,
        &[file],
    );
    let item = &[(Kind::Item, "msg_1", "input.id")];
    response(r#""input":[{"type":"item_reference","id":"msg_1"}]"#, item);
    response(r#""input":[{"id":"msg_1"}]"#, item);
    response(r#""input":[{"id":"msg_1","type":null}]"#, item);
    response(r#""input":[{"id":"msg_1","role":"assistant","content":"x"}]"#, &[]);
    response(r#""input":[{"type":"message","id":"msg_1","role":"assistant","content":[]}]"#, &[]);
    response(
        r#""input":[{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1","code":"x"}]"#,
        &[(Kind::Container, "cntr_1", "container_id")],
    );
    response(
        r#""prompt":{"id":"pmpt_1","version":"2","variables":{"id":"x","doc":{"type":"input_file","file_id":"file-1"}}}"#,
        &[(Kind::Prompt, "pmpt_1", "prompt.id"), file],
    );
    response(
        r#""prompt":{"id":"p","variables":{"schema":{"type":"input_file","file_id":"file-1"}}}"#,
        &[(Kind::Prompt, "p", "prompt.id"), file],
    );
    let tools = |tools: &str| format!(r#""input":"x","tools":[{tools}]"#);
    response(
        &tools(
            r#"{"type":"file_search","vector_store_ids":["vs_1","vs_2"],"filters":{"type":"eq","key":"k"}}"#,
        ),
        &[(Kind::VectorStore, "vs_1", "vector_store_ids"), (Kind::VectorStore, "vs_2", "vector_store_ids")],
    );
    response(
        &tools(r#"{"type":"code_interpreter","container":"cntr_1"}"#),
        &[(Kind::Container, "cntr_1", "container")],
    );
    response(
        &tools(r#"{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}"#),
        &[(Kind::File, "file-1", "file_ids")],
    );
    response(&tools(r#"{"type":"image_generation","input_image_mask":{"file_id":"file-1"}}"#), &[file]);
    response(
        &tools(
            r#"{"type":"shell","environment":{"type":"container_auto","skills":[{"type":"skill_reference","skill_id":"s1"}]}}"#,
        ),
        &[(Kind::Skill, "s1", "skill_id")],
    );
    response(&tools(r#"{"type":"web_search"},{"type":"code_interpreter","container":{"type":"auto"}}"#), &[]);
}

#[track_caller]
fn message(members: &str, expect: &[(Kind, &str, &str)]) {
    check(anthropic::read(format!(r#"{{"model":"m","max_tokens":1,{members}}}"#).as_bytes()), expect);
}

#[test]
fn kept_things_in_messages() {
    let content = |blocks: &str| format!(r#""messages":[{{"role":"user","content":[{blocks}]}}]"#);
    let file = &[(Kind::File, "file_1", "file_id")];
    message(&content(r#"{"type":"document","source":{"type":"file","file_id":"file_1"}}"#), file);
    message(
        &content(r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}"#),
        &[],
    );
    message(&content(r#"{"type":"container_upload","file_id":"file_1"}"#), file);
    message(
        &content(
            r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]}"#,
        ),
        file,
    );
    message(
        &content(
            r#"{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]}}"#,
        ),
        file,
    );
    message(&content(r#"{"type":"tool_use","id":"t","name":"f","input":{"file_id":"mine"}}"#), &[]);
    message(
        &content(r#"{"type":"text","text":"x","citations":[{"type":"char_location","file_id":null}]}"#),
        &[],
    );
    let text = content(r#"{"type":"text","text":"x"}"#);
    message(&format!(r#"{text},"container":"c1""#), &[(Kind::Container, "c1", "container")]);
    message(
        &format!(
            r#"{text},"container":{{"id":"c1","skills":[{{"type":"anthropic","skill_id":"pdf"}},{{"skill_id":"s1","type":"custom"}}]}}"#
        ),
        &[(Kind::Container, "c1", "container.id"), (Kind::Skill, "s1", "container.skills.skill_id")],
    );
    message(&format!(r#"{text},"container":null"#), &[]);
    let system = r#","system":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]"#;
    message(&(text + system), file);
}

#[track_caller]
fn generate(members: &str, expect: &[(Kind, &str, &str)]) {
    let body = format!(r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],{members}}}"#);
    check(gemini::read(body.as_bytes(), "m", false), expect);
    let body = format!(r#"{{"generateContentRequest":{body}}}"#);
    check(gemini::read_count(body.as_bytes(), "m"), expect);
}

#[test]
fn kept_things_of_google() {
    let address = |address: &str, is_kept: bool| {
        for part in [
            format!(r#"{{"fileData":{{"mimeType":"a/b","fileUri":"{address}"}}}}"#),
            format!(r#"{{"file_data":{{"file_uri":"{address}"}}}}"#),
        ] {
            let expect = [(Kind::File, address, "fileData.fileUri")];
            generate(
                &format!(r#""systemInstruction":{{"parts":[{part}]}}"#),
                if is_kept { &expect } else { &[] },
            );
        }
    };
    address("https://generativelanguage.googleapis.com/v1beta/files/abc", true);
    address("HTTPS://GenerativeLanguage.GoogleAPIs.com/v1beta/files/abc", true);
    address("https://a@b.example/files/abc", true);
    address("https://generativelanguage%2egoogleapis.com/files/abc", true);
    address("files/abc", true);
    address("gs://bucket/object", true);
    address("https://www.youtube.com/watch?v=abc", false);
    address("http://a.example:8080/files/abc", false);
    let cached = &[(Kind::CachedContent, "cachedContents/a", "cachedContent")];
    generate(r#""cachedContent":"cachedContents/a""#, cached);
    generate(r#""cached_content":"cachedContents/a""#, cached);
    generate(
        r#""tools":[{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/a"]}}]"#,
        &[(Kind::VectorStore, "fileSearchStores/a", "fileSearchStoreNames")],
    );
    generate(
        r#""tools":[{"retrieval":{"vertexAiSearch":{"datastore":"projects/p/x"}}}]"#,
        &[(Kind::VectorStore, "retrieval", "tools.retrieval")],
    );
    generate(r#""tools":[{"googleSearch":{}},{"codeExecution":{}}]"#, &[]);
}

#[test]
fn one_request_names_so_many_and_no_more() {
    let body = |count: usize| {
        let items = vec![r#"{"type":"item_reference","id":"msg_1"}"#; count].join(",");
        format!(r#"{{"model":"m","input":[{items}],"prompt":{{"id":"p"}}}}"#)
    };
    let most = responses::read(body(MAX_REFERENCES - 1).as_bytes()).unwrap();
    assert_eq!(most.references.len(), MAX_REFERENCES);
    for count in [MAX_REFERENCES, 5 * MAX_REFERENCES] {
        let refused = responses::read(body(count).as_bytes()).unwrap_err();
        assert!(refused.to_string().ends_with("is one kept thing too many: a request names at most 1000"));
    }
}
