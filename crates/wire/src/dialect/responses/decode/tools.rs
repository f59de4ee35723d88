//! `tools` and `tool_choice`.

use domain::chat::{Foreign, Function, Request, Tool, ToolChoice};
use domain::protocol::Protocol;

use crate::dialect::field::{Field, Fields};
use crate::request::{MAX_TOOLS, Unreadable};

/// Reads `tools`. All but functions are the protocol's own.
pub(super) fn decode(list: &Field<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let items = list.items()?;
    if items.len() > MAX_TOOLS {
        return Err(list.refuse("has too many elements"));
    }
    for item in items {
        let members = item.object()?;
        let kind = members.needed_text("type")?;
        let tool = if kind == "function" {
            Tool::Function(function(&members, &mut request.unplaced)?)
        } else {
            Tool::Foreign(Foreign { protocol: Protocol::Responses, kind, json: item.value.json() })
        };
        request.tools.push(tool);
    }
    Ok(())
}

/// A function. One that leaves `strict` out is made strict by OpenAI's Responses where its schema can be rewritten so, and
/// is not where it cannot: no other protocol does that, so that it stays unsaid here.
fn function(members: &Fields<'_>, unplaced: &mut Vec<String>) -> Result<Function, Unreadable> {
    let parameters = members.get("parameters");
    if let Some(parameters) = &parameters {
        parameters.object()?;
    }
    let function = Function {
        name: members.needed_text("name")?,
        description: members.text("description")?,
        parameters: parameters.map(|parameters| parameters.value.json()),
        strict: members.boolean("strict")?,
        cache: None,
    };
    for name in super::without(members, &["type", "name", "description", "parameters", "strict"]) {
        let name = format!("tools[].{name}");
        if !unplaced.contains(&name) {
            unplaced.push(name);
        }
    }
    Ok(function)
}

/// Reads `tool_choice`.
pub(super) fn choice(node: &Field<'_>) -> Result<ToolChoice, Unreadable> {
    if node.value.is_text() {
        return match node.text()?.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(node.refuse("must be none, auto, required or an object")),
        };
    }
    let members = node.object().map_err(|_| node.refuse("must be a string or an object"))?;
    let kind = members.need("type")?;
    match kind.text()?.as_str() {
        "function" => Ok(ToolChoice::Named(members.needed_text("name")?)),
        "allowed_tools" => {
            let mode = members.need("mode")?;
            let required = match mode.text()?.as_str() {
                "auto" => false,
                "required" => true,
                _ => return Err(mode.refuse("must be auto or required")),
            };
            let names: Result<Vec<String>, Unreadable> =
                members.need("tools")?.items()?.iter().map(allowed).collect();
            Ok(ToolChoice::Among { names: names?, required })
        }
        _ => Err(kind.refuse("names a tool that only an upstream of the Responses API has")),
    }
}

fn allowed(tool: &Field<'_>) -> Result<String, Unreadable> {
    let members = tool.object()?;
    let kind = members.need("type")?;
    if kind.text()? != "function" {
        return Err(kind.refuse("names a tool that only an upstream of the Responses API has"));
    }
    members.needed_text("name")
}
