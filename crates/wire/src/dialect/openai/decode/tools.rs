//! Tools, the choice among them, and the functions that came before them.

use domain::chat::{Foreign, Function, Json, Tool, ToolChoice};
use domain::protocol::Protocol;

use super::parts::cache_mark;
use crate::dialect::field::{Field, Fields};
use crate::request::Unreadable;

/// All that a request says of tools.
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) choice: ToolChoice,
    pub(super) parallel: Option<bool>,
}

pub(super) fn read(root: &Fields<'_>) -> Result<Tools, Unreadable> {
    let mut tools: Vec<Tool> = root.items("tools")?.iter().map(tool).collect::<Result<_, _>>()?;
    let legacy = root.items("functions")?;
    for field in &legacy {
        tools.push(Tool::Function(function(&field.object()?)?));
    }
    if let Some(search) = root.get("web_search_options") {
        tools.push(foreign("web_search_options", &search));
    }
    let choice = match (root.get("tool_choice"), root.get("function_call")) {
        (Some(choice), _) => tool_choice(&choice)?,
        (None, Some(choice)) => function_call(&choice)?,
        (None, None) => ToolChoice::Auto,
    };
    // The older form has room for one call in an answer.
    let one_call = (!legacy.is_empty()).then_some(false);
    Ok(Tools { tools, choice, parallel: root.boolean("parallel_tool_calls")?.or(one_call) })
}

fn foreign(kind: &str, field: &Field<'_>) -> Tool {
    Tool::Foreign(Foreign { protocol: Protocol::Chat, kind: kind.to_owned(), json: field.value.json() })
}

/// One tool. Some clients leave its type out.
fn tool(field: &Field<'_>) -> Result<Tool, Unreadable> {
    let tool = field.object()?;
    match tool.text("type")?.as_deref() {
        None | Some("function") => {
            let mut function = function(&tool.need("function")?.object()?)?;
            function.cache = function.cache.or(cache_mark(&tool)?);
            Ok(Tool::Function(function))
        }
        Some(kind) => Ok(foreign(kind, field)),
    }
}

fn function(function: &Fields<'_>) -> Result<Function, Unreadable> {
    Ok(Function {
        name: function.needed_text("name")?,
        description: function.text("description")?,
        parameters: parameters(function)?,
        strict: function.boolean("strict")?,
        cache: cache_mark(function)?,
    })
}

/// The schema; an empty one says the same as none.
fn parameters(function: &Fields<'_>) -> Result<Option<Json>, Unreadable> {
    let Some(parameters) = function.get("parameters") else { return Ok(None) };
    parameters.object()?;
    let json = parameters.value.json();
    Ok((json.as_str() != "{}").then_some(json))
}

fn tool_choice(choice: &Field<'_>) -> Result<ToolChoice, Unreadable> {
    if choice.value.is_text() {
        return match choice.text()?.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            // Mistral's word.
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(choice.refuse("must be auto, none, required or an object")),
        };
    }
    let object = choice.object()?;
    match object.text("type")?.as_deref() {
        None | Some("function") => Ok(ToolChoice::Named(named(&object)?)),
        Some("allowed_tools") => {
            // The object is written with and without a wrapping member of its own name.
            let allowed = object.object("allowed_tools")?.unwrap_or(object);
            let mode = allowed.need("mode")?;
            let required = match mode.text()?.as_str() {
                "required" => true,
                "auto" => false,
                _ => return Err(mode.refuse("must be auto or required")),
            };
            let tools = allowed.need("tools")?.items()?;
            let names = tools.iter().map(|tool| named(&tool.object()?)).collect::<Result<_, _>>()?;
            Ok(ToolChoice::Among { names, required })
        }
        Some("custom") => Ok(ToolChoice::Named(object.need("custom")?.object()?.needed_text("name")?)),
        Some(_) => Err(choice.refuse("is of a type that is not known")),
    }
}

fn named(object: &Fields<'_>) -> Result<String, Unreadable> {
    match object.get("function").or_else(|| object.get("custom")) {
        Some(function) => function.object()?.needed_text("name"),
        None => object.needed_text("name"),
    }
}

fn function_call(choice: &Field<'_>) -> Result<ToolChoice, Unreadable> {
    if !choice.value.is_text() {
        return Ok(ToolChoice::Named(choice.object()?.needed_text("name")?));
    }
    match choice.text()?.as_str() {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        _ => Err(choice.refuse("must be auto, none or an object")),
    }
}
