//! Chat completions: the members of a request that the demo provider heeds, and the answer they lead to. Tools come
//! first, then the format asked for, then text.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::instance;
use super::models::{self, Want};
use super::plan::{
    Bounds, Choice, Delivery, Kind, OneOrMany, Plan, Said, StreamOptions, ToolCall, choices_asked,
};
use super::refusal::Refusal;
use super::words;

/// Tokens that every message adds to the prompt beside its text.
const TOKENS_PER_MESSAGE: usize = 3;
/// The word in the user's message that gets all tools called at once.
const PARALLEL_WORD: &str = "parallel";

/// A request to `/v1/chat/completions`. Members that are not here change nothing.
#[derive(Deserialize)]
pub(super) struct Request {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    n: Option<u64>,
    stop: Option<OneOrMany>,
    #[serde(default)]
    tools: Vec<Tool>,
    tool_choice: Option<ToolChoice>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<ResponseFormat>,
    functions: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Option<Content>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message; only its text is read.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    parameters: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ToolChoice {
    Word(String),
    Named { function: Named },
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: NamedSchema },
}

#[derive(Deserialize)]
struct NamedSchema {
    schema: Option<Value>,
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }

    fn tokens(&self) -> usize {
        let texts = match &self.content {
            None => 0,
            Some(Content::Text(text)) => words::count(text),
            Some(Content::Parts(parts)) => {
                parts.iter().filter_map(|part| part.text.as_deref()).map(words::count).sum()
            }
        };
        texts + TOKENS_PER_MESSAGE
    }
}

/// Works out the answer to a request.
pub(super) fn plan(request: Request) -> Result<Plan, Refusal> {
    let model = models::wanted(request.model.as_deref(), Want::Text)?;
    let messages = request.messages.as_deref().ok_or_else(|| Refusal::missing("messages"))?;
    let last =
        messages.last().ok_or_else(|| Refusal::bad("messages", "There must be at least one message."))?;
    if request.functions.is_some() {
        return Err(Refusal::bad("functions", "The demo provider takes `tools`, not the older `functions`."));
    }
    let delivery = Delivery::asked(request.stream, request.stream_options)?;
    let user_text = messages.iter().rev().find(|message| message.role == Role::User).unwrap_or(last).text();
    let alternatives = choices_asked(request.n)?;
    let prompt_tokens = messages.iter().map(Message::tokens).sum();

    let calls = match last.role {
        Role::Tool => None,
        _ => calls(&request.tools, request.tool_choice.as_ref(), request.parallel_tool_calls, &user_text)?,
    };
    let said = |choice| match (&calls, last.role) {
        (Some(calls), _) => Ok(Said::Calls(calls.clone())),
        (None, Role::Tool) => {
            formatted(request.response_format.as_ref(), words::answer_to_result(model, &last.text()))
        }
        (None, _) => formatted(request.response_format.as_ref(), words::answer(model, &user_text, choice)),
    };
    let said = (0..alternatives).map(said).collect::<Result<Vec<Said>, Refusal>>()?;
    let bounds =
        Bounds::read(request.max_completion_tokens.or(request.max_tokens), request.stop, usize::MAX)?;
    let choices: Vec<Choice> = said.into_iter().map(|said| bounds.apply(said)).collect();
    Ok(Plan { kind: Kind::Chat, model, delivery, choices, prompt_tokens })
}

/// The calls to answer with; `None` when the answer is a text.
fn calls(
    tools: &[Tool],
    choice: Option<&ToolChoice>,
    parallel: Option<bool>,
    user_text: &str,
) -> Result<Option<Vec<ToolCall>>, Refusal> {
    let functions = tools
        .iter()
        .map(|tool| {
            tool.function.as_ref().ok_or_else(|| Refusal::bad("tools", "Only function tools are taken."))
        })
        .collect::<Result<Vec<&Function>, Refusal>>()?;
    let named = match choice {
        Some(ToolChoice::Word(word)) if word == "none" => return Ok(None),
        Some(ToolChoice::Word(word)) if word == "auto" || word == "required" => None,
        Some(ToolChoice::Word(_)) => {
            return Err(Refusal::bad("tool_choice", "There is no such tool choice."));
        }
        Some(ToolChoice::Named { function }) => {
            let named = functions.iter().find(|tool| tool.name == function.name);
            Some(
                named
                    .ok_or_else(|| Refusal::bad("tool_choice", "The chosen tool is not among the tools."))?,
            )
        }
        None => None,
    };
    let all_at_once = parallel != Some(false) && says_parallel(user_text);
    let called = match (named, functions.first()) {
        (Some(function), _) => std::slice::from_ref(function),
        (None, Some(_)) if all_at_once => functions.as_slice(),
        (None, Some(first)) => std::slice::from_ref(first),
        (None, None) if choice.is_some() => {
            return Err(Refusal::bad("tool_choice", "A tool choice needs tools to choose from."));
        }
        (None, None) => return Ok(None),
    };
    called.iter().map(|function| call(function)).collect::<Result<Vec<ToolCall>, Refusal>>().map(Some)
}

fn says_parallel(text: &str) -> bool {
    text.split(|char: char| !char.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case(PARALLEL_WORD))
}

fn call(function: &Function) -> Result<ToolCall, Refusal> {
    let arguments = match &function.parameters {
        None => "{}".to_owned(),
        Some(schema) => instance::of(schema).map_err(|why| Refusal::schema("tools", &why))?.to_string(),
    };
    Ok(ToolCall { name: function.name.clone(), arguments })
}

fn formatted(format: Option<&ResponseFormat>, text: String) -> Result<Said, Refusal> {
    let text = match format {
        None | Some(ResponseFormat::Text) => text,
        Some(ResponseFormat::JsonObject) => serde_json::json!({ "answer": text }).to_string(),
        Some(ResponseFormat::JsonSchema { json_schema: NamedSchema { schema: None } }) => {
            return Err(Refusal::missing("response_format.json_schema.schema"));
        }
        Some(ResponseFormat::JsonSchema { json_schema: NamedSchema { schema: Some(schema) } }) => {
            instance::of(schema).map_err(|why| Refusal::schema("response_format", &why))?.to_string()
        }
    };
    Ok(Said::Text(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan_of(body: Value) -> Result<Plan, Refusal> {
        plan(serde_json::from_value(body).map_err(|error| Refusal::unreadable(&error))?)
    }

    /// A request with two tools, changed by `change`, and the names and arguments called for it.
    fn called(change: Value) -> Result<Vec<(String, String)>, Refusal> {
        let mut body = json!({
            "model": "demo-fast",
            "messages": [{"role": "user", "content": "what is the weather?"}],
            "tools": [
                {"type": "function", "function": {"name": "weather", "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                    "required": ["city"],
                }}},
                {"type": "function", "function": {"name": "clock"}},
            ],
        });
        for (member, value) in change.as_object().unwrap() {
            body[member] = value.clone();
        }
        Ok(match &plan_of(body)?.choices[0].said {
            Said::Calls(calls) => {
                calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect()
            }
            Said::Text(_) => Vec::new(),
        })
    }

    #[test]
    fn tools_are_called_as_the_request_chooses() {
        fn check(change: Value, expect: &[&str]) {
            let names: Vec<String> =
                called(change.clone()).unwrap().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, expect, "{change}");
        }
        let parallel = json!([{"role": "user", "content": [{"type": "text", "text": "both, in Parallel!"}]}]);
        check(json!({}), &["weather"]);
        check(json!({"tool_choice": "none"}), &[]);
        check(json!({"tool_choice": "required"}), &["weather"]);
        check(json!({"tool_choice": {"type": "function", "function": {"name": "clock"}}}), &["clock"]);
        check(json!({"messages": parallel}), &["weather", "clock"]);
        check(json!({"messages": parallel, "parallel_tool_calls": false}), &["weather"]);
        check(
            json!({"messages": [{"role": "user", "content": "?"}, {"role": "tool", "content": "4 °C"}]}),
            &[],
        );
        assert_eq!(called(json!({})).unwrap()[0].1, r#"{"city":"demo"}"#);
        assert_eq!(
            called(json!({"tool_choice": {"type": "function", "function": {"name": "clock"}}})).unwrap()[0].1,
            "{}"
        );
    }

    #[test]
    fn tools_that_cannot_be_called_are_refused() {
        assert!(called(json!({"tool_choice": {"type": "function", "function": {"name": "other"}}})).is_err());
        assert!(called(json!({"tool_choice": "sometimes"})).is_err());
        assert!(called(json!({"tools": [], "tool_choice": "required"})).is_err());
        assert!(called(json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]})).is_err());
        assert!(called(json!({"functions": []})).is_err());
    }

    #[test]
    fn a_result_is_quoted_after_the_tool_was_called() {
        let plan = plan_of(json!({
            "model": "demo-smart",
            "messages": [
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": null, "tool_calls": []},
                {"role": "tool", "tool_call_id": "x", "content": "4 degrees"},
            ],
        }));
        let plan = plan.unwrap();
        assert!(matches!(&plan.choices[0].said, Said::Text(text) if text.contains("\"4 degrees\"")));
        // "weather?" and "4 degrees" are two tokens each, and there are three messages.
        assert_eq!(plan.prompt_tokens, 4 + 3 * TOKENS_PER_MESSAGE);
    }

    #[test]
    fn formats_shape_the_text() {
        fn said(format: Value) -> Value {
            let messages = json!([{"role": "user", "content": "hi"}]);
            let plan =
                plan_of(json!({"model": "demo-fast", "messages": messages, "response_format": format}))
                    .unwrap();
            match &plan.choices[0].said {
                Said::Text(text) => serde_json::from_str(text).unwrap(),
                Said::Calls(_) => Value::Null,
            }
        }
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        assert_eq!(
            said(json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})),
            json!({"n": 0})
        );
        assert!(said(json!({"type": "json_object"}))["answer"].as_str().unwrap().contains("demo provider"));
    }

    #[test]
    fn requests_that_no_model_could_answer_are_refused() {
        fn check(body: Value, status: u16) {
            assert_eq!(plan_of(body.clone()).unwrap_err().status.as_u16(), status, "{body}");
        }
        let messages = json!([{"role": "user", "content": "hi"}]);
        check(json!({"messages": messages}), 400);
        check(json!({"model": "gpt", "messages": messages}), 404);
        check(json!({"model": "demo-embed", "messages": messages}), 404);
        check(json!({"model": "demo-fast"}), 400);
        check(json!({"model": "demo-fast", "messages": []}), 400);
        check(json!({"model": "demo-fast", "messages": [{"role": "king", "content": "hi"}]}), 400);
        check(json!({"model": "demo-fast", "messages": messages, "max_tokens": 0}), 400);
        check(json!({"model": "demo-fast", "messages": messages, "response_format": {"type": "xml"}}), 400);
    }
}
